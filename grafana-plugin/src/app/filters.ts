/** The filters of a list in the URL: the parameters of its table, each by its name. Pure. */

import type { Params } from '../datasource/api';
import { withArgument, type Request } from '../datasource/request';
import type { Table } from '../datasource/types';
import type { Values } from './place';

/** The filters that the URL sets, as a request of the table. */
export function requestIn(query: URLSearchParams, table: Table): Request {
  return table.params.reduce<Request>((request, { name }) => withArgument(request, name, query.get(name) ?? ''), {
    name: table.name,
    args: [],
  });
}

/** The same as parameters of the native API, which takes several values with commas. */
export function argsIn(query: URLSearchParams, table: Table): Params {
  return Object.fromEntries(requestIn(query, table).args);
}

/** Filters as the URL has them. A cursor goes: with other filters the list begins anew. */
export function valuesOf(table: Table, request: Request): Values {
  const set = Object.fromEntries(request.args);
  return Object.fromEntries(table.params.map(({ name }) => [name, name === 'cursor' ? undefined : set[name]]));
}

/** Rows in one of whose cells a text stands, in any case. */
export function matching<T>(rows: readonly T[], text: string, cellsOf: (row: T) => readonly unknown[]): readonly T[] {
  const wanted = text.trim().toLowerCase();
  if (wanted === '') {
    return rows;
  }
  return rows.filter((row) =>
    cellsOf(row).some((cell) =>
      String(cell ?? '')
        .toLowerCase()
        .includes(wanted)
    )
  );
}
