// Bundles the page of its own (lib/page, which tsc made) into the Python package: `node page.build.mjs`.
import { rspack } from '@rspack/core';
import { fileURLToPath } from 'node:url';

const here = path => fileURLToPath(new URL(path, import.meta.url));

const compiler = rspack({
  mode: 'production',
  context: here('.'),
  target: ['web', 'es2020'],
  devtool: false,
  entry: { page: ['./style/page.css', './lib/page/index.js'] },
  output: {
    path: here('../hitl_nb/server/static'),
    filename: '[name].js',
    cssFilename: '[name].css',
    chunkFilename: '[contenthash].chunk.js',
    cssChunkFilename: '[contenthash].chunk.css',
    publicPath: 'auto',
    clean: true
  },
  resolve: {
    extensions: ['.js'],
    // Of several versions the one that JupyterLab's editors use.
    alias: { '@jupyter/ydoc': here('node_modules/@jupyterlab/codeeditor/node_modules/@jupyter/ydoc') },
    fallback: { path: here('node_modules/path-browserify'), url: false, buffer: false, crypto: false }
  },
  module: {
    rules: [
      { test: /\.m?js$/, resolve: { fullySpecified: false } },
      { test: /\.css$/, type: 'css' },
      // JupyterLab's icons, which its scripts take as text.
      { test: /\.svg$/, issuer: /\.js$/, type: 'asset/source' }
    ]
  },
  plugins: [
    new rspack.ProvidePlugin({ process: here('node_modules/process/browser.js') }),
    // Leaves out what JupyterLab does in Node.js only, with eval.
    new rspack.DefinePlugin({ 'process.argv': 'undefined' })
  ],
  optimization: {
    minimizer: [
      new rspack.SwcJsMinimizerRspackPlugin({ extractComments: true }),
      new rspack.LightningCssMinimizerRspackPlugin()
    ]
  },
  performance: { hints: false }
});

compiler.run((error, stats) => {
  if (error) {
    console.error(error);
  } else {
    console.log(stats.toString({ preset: 'errors-warnings', assets: false, timings: true }));
  }
  process.exitCode = error || stats.hasErrors() ? 1 : 0;
  compiler.close(() => undefined);
});
