import path from 'node:path';

const here = import.meta.dirname ?? path.dirname(new URL(import.meta.url).pathname);

/** The harness page, with the drawing core as the panel has it. */
export default {
  mode: 'production',
  devtool: false,
  context: here,
  entry: { page: './page.ts' },
  output: { path: path.join(here, 'out'), filename: '[name].js' },
  resolve: { extensions: ['.ts', '.js'] },
  performance: { hints: false },
  module: {
    rules: [
      {
        test: /\.ts$/,
        use: { loader: 'swc-loader', options: { jsc: { target: 'es2020', parser: { syntax: 'typescript' } } } },
      },
    ],
  },
};
