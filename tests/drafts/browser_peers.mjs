// The browsers of test_convergence.py: `node browser_peers.mjs EXTENSION FOLDER` bundles the extension's own document
// into a folder, and does with it what the lines on standard input say; each is answered with a line.
import { writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

const [extension, folder] = process.argv.slice(2);
const require = createRequire(join(extension, 'package.json'));
const { rspack } = require('@rspack/core');

const entry = join(folder, 'entry.js');
const source = JSON.stringify(join(extension, 'src', 'drafts', 'shared-document.ts'));
writeFileSync(entry, `export { SharedDocument, mayBeText } from ${source};\nexport * as Y from 'yjs';\n`);
const compiler = rspack({
  mode: 'development',
  devtool: false,
  target: 'node',
  context: extension,
  entry: { bundle: entry },
  output: { path: folder, library: { type: 'commonjs2' } },
  resolve: { extensions: ['.ts', '.tsx', '.js'], modules: [join(extension, 'node_modules')] },
  module: {
    rules: [
      {
        test: /\.tsx?$/,
        type: 'javascript/auto',
        loader: 'builtin:swc-loader',
        options: { jsc: { parser: { syntax: 'typescript', tsx: true }, target: 'es2020' } }
      }
    ]
  }
});

const base64 = bytes => Buffer.from(bytes).toString('base64');

function listen({ SharedDocument, mayBeText, Y }) {
  let people = [];
  const answers = {
    begin({ kind, value, count }) {
      people.forEach(({ document }) => document.dispose());
      people = Array.from({ length: count }, () => {
        const made = [];
        const document = new SharedDocument({ kind, value });
        document.doc.on('update', (update, origin) => origin === 'room' || made.push(base64(update)));
        return { document, made, mayBeText: mayBeText({ kind, value }) };
      });
    },
    hear({ who, updates }) {
      updates.forEach(update => Y.applyUpdate(people[who].document.doc, Buffer.from(update, 'base64'), 'room'));
    },
    write({ who, value }) {
      const { document, mayBeText } = people[who];
      if (typeof value === 'string' && !mayBeText) {
        document.writeUnfinished(value);
      } else {
        document.write(value);
      }
    },
    undo: ({ who }) => void people[who].document.undoManager.undo(),
    redo: ({ who }) => void people[who].document.undoManager.redo(),
    read({ who }) {
      const { document } = people[who];
      return { value: document.unfinishedText ?? document.value, whole: base64(Y.encodeStateAsUpdate(document.doc)) };
    }
  };
  createInterface({ input: process.stdin }).on('line', line => {
    const asked = JSON.parse(line);
    const result = answers[asked.do](asked) ?? {};
    const updates = asked.who === undefined ? [] : people[asked.who].made.splice(0);
    console.log(JSON.stringify({ ...result, updates }));
  });
}

compiler.run((error, stats) => {
  if (error || stats.hasErrors()) {
    console.error(error ?? stats.toString());
    process.exit(1);
  }
  compiler.close(() => listen(require(join(folder, 'bundle.js'))));
});
