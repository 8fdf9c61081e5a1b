// node tsrename.cjs TREE < rows.json > result.json: rows [{file, old, new}] to edits [{file, start, end, text}] (offsets).
const fs = require('fs');
const path = require('path');
const root = process.argv[2];
const ts = require(path.join(root, 'extension/node_modules/typescript'));
const extension = path.join(root, 'extension');
const input = JSON.parse(fs.readFileSync(0, 'utf8'));
const rows = input.rows;
const moves = input.moves || {};

function walk(folder) {
  return fs.readdirSync(folder, { withFileTypes: true }).flatMap(entry => {
    const full = path.join(folder, entry.name);
    return entry.isDirectory() ? walk(full) : /\.tsx?$/.test(entry.name) ? [full] : [];
  });
}
const files = [...walk(path.join(extension, 'src')), ...walk(path.join(extension, 'tests'))];
const config = ts.readConfigFile(path.join(extension, 'tsconfig.json'), ts.sys.readFile).config;
const options = ts.parseJsonConfigFileContent(config, ts.sys, extension).options;
delete options.rootDir;
const host = {
  getScriptFileNames: () => files,
  getScriptVersion: () => '0',
  getScriptSnapshot: name => (fs.existsSync(name) ? ts.ScriptSnapshot.fromString(fs.readFileSync(name, 'utf8')) : undefined),
  getCurrentDirectory: () => extension,
  getCompilationSettings: () => options,
  getDefaultLibFileName: o => ts.getDefaultLibFilePath(o),
  fileExists: ts.sys.fileExists,
  readFile: ts.sys.readFile,
  readDirectory: ts.sys.readDirectory,
  directoryExists: ts.sys.directoryExists,
  getDirectories: ts.sys.getDirectories,
  realpath: ts.sys.realpath
};
const service = ts.createLanguageService(host, ts.createDocumentRegistry());
const program = service.getProgram();
const checker = program.getTypeChecker();

// ---- definitions of each file by qualified name
const definitions = new Map(); // file -> Map(name -> [identifier nodes])
const scopes = new Map(); // file -> Map(scope -> Set(names))
function define(file, name, node) {
  const map = definitions.get(file);
  if (!map.has(name)) map.set(name, []);
  map.get(name).push(node);
}
function index(source) {
  const file = source.fileName;
  definitions.set(file, new Map());
  const names = new Map();
  scopes.set(file, names);
  const scopeAdd = (scope, name) => {
    if (!names.has(scope)) names.set(scope, new Set());
    names.get(scope).add(name);
  };
  function bindNames(binding, prefix, inFunction) {
    if (ts.isIdentifier(binding)) {
      scopeAdd(prefix, binding.text);
      define(file, inFunction ? `${prefix}:${binding.text}` : prefix ? `${prefix}.${binding.text}` : binding.text, binding);
    } else {
      binding.elements.forEach(e => ts.isBindingElement(e) && bindNames(e.name, prefix, inFunction));
    }
  }
  function visit(node, prefix, inFunction) {
    const join = name => (prefix ? `${prefix}.${name}` : name);
    if (ts.isImportSpecifier(node)) scopeAdd('', node.name.text);
    if (ts.isImportClause(node) && node.name) scopeAdd('', node.name.text);
    const named =
      (ts.isClassDeclaration(node) || ts.isInterfaceDeclaration(node) || ts.isTypeAliasDeclaration(node) || ts.isFunctionDeclaration(node) ||
        ts.isEnumDeclaration(node) || ts.isModuleDeclaration(node) || ts.isMethodDeclaration(node) || ts.isMethodSignature(node) ||
        ts.isPropertyDeclaration(node) || ts.isPropertySignature(node) || ts.isGetAccessorDeclaration(node) || ts.isSetAccessorDeclaration(node) ||
        ts.isEnumMember(node)) && node.name && (ts.isIdentifier(node.name) || ts.isPrivateIdentifier(node.name));
    if (named) {
      const name = node.name.text;
      scopeAdd(prefix, name);
      define(file, inFunction && ts.isFunctionDeclaration(node) ? join(name) : join(name), node.name);
      const functionLike = ts.isFunctionDeclaration(node) || ts.isMethodDeclaration(node) || ts.isMethodSignature(node) || ts.isGetAccessorDeclaration(node) || ts.isSetAccessorDeclaration(node);
      if (functionLike) parameters(node, join(name));
      ts.forEachChild(node, child => visit(child, join(name), functionLike));
      return;
    }
    if (ts.isConstructorDeclaration(node)) {
      parameters(node, join('constructor'));
      for (const p of node.parameters) {
        if (ts.canHaveModifiers(p) && ts.getModifiers(p)?.length && ts.isIdentifier(p.name)) {
          scopeAdd(prefix, p.name.text);
          define(file, join(p.name.text), p.name);
        }
      }
      ts.forEachChild(node, child => visit(child, join('constructor'), true));
      return;
    }
    if (ts.isVariableDeclaration(node)) {
      bindNames(node.name, prefix, inFunction);
      if (ts.isIdentifier(node.name) && node.initializer) {
        let init = node.initializer;
        while (ts.isCallExpression(init) && init.arguments.length && (ts.isArrowFunction(init.arguments[0]) || ts.isFunctionExpression(init.arguments[0]))) init = init.arguments[0];
        if (ts.isArrowFunction(init) || ts.isFunctionExpression(init)) {
          parameters(init, join(node.name.text));
          ts.forEachChild(init, child => visit(child, join(node.name.text), true));
          return;
        }
        if (!inFunction && ts.isObjectLiteralExpression(init)) {
          ts.forEachChild(init, child => visit(child, join(node.name.text), false));
          return;
        }
      }
    }
    if (ts.isPropertyAssignment(node) && ts.isIdentifier(node.name) && !inFunction) {
      define(file, join(node.name.text), node.name);
    }
    ts.forEachChild(node, child => visit(child, prefix, inFunction));
  }
  function parameters(node, owner) {
    const add = binding => {
      if (ts.isIdentifier(binding)) {
        define(file, `${owner}(${binding.text})`, binding);
        scopeAdd(owner, binding.text);
      } else binding.elements.forEach(e => ts.isBindingElement(e) && add(e.name));
    };
    node.parameters.forEach(p => add(p.name));
  }
  ts.forEachChild(source, child => visit(child, '', false));
}
const sources = program.getSourceFiles().filter(s => files.includes(s.fileName));
sources.forEach(index);

