/** Starts the overview in Weft's page. */

import { apiHere } from './api';
import { Overview } from './overview';

new Overview(
  document,
  apiHere((input, init) => fetch(input, init))
).start();
