/** Answers of the back end as Grafana's frames. */

import {
  DataFrameType,
  FieldType,
  type DataFrame,
  type DataLink,
  type Field,
  type PreferredVisualisationType,
  type QueryResultMetaNotice,
} from '@grafana/data';

import { linksOf, type Source } from './links';
import type { Cell, Column, EventsAnswer, LogLine, Rows, CypherAnswer, SeriesAnswer, TableAnswer } from './types';
import { readable } from './widths';

const TYPES: Record<Column['type'], FieldType> = {
  string: FieldType.string,
  number: FieldType.number,
  time: FieldType.time,
  boolean: FieldType.boolean,
};

/** Fields of a node graph that say more about a node or edge begin so; people read what follows. */
const DETAIL = 'detail__';

/** RFC 5424's severities in Grafana's levels, which colour lines and bars. */
export const LEVELS: ReadonlyArray<readonly [level: string, severities: readonly string[]]> = [
  ['critical', ['emerg', 'alert', 'crit']],
  ['error', ['err']],
  ['warning', ['warning']],
  ['info', ['notice', 'info']],
  ['debug', ['debug']],
];

export function noticesOf(texts: readonly string[], severity: QueryResultMetaNotice['severity'] = 'warning') {
  return [...new Set(texts)].map((text): QueryResultMetaNotice => ({ severity, text }));
}

/** A frame that says why there is nothing: without fields, of which panels would draw an axis and a legend. */
export function empty(refId: string, notices: QueryResultMetaNotice[]): DataFrame {
  return frame(refId, [], { notices });
}

/** A frame a series, named as Graphite names it, with its tags as labels. */
export function seriesFrames(answer: SeriesAnswer, refId: string): DataFrame[] {
  const notices = noticesOf(answer.notices);
  if (answer.series.length === 0) {
    return [empty(refId, notices)];
  }
  return answer.series.map(({ target, tags, datapoints }, i) => {
    const time = field(
      'time',
      FieldType.time,
      datapoints.map(([, at]) => at)
    );
    const value = field(
      'value',
      FieldType.number,
      datapoints.map(([one]) => one),
      { displayNameFromDS: target }
    );
    const meta = { type: DataFrameType.TimeSeriesMulti, preferredVisualisationType: 'graph' as const };
    return {
      ...frame(refId, [time, { ...value, labels: tags }], i === 0 && notices.length > 0 ? { ...meta, notices } : meta),
      name: target,
    };
  });
}

/** Rows in typed columns. */
export function tableFrame(answer: TableAnswer, refId: string, source: Source): DataFrame {
  const fields = answer.columns.map((column, place) => ({
    ...field(
      column.name,
      TYPES[column.type] ?? FieldType.other,
      answer.rows.map((row) => row[place])
    ),
    config: configOf(column, source),
  }));
  const overTime = answer.columns.filter((column) => column.type === 'time').length === 1;
  const graph = overTime && answer.columns.every((column) => column.type === 'time' || column.type === 'number');
  return graph ? told(refId, fields, answer.notices) : told(refId, readable(fields), answer.notices, 'table');
}

function configOf(column: Column, source: Source): Field['config'] {
  const links = linksOf(column.name, source);
  return {
    ...(column.doc && { description: column.doc }),
    ...(column.unit && { unit: column.unit }),
    ...(links && { links }),
    ...(column.type === 'string' && { filterable: true }),
  };
}

/** Names of what a node shows, for the panel's legend. */
type Shown = Readonly<Record<string, string>>;

/** What nodes of the fabric show. */
export const FABRIC_SHOWN: Shown = { mainstat: 'hosts', secondarystat: 'vanished', color: 'state' };

/** Nodes and edges for the node graph panel. Up to Grafana 10.1 it fails on an edge to no node: those are left out. */
export function graphFrames(
  nodes: Rows,
  edges: Rows | null,
  links: DataLink[] = [],
  shown: Shown = {}
): { nodes: DataFrame; edges: DataFrame } {
  const id = nodes.columns.indexOf('id');
  const known = new Set(nodes.rows.map((row) => row[id]));
  const [from, to] = ['source', 'target'].map((name) => edges?.columns.indexOf(name) ?? -1);
  const whole = edges?.rows.filter((row) => known.has(row[from]) && known.has(row[to])) ?? [];
  const lost = (edges?.rows.length ?? 0) - whole.length;
  const fields = graphFields(nodes, shown).map((one) =>
    one.name === 'id' && links.length > 0 ? { ...one, config: { ...one.config, links } } : one
  );
  const notices = lost > 0 ? [`${lost} edges lead to nodes that are not shown.`] : [];
  return {
    nodes: { ...told('', fields, [], 'nodeGraph'), name: 'nodes' },
    edges: {
      ...told('', graphFields({ columns: edges?.columns ?? [], rows: whole }), notices, 'nodeGraph'),
      name: 'edges',
    },
  };
}

function graphFields({ columns, rows }: Rows, shown: Shown = {}): Field[] {
  return columns.map((name, place) => {
    const values = rows.map((row) => row[place]);
    const displayName = name.startsWith(DETAIL) ? name.slice(DETAIL.length) : shown[name];
    const type = values.some(isNumber) ? FieldType.number : FieldType.string;
    return field(name, type, values, displayName === undefined ? {} : { displayName });
  });
}