// ---- identifiers by text
const identifiers = new Map();
for (const source of sources) {
  const visit = node => {
    if (ts.isIdentifier(node) || ts.isPrivateIdentifier(node)) {
      if (!identifiers.has(node.text)) identifiers.set(node.text, []);
      identifiers.get(node.text).push(node);
    }
    ts.forEachChild(node, visit);
  };
  visit(source);
}
function unalias(symbol) {
  return symbol && symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol;
}

const relative = name => path.relative(root, name).split(path.sep).join('/');
const newNames = new Map(rows.filter(r => !/[(:]/.test(r.old)).map(r => [`${r.file} ${r.old}`, last(r.new)]));
function last(name) {
  return name.replace(/\)$/, '').split(/[.(:]/).pop();
}
function variants(row) {
  const [, owner, rest] = /^([^(:]*)(.*)$/.exec(row.old);
  const parts = owner.split('.');
  const renamed = parts.map((part, i) => newNames.get(`${row.file} ${parts.slice(0, i + 1).join('.')}`) ?? part);
  const limit = rest ? parts.length : parts.length - 1;
  const other = parts.map((part, i) => (i < limit ? renamed[i] : part)).join('.') + rest;
  return other === row.old ? [row.old] : [row.old, other];
}
function withLast(name, fresh) {
  if (name.endsWith(')')) return name.slice(0, name.indexOf('(') + 1) + fresh + ')';
  if (name.includes(':')) return name.split(':')[0] + ':' + fresh;
  return [...name.split('.').slice(0, -1), fresh].join('.');
}
function scopeOf(name) {
  return /[(:]/.test(name) ? name.split(/[(:]/)[0] : name.split('.').slice(0, -1).join('.');
}

function locate(row) {
  const fresh = last(row.new);
  const candidates = [row.file, ...(moves[row.file] || [])].map(f => path.join(root, f));
  const present = candidates.filter(f => definitions.has(f));
  for (const name of variants(row)) {
    for (const file of present) if (definitions.get(file).has(name)) return { file, name };
  }
  if (!present.length) {
    for (const name of variants(row)) {
      const found = [...definitions.keys()].filter(f => relative(f).startsWith('extension/src/') && definitions.get(f).has(name));
      if (found.length === 1) return { file: found[0], name };
      if (found.length > 1) return { state: 'ambiguous', note: found.map(relative).join(', ') };
    }
  }
  const done = variants(row).some(name => [...definitions.values()].some(map => map.has(withLast(name, fresh))));
  return done ? { state: 'done', note: '' } : { state: 'missing', note: 'no definition of this name' };
}

const results = rows.map(row => ({ row, ...locate(row) }));
for (const one of results) {
  if (!one.name) continue;
  const before = results.find(r => r !== one && r.row.file === one.row.file && scopeOf(r.row.old) === scopeOf(one.row.old) && last(r.row.new) === last(one.row.old));
  if (before && before.state === 'done') Object.assign(one, { name: undefined, state: 'done', note: 'its name is what another row made' });
}
const leaving = new Set(results.filter(r => r.name).map(r => `${r.file} ${r.name}`));
const edits = [];
const reports = [];
for (const one of results) {
  if (!one.name) continue;
  const { row, file, name } = one;
  const fresh = last(row.new);
  const old = last(row.old);
  const scope = scopeOf(name);
  const inScope = scopes.get(file).get(scope);
  if (inScope?.has(fresh) && !leaving.has(`${file} ${withLast(name, fresh)}`)) {
    Object.assign(one, { state: 'refused', note: `${fresh} exists in ${scope || relative(file)}` });
    continue;
  }
  const nodes = definitions.get(file).get(name);
  const found = [];
  if (!scope && !/[(:]/.test(name)) {
    const targets = new Set(nodes.map(n => unalias(checker.getSymbolAtLocation(n))));
    for (const node of identifiers.get(old) || []) {
      const source = node.getSourceFile();
      const start = node.getStart(source);
      if (ts.isShorthandPropertyAssignment(node.parent)) {
        if (targets.has(unalias(checker.getShorthandAssignmentValueSymbol(node.parent)))) found.push([source, start, node.end, `${old}: ${fresh}`]);
        continue;
      }
      let symbol = checker.getSymbolAtLocation(node);
      if (ts.isExportSpecifier(node.parent) && !node.parent.propertyName && !node.parent.parent.parent.moduleSpecifier) symbol = checker.getExportSpecifierLocalTargetSymbol(node.parent);
      if (targets.has(unalias(symbol))) found.push([source, start, node.end, fresh]);
    }
    const clash = found.find(([source]) => scopes.get(source.fileName)?.get('')?.has(fresh) && !leaving.has(`${source.fileName} ${fresh}`) && !importLeaves(source, fresh));
    if (clash) {
      Object.assign(one, { state: 'refused', note: `${fresh} exists in ${relative(clash[0].fileName)}` });
      continue;
    }
    let hidden;
    for (const [source, start] of found) {
      for (const symbol of checker.getSymbolsInScope(nodeAt(source, start), ts.SymbolFlags.Value | ts.SymbolFlags.Type)) {
        if (symbol.name !== fresh) continue;
        const declared = symbol.declarations?.[0];
        if (declared && files.includes(declared.getSourceFile().fileName) && enclosedLocal(declared)) hidden = `${relative(source.fileName)}`;
      }
    }
    if (hidden) {
      Object.assign(one, { state: 'refused', note: `${fresh} is a local name where ${old} is used in ${hidden}` });
      continue;
    }
  } else {
    for (const node of nodes) {
      const locations = service.findRenameLocations(file, node.getStart(), false, false, { providePrefixAndSuffixTextForRename: true });
      if (!locations) {
        one.note = `cannot rename at ${relative(file)}:${node.getStart()}`;
        continue;
      }
      for (const at of locations) {
        const source = program.getSourceFile(at.fileName);
        if (!files.includes(at.fileName)) { Object.assign(one, { state: 'refused', note: `defined in ${at.fileName} too` }); break; }
        found.push([source, at.textSpan.start, at.textSpan.start + at.textSpan.length, (at.prefixText || '') + fresh + (at.suffixText || '')]);
      }
      if (one.state) break;
    }
    if (one.state) continue;
  }
  if (!found.length) {
    Object.assign(one, { state: 'refused', note: one.note || 'nothing found to rename' });
    continue;
  }
  one.state = 'applied';
  for (const [source, start, end, text] of found) edits.push({ file: relative(source.fileName), start, end, text, row: row.old });
}
function nodeAt(source, position) {
  let found = source;
  const visit = node => { if (node.getStart(source) <= position && position < node.end) { found = node; ts.forEachChild(node, visit); } };
  visit(source);
  return found;
}
function enclosedLocal(node) {
  for (let n = node.parent; n; n = n.parent) if (ts.isFunctionLike(n)) return true;
  return false;
}
function importLeaves(source, name) {
  for (const node of identifiers.get(name) || []) {
    if (node.getSourceFile() !== source || !ts.isImportSpecifier(node.parent)) continue;
    const symbol = unalias(checker.getSymbolAtLocation(node));
    const declared = symbol?.declarations?.[0];
    return !!declared && leaving.has(`${declared.getSourceFile().fileName} ${name}`);
  }
  return false;
}
// ---- stubs of tests: `stub as unknown as T` has the members of T by name alone
const renamedAt = new Map(edits.map(e => [`${e.file} ${e.start}`, e]));
const nameOf = declaration => declaration && declaration.name && (ts.isIdentifier(declaration.name) || ts.isPrivateIdentifier(declaration.name)) ? declaration.name : null;
function link(expression, type, depth) {
  type = checker.getNonNullableType(type);
  if (depth > 4 || type.flags & (ts.TypeFlags.Any | ts.TypeFlags.Unknown | ts.TypeFlags.Never)) return;
  while (ts.isAsExpression(expression) || ts.isParenthesizedExpression(expression)) expression = expression.expression;
  for (const property of checker.getTypeAtLocation(expression).getProperties()) {
    const own = nameOf(property.valueDeclaration);
    if (!own || !relative(own.getSourceFile().fileName).startsWith('extension/tests/')) continue;
    const target = checker.getPropertyOfType(type, property.name);
    const theirs = nameOf(target?.declarations?.[0]);
    if (!theirs) continue;
    const edit = renamedAt.get(`${relative(theirs.getSourceFile().fileName)} ${theirs.getStart()}`);
    const key = `${relative(own.getSourceFile().fileName)} ${own.getStart()}`;
    if (edit && !renamedAt.has(key)) {
      const fresh = edit.text.split(': ')[0];
      if (ts.isShorthandPropertyAssignment(property.valueDeclaration)) {
        const one = { file: relative(own.getSourceFile().fileName), start: own.getStart(), end: own.end, text: `${fresh}: ${own.text}`, row: edit.row };
        edits.push(one);
        renamedAt.set(key, one);
        continue;
      }
      const locations = service.findRenameLocations(own.getSourceFile().fileName, own.getStart(), false, false, { providePrefixAndSuffixTextForRename: true }) || [];
      for (const at of locations) {
        const one = { file: relative(at.fileName), start: at.textSpan.start, end: at.textSpan.start + at.textSpan.length, text: (at.prefixText || '') + fresh + (at.suffixText || ''), row: edit.row };
        edits.push(one);
        renamedAt.set(`${one.file} ${one.start}`, one);
      }
    }
    const declaration = property.valueDeclaration;
    if (ts.isPropertyAssignment(declaration) && ts.isObjectLiteralExpression(declaration.initializer)) {
      link(declaration.initializer, checker.getTypeOfSymbolAtLocation(target, declaration), depth + 1);
    }
  }
}
for (const source of sources) {
  if (!relative(source.fileName).startsWith('extension/tests/')) continue;
  const visit = node => {
    if (ts.isAsExpression(node)) {
      const call = node.parent;
      if (node.type.kind === ts.SyntaxKind.NeverKeyword && (ts.isCallExpression(call) || ts.isNewExpression(call))) {
        const parameter = checker.getResolvedSignature(call)?.parameters[(call.arguments || []).indexOf(node)];
        if (parameter) link(node.expression, checker.getTypeOfSymbolAtLocation(parameter, call), 0);
      } else link(node.expression, checker.getTypeFromTypeNode(node.type), 0);
    }
    ts.forEachChild(node, visit);
  };
  visit(source);
}
// ---- one text for one place
const seen = new Map();
const unique = [];
for (const edit of edits) {
  const key = `${edit.file} ${edit.start}`;
  const before = seen.get(key);
  if (!before) {
    seen.set(key, edit);
    unique.push(edit);
  } else if (before.text !== edit.text) {
    const a = before.text.split(': '), b = edit.text.split(': ');
    // a shorthand whose property and value are both renamed: `{ old }` -> `{ property: value }`
    if (a.length === 2 && b.length === 2) before.text = `${a[0] !== before.row.split('.').pop() ? a[0] : b[0]}: ${a[1] !== before.row.split('.').pop() ? a[1] : b[1]}`;
    else reports.push(`${edit.file}@${edit.start}: ${before.row} -> ${before.text} and ${edit.row} -> ${edit.text}`);
  }
}
fs.writeFileSync(process.argv[3], JSON.stringify({ edits: unique, reports, rows: results.map(r => ({ file: r.row.file, old: r.row.old, state: r.state, note: r.note || '', found: r.file ? relative(r.file) : '' })) }));
