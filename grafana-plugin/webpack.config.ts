import CopyWebpackPlugin from 'copy-webpack-plugin';
import type { Configuration } from 'webpack';

import base, { type Env } from './.config/webpack/webpack.config.ts';

/** create-plugin's own, and the pictures of the plugins inside the app: it copies the app's alone. */
const config = async (env: Env): Promise<Configuration> => {
  const made = await base(env);
  made.plugins?.push(new CopyWebpackPlugin({ patterns: [{ from: '*/img/*', to: '.' }] }));
  return made;
};

export default config;
