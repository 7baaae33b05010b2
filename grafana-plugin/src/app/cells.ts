/** Cells of the back end's tables: as text, and where they lead. Pure. */

import { dateTimeFormat, formattedValueToString, getValueFormat } from '@grafana/data';
import type { TimeZone } from '@grafana/schema';

import type { Cell, Column } from '../datasource/types';
import type { Page, Values } from './place';

export interface Leads {
  readonly page: Page;
  readonly values?: Values;
}

/** A cell as people read it; nothing for what is not known. */
export function textOf(column: Column, cell: Cell | undefined, timeZone: TimeZone): string {
  if (cell === null || cell === undefined) {
    return '';
  }
  if (column.type === 'time' && typeof cell === 'number') {
    return dateTimeFormat(cell, { timeZone });
  }
  if (typeof cell === 'number') {
    return column.unit === ''
      ? plain(cell)
      : formattedValueToString(getValueFormat(UNITS[column.unit] ?? column.unit)(cell));
  }
  return typeof cell === 'boolean' ? (cell ? 'yes' : 'no') : cell;
}

/** Durations as Slurm writes them: "1.69 hour" is nothing that one compares. */
const UNITS: Readonly<Record<string, string>> = { s: 'dtdhms' };

/** Counts whole, measures to three places. */
function plain(value: number): string {
  return value.toLocaleString('en', { maximumFractionDigits: 3 });
}

/** The head of a column: `leaves_minimum` as "Leaves minimum". */
export function headOf({ name }: Column): string {
  const words = name.replace(/^detail__/, '').replace(/_/g, ' ');
  return words.charAt(0).toUpperCase() + words.slice(1);
}

/** The page about what a cell names; a job is opened by its run, because its id may come again. */
export function leadsTo(name: string, cell: string, run: Cell | undefined): Leads | null {
  switch (name) {
    case 'job':
      return { page: { at: 'job', job: typeof run === 'string' ? run : cell } };
    case 'cable':
    case 'or_cable':
      return { page: { at: 'cable', cable: cell } };
    case 'user':
    case 'host':
      return { page: { at: 'jobs' }, values: { [name]: cell } };
    case 'switch':
      return { page: { at: 'cables' }, values: { switch: cell } };
    default:
      return null;
  }
}

/** Good, bad, neither yet, or unknown: by Slurm's states and by those of hosts and links. */
export function toneOf(state: string): 'good' | 'bad' | 'going' | 'none' {
  const word = state.toUpperCase();
  if (/^(FAILED|TIMEOUT|NODE_FAIL|OUT_OF_MEMORY|BOOT_FAIL|DEADLINE|VANISHED|DOWN|SILENT)/.test(word)) {
    return 'bad';
  }
  if (/^(RUNNING|COMPLETING)/.test(word)) {
    return 'going';
  }
  return /^(COMPLETED|UP|CERTAIN)/.test(word) ? 'good' : 'none';
}
