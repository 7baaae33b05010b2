/** What "Save & test" says: whether Weft answers, and which of its sources is missing and why. */

import type { TestDataSourceResponse } from '@grafana/data';

import type { Status } from './types';

/** Red where an engine does not answer, yellow where something is not there, green else. */
export function healthOf(status: Status): TestDataSourceResponse {
  const silent = status.parts.filter((part) => !part.ok).map((part) => `${part.name}: ${part.text}`);
  const failed = status.sources.filter((source) => !source.ok).map((source) => `${source.source}: ${source.text}`);
  const missing = status.missing.map(({ what, fix }) => `${what} ${fix}`);
  // A failed source is among what is missing too, with its time and what to do.
  const amiss = [...silent, ...(missing.length > 0 ? missing : failed)];
  const parts = status.parts.filter((part) => part.ok).map((part) => `${part.name}: ${part.text}.`);
  const details = { message: amiss.slice(1).join('\n'), verboseMessage: parts.join('\n') };
  if (amiss.length === 0) {
    return { status: 'success', message: `Weft ${status.version} answers. ${parts.join(' ')}` };
  }
  const kind = status.ready && silent.length === 0 ? 'warning' : 'error';
  const lead = kind === 'error' ? 'not all of it works' : 'something is missing';
  return { status: kind, message: `Weft ${status.version} answers, but ${lead}. ${amiss[0]}`, details };
}
