import type { DataSourceJsonData } from '@grafana/data';
import type { DataQuery } from '@grafana/schema';

/**
 * How a text is meant. `series` and `table` are asked alike: the answer says which of them it is. `volume` is asked by
 * Explore alone: how many of the lines of a `logs` text there are over time. `topology`: the fabric at the end of the time
 * range, as the topology panel draws it (`fabric job=4711`).
 */
export type How = 'series' | 'table' | 'nodes' | 'topology' | 'logs' | 'annotations' | 'cypher' | 'variable' | 'volume';

/**
 * What is asked, all of it in `text`: a Graphite expression, a table with arguments (`jobs user=alice`), Cypher. The
 * command line takes the same text.
 */
export interface WeftQuery extends DataQuery {
  queryType?: How;
  text?: string;
}

export type WeftOptions = DataSourceJsonData;

export type ColumnType = 'string' | 'number' | 'time' | 'boolean';

/** A column of a table; a time is epoch ms. */
export interface Column {
  name: string;
  type: ColumnType;
  doc: string;
  unit: string;
}

/** A parameter; `choices`: all it can be; `options`: the list that suggests values. */
export interface Param {
  name: string;
  type: 'string' | 'integer' | 'number' | 'boolean' | 'time' | 'list';
  doc: string;
  required: boolean;
  choices: string[];
  options: string;
}

/** A table of the catalogue that the back end serves. */
export interface Table {
  name: string;
  doc: string;
  operators: boolean;
  columns: Column[];
  params: Param[];
  example: string;
}

/** An ad hoc filter of a dashboard; `values` of `=|` and `!=|`, which Grafana has since 11. */
export interface Filter {
  key: string;
  operator: string;
  value: string;
  values?: string[];
}

export type Cell = string | number | boolean | null;

export interface TableAnswer {
  columns: Column[];
  rows: Cell[][];
  notices: string[];
}

export interface Series {
  target: string;
  tags: Record<string, string>;
  datapoints: Array<[number | null, number]>;
}

export interface SeriesAnswer {
  series: Series[];
  notices: string[];
}

export interface LogLine {
  time: number;
  host: string | null;
  program: string | null;
  severity: string | null;
  message: string;
  fields: Record<string, string | number | boolean>;
  source: string;
  id: string;
  cursor: string;
}

export interface LinesAnswer {
  rows: LogLine[];
  total: number;
  at_least: boolean;
  cursor: string | null;
  notices: string[];
}

export interface AroundAnswer {
  before: LogLine[];
  line: LogLine;
  after: LogLine[];
  notices: string[];
}

export interface StepsAnswer {
  rows: Array<{ time: number; lines: number }>;
  step_ms: number;
  total: number;
  notices: string[];
}

export interface EventsAnswer {
  rows: Array<{ time: number; timeEnd: number | null; title: string; text: string; tags: string[] }>;
  notices: string[];
}

export interface CypherAnswer {
  columns: string[];
  rows: unknown[][];
  notices: string[];
  nodes: Rows | null;
  edges: Rows | null;
}

export interface Rows {
  columns: string[];
  rows: unknown[][];
}

export interface Status {
  version: string;
  ready: boolean;
  parts: Array<{ name: string; ok: boolean; text: string }>;
  sources: Array<{ source: string; heard_ms: number; ok: boolean; text: string }>;
  missing: Array<{ what: string; fix: string }>;
}