/** What Cypher returns: its rows, and the node graph of what is in them. */
export function cypherFrames(answer: CypherAnswer, refId: string, source: Source): DataFrame[] {
  const fields = answer.columns.map((name, place) => {
    const values = answer.rows.map((row) => flat(row[place]));
    return { ...field(name, guessed(values), values), config: { links: linksOf(name, source) } };
  });
  const rows = told(refId, readable(fields), answer.notices, 'table');
  if (answer.nodes === null) {
    return [rows];
  }
  const graph = graphFrames(answer.nodes, answer.edges);
  return [rows, { ...graph.nodes, refId }, { ...graph.edges, refId }];
}

/** A cell: a node, a relationship, a path or a list as JSON. */
function flat(value: unknown): Cell {
  if (value === undefined || value === null) {
    return null;
  }
  return typeof value === 'object' ? JSON.stringify(value) : (value as Cell);
}

function guessed(values: readonly Cell[]): FieldType {
  const known = values.filter((value) => value !== null);
  if (known.length > 0 && known.every(isNumber)) {
    return FieldType.number;
  }
  return known.length > 0 && known.every((value) => typeof value === 'boolean') ? FieldType.boolean : FieldType.string;
}

/**
 * Log lines. What a line says of itself is its labels, which Grafana calls `attributes` up to 10 and `labels` later;
 * both, the severity that is in them too, and the cursor that asks for what stands around a line, are not shown as fields
 * of their own. Words are marked as the log language finds them: in small and capital letters alike.
 */
export function linesFrame(
  lines: readonly LogLine[],
  refId: string,
  notices: readonly string[],
  custom: { limit?: number; searchWords: string[] }
): DataFrame {
  const labels = lines.map(labelsOf);
  const hidden = { custom: { hidden: true } };
  const column = (name: string, type: FieldType, of: (line: LogLine) => unknown, config = {}) =>
    field(name, type, lines.map(of), config);
  const fields = [
    column('timestamp', FieldType.time, (line) => line.time),
    column('body', FieldType.string, (line) => line.message),
    column('severity', FieldType.string, (line) => levelOf(line.severity), hidden),
    column('id', FieldType.string, (line) => line.id),
    field('labels', FieldType.other, labels, hidden),
    field('attributes', FieldType.other, labels, hidden),
    column('cursor', FieldType.string, (line) => line.cursor, hidden),
  ];
  const made = told(refId, fields, notices, 'logs');
  const searchWords = custom.searchWords.map((word) => `(?i)${word}`);
  const meta = { ...made.meta, type: DataFrameType.LogLines, custom: { ...custom, searchWords }, searchWords };
  return { ...made, meta };
}

function labelsOf(line: LogLine): Record<string, string> {
  const own = { host: line.host, program: line.program, severity: line.severity, source: line.source };
  const all = Object.entries({ ...line.fields, ...own });
  return Object.fromEntries(all.flatMap(([key, value]) => (value === null ? [] : [[key, String(value)]])));
}

export function levelOf(severity: string | null): string {
  return LEVELS.find(([, severities]) => severity !== null && severities.includes(severity))?.[0] ?? 'unknown';
}

/** As Grafana colours levels; up to 10.2 it draws lines over time as their data source says. */
const LEVEL_COLORS: Record<string, string> = {
  critical: 'purple',
  error: 'red',
  warning: 'orange',
  info: 'green',
  debug: 'blue',
};
const BARS = { drawStyle: 'bars', barAlignment: 0, fillOpacity: 100, lineWidth: 1, stacking: { mode: 'normal', group: 'A' } }; // prettier-ignore

/** How many lines of a level there are over time. */
export function volumeFrame(level: string, rows: ReadonlyArray<{ time: number; lines: number }>, refId: string) {
  const time = field(
    'Time',
    FieldType.time,
    rows.map((row) => row.time)
  );
  const value = field(
    'Value',
    FieldType.number,
    rows.map((row) => row.lines),
    { displayNameFromDS: level, color: { mode: 'fixed', fixedColor: LEVEL_COLORS[level] ?? 'gray' }, custom: BARS }
  );
  return frame(refId, [time, { ...value, labels: { level } }], {});
}

/** Events; Grafana splits tags at commas. */
export function eventsFrame(answer: EventsAnswer, refId: string): DataFrame {
  const rows = [...answer.rows].reverse();
  const fields = [
    field(
      'time',
      FieldType.time,
      rows.map((row) => row.time)
    ),
    field(
      'timeEnd',
      FieldType.time,
      rows.map((row) => row.timeEnd)
    ),
    field(
      'title',
      FieldType.string,
      rows.map((row) => row.title)
    ),
    field(
      'text',
      FieldType.string,
      rows.map((row) => row.text)
    ),
    field(
      'tags',
      FieldType.string,
      rows.map((row) => row.tags.join(','))
    ),
  ];
  return told(refId, readable(fields), answer.notices, 'table');
}

/** Values of a variable. */
export function valuesFrame(values: readonly string[], refId: string): DataFrame {
  return frame(refId, [field('text', FieldType.string, values), field('value', FieldType.string, values)], {});
}

function told(
  refId: string,
  fields: Field[],
  notices: readonly string[],
  preferredVisualisationType?: PreferredVisualisationType
): DataFrame {
  return frame(refId, fields, {
    ...(preferredVisualisationType && { preferredVisualisationType }),
    ...(notices.length > 0 && { notices: noticesOf(notices) }),
  });
}

function frame(refId: string, fields: Field[], meta: DataFrame['meta']): DataFrame {
  return { refId, fields, length: fields[0]?.values.length ?? 0, meta };
}

function field(name: string, type: FieldType, values: readonly unknown[], config: Field['config'] = {}): Field {
  return { name, type, values: [...values], config };
}

function isNumber(value: unknown): value is number {
  return typeof value === 'number';
}
