import CopyWebpackPlugin from 'copy-webpack-plugin';
import path from 'node:path';

const here = import.meta.dirname ?? path.dirname(new URL(import.meta.url).pathname);

/** The overview of Weft's own page, put where the back end serves it from. */
export default {
  mode: 'production',
  devtool: false,
  context: here,
  entry: { overview: './main.ts' },
  output: { path: path.join(here, '../../backend/weft/api/pages/overview'), filename: '[name].js', clean: true },
  resolve: { extensions: ['.ts', '.js'] },
  plugins: [new CopyWebpackPlugin({ patterns: ['overview.html', 'overview.css'] })],
  module: {
    rules: [
      {
        test: /\.ts$/,
        use: { loader: 'swc-loader', options: { jsc: { target: 'es2020', parser: { syntax: 'typescript' } } } },
      },
    ],
  },
};
