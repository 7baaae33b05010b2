/** Names of a living back end for completion, each asked once for a time range. */

import type { TimeRange } from '@grafana/data';
import { lastValueFrom } from 'rxjs';

import type { FunctionTold, Names } from './complete';
import type { DataSource } from './datasource';

/** Most suggestions that are asked for. */
const MOST = 200;

export function namesOf(source: DataSource, range?: TimeRange): Names {
  const { api } = source;
  const told = new Map<string, Promise<unknown>>();
  const once = <T>(key: string, ask: () => Promise<T>): Promise<T> => {
    const asked = (told.get(key) as Promise<T> | undefined) ?? ask();
    told.set(key, asked);
    asked.catch(() => told.delete(key));
    return asked;
  };
  const window = range && {
    from: Math.floor(range.from.valueOf() / 1000),
    until: Math.ceil(range.to.valueOf() / 1000),
  };
  const span = range && { from: range.from.valueOf(), to: range.to.valueOf() };
  return {
    tables: () => source.tables(),
    functions: () =>
      once('functions', async () => {
        const found = await api.once<Record<string, FunctionTold>>('/graphite/functions');
        return Object.values(found);
      }),
    nodes: (pattern) =>
      once(`nodes ${pattern}`, async () => {
        const params = { query: pattern, ...window };
        const found = await api.once<Array<{ text: string; leaf: number }>>('/graphite/metrics/find', params);
        return found.slice(0, MOST).map(({ text, leaf }) => ({ text, leaf: leaf === 1 }));
      }),
    tags: (prefix, expressions) =>
      once(`tags ${prefix} ${expressions.join(' ')}`, () =>
        api.once('/graphite/tags/autoComplete/tags', { tagPrefix: prefix, expr: expressions, limit: MOST, ...window })
      ),
    tagValues: (tag, prefix, expressions) =>
      once(`values ${tag} ${prefix} ${expressions.join(' ')}`, () => {
        const params = { tag, valuePrefix: prefix, expr: expressions, limit: MOST, ...window };
        return api.once('/graphite/tags/autoComplete/values', params);
      }),
    list: (name) => once(`list ${name}`, () => lastValueFrom(source.values(name, range))),
    fields: () =>
      once('fields', async () => {
        const found = await api.once<{ rows: Array<{ name: string; type: string }> }>('/api/v1/logs/fields', span);
        return found.rows;
      }),
    fieldValues: (field) =>
      once(`field ${field}`, async () => {
        const path = `/api/v1/logs/fields/${encodeURIComponent(field)}`;
        const found = await api.once<{ rows: Array<{ value: string }> }>(path, { ...span, limit: MOST });
        return found.rows.map((row) => row.value);
      }),
  };
}
