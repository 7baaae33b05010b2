/** What can be asked: the back end's tables, and the questions about one subject that they fall into. */

import { parseRequest, writeRequest } from './request';
import type { How, Param, Table, WeftQuery } from './types';

/** What a person chooses first. All but `table` are short ways to some of the tables. */
export type Kind =
  'series' | 'run' | 'placement' | 'fabric' | 'topology' | 'cable' | 'table' | 'logs' | 'annotations' | 'cypher';

interface KindTold {
  readonly kind: Kind;
  readonly label: string;
  readonly doc: string;
  readonly how: How;
  /** The text to begin with. */
  readonly begin: string;
  /** Its tables; kinds without one are no tables, or just one. */
  readonly tables?: (table: Table) => boolean;
}

const needs = (table: Table, name: string) => table.params.some((param) => param.name === name && param.required);
const aboutPlacement = (table: Table) => needs(table, 'job') && /^(placement|hop)/.test(table.name);

export const KINDS: readonly KindTold[] = [
  { kind: 'series', label: 'Graphite', doc: 'Series of an expression', how: 'series', begin: '' },
  {
    kind: 'run',
    label: 'Run',
    doc: 'What a job held, crossed and met',
    how: 'table',
    begin: 'job',
    tables: (table) => needs(table, 'job') && !aboutPlacement(table),
  },
  {
    kind: 'placement',
    label: 'Placement',
    doc: 'How a job lay in the fabric',
    how: 'table',
    begin: 'placement',
    tables: aboutPlacement,
  },
  { kind: 'fabric', label: 'Fabric', doc: 'Nodes and links as a node graph', how: 'nodes', begin: 'nodes fold=leaf' },
  { kind: 'topology', label: 'Topology', doc: 'All of it, for the topology panel', how: 'topology', begin: 'fabric' },
  {
    kind: 'cable',
    label: 'Cable',
    doc: 'Where a cable was',
    how: 'table',
    begin: 'cable_history',
    tables: (table) => needs(table, 'cable') || table.name === 'cables',
  },
  { kind: 'table', label: 'Table', doc: 'Any table', how: 'table', begin: '', tables: () => true },
  { kind: 'logs', label: 'Logs', doc: 'Log lines', how: 'logs', begin: 'logs' },
  {
    kind: 'annotations',
    label: 'Annotations',
    doc: 'Jobs, changes, log lines as marks',
    how: 'annotations',
    begin: '',
  },
  { kind: 'cypher', label: 'Cypher', doc: 'The inventory as a graph', how: 'cypher', begin: '' },
];

export function toldOf(kind: Kind): KindTold {
  return KINDS.find((one) => one.kind === kind) ?? KINDS[0];
}

/** What kind a query is of: by how it is meant, and by its table. */
export function kindOf(query: WeftQuery, tables: readonly Table[]): Kind {
  const how = query.queryType ?? 'series';
  if (how !== 'table') {
    return KINDS.find((one) => one.how === how)?.kind ?? 'series';
  }
  const table = tableOf(query.text ?? '', tables);
  return KINDS.find((one) => table !== undefined && one.tables?.(table))?.kind ?? 'table';
}

/** The table that a text asks. */
export function tableOf(text: string, tables: readonly Table[]): Table | undefined {
  const name = text.trim().split(/\s/, 1)[0];
  return tables.find((table) => table.name === name);
}

/** The text asked of another table: arguments that it takes too are kept. */
export function askedOf(table: Table, text: string): string {
  const args = parseRequest(text)?.args ?? [];
  return writeRequest({ name: table.name, args: args.filter(([key]) => table.params.some((one) => one.name === key)) });
}

/** Parameters to fill in: what is needed first, then in the back end's order. A cursor is no person's to type. */
export function paramsOf(table: Table): Param[] {
  const shown = table.params.filter((param) => param.name !== 'cursor');
  return [...shown.filter((param) => param.required), ...shown.filter((param) => !param.required)];
}

/** True where a text gives a table all that it needs. */
export function isWhole(table: Table, text: string): boolean {
  const args = parseRequest(text)?.args ?? [];
  return table.params.every((param) => !param.required || args.some(([key]) => key === param.name));
}
