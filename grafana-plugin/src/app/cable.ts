/** A cable's history and what is said of it now. Pure. */

import type { Cell, TableAnswer } from '../datasource/types';

/** Where a cable was: a row of `cable_history`. Times are epoch ms; `to` null: it is there still. */
export interface Place {
  readonly cable: string;
  /** `taken`, or the other reading where what was seen can be read in two ways. */
  readonly reading: string;
  readonly a: string;
  readonly b: string;
  readonly from: number | null;
  readonly to: number | null;
  readonly confirmed: number | null;
  readonly identity: string;
  readonly or_cable: string | null;
  readonly story: string;
}

/** The rows of a table by the names of its columns. */
function recordsIn({ columns, rows }: Pick<TableAnswer, 'columns' | 'rows'>): Array<Record<string, Cell>> {
  return rows.map((row) => Object.fromEntries(columns.map(({ name }, i) => [name, row[i]])));
}

export function historyIn(answer: TableAnswer): Place[] {
  return recordsIn(answer) as unknown as Place[];
}

/** Where it is now, or was last, in the reading that is taken. */
export function lastOf(history: readonly Place[]): Place {
  const taken = history.filter(({ reading }) => reading === history[0].reading);
  return taken[taken.length - 1];
}

/** The switch port of a place, by which routes and lines are asked: `leaf01/5` of `leaf01/5` and `node005 mlx5_0/1`. */
export function portOf({ a, b }: Pick<Place, 'a' | 'b'>): string {
  return [a, b].find((end) => /^\S+\/\d+$/.test(end)) ?? a;
}

/** What the tables of degraded and of flapping links say of it, in sentences. */
export function notesOn(cable: string, degraded: TableAnswer | undefined, flapping: TableAnswer | undefined): string[] {
  const of = (answer: TableAnswer | undefined) =>
    (answer ? recordsIn(answer) : []).filter((row) => row.cable === cable);
  return [
    ...of(degraded).map(({ runs, like }) => `It runs ${runs} now, its like ${like}.`),
    ...of(flapping).map(
      ({ downs, changed }) =>
        `In this time its link went down ${times(downs)} and changed its width or speed ${times(changed)}.`
    ),
  ];
}

function times(count: Cell): string {
  return count === 1 ? 'once' : count === 0 ? 'never' : `${count} times`;
}
