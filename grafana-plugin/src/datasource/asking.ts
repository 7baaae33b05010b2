/** One request of Grafana: every target asked of the back end, and its answer made into frames. */

import { LogsVolumeType, type DataFrame } from '@grafana/data';
import { defer, forkJoin, from, map, of, shareReplay, switchMap, throwError, type Observable } from 'rxjs';

import type { Api } from './api';
import { cypherFrames, eventsFrame, FABRIC_SHOWN, graphFrames, LEVELS, linesFrame, noticesOf, seriesFrames, tableFrame, volumeFrame } from './frames'; // prettier-ignore
import * as interpolate from './interpolate';
import { linksOfNode, type Source } from './links';
import * as lucene from './lucene';
import { argument, parseRequest, withArgument, writeRequest, type Request } from './request';
import { topology } from './topology';
import type { CypherAnswer, EventsAnswer, Filter, LinesAnswer, SeriesAnswer, StepsAnswer, Table, TableAnswer, WeftQuery } from './types'; // prettier-ignore

/** Rows of a table, and log lines, in one answer. */
const MOST_ROWS = 10_000;
const MOST_LINES = 1000;

/** Bars of log lines over time. */
const MOST_BARS = 200;

/** Fields of every line that a filter may name. */
const LINE_FIELDS: ReadonlySet<string> = new Set(['host', 'program', 'severity', 'source', 'message']);

/** [from, to] in epoch ms. */
export interface Span {
  from: number;
  to: number;
}

export interface About {
  api: Api;
  source: Source;
  tables: () => Promise<Table[]>;
  replace: interpolate.Replace;
  filters: readonly Filter[];
  span: Span;
  intervalMs: number;
  maxDataPoints?: number;
}

interface Graph {
  nodes: DataFrame;
  edges: DataFrame;
}

const PARTS = ['nodes', 'edges'] as const;

export interface Answer {
  refId: string;
  frames: Observable<DataFrame[]>;
}

export class Asking {
  constructor(private readonly about: About) {}

  /** Answers in the order of their targets. */
  answers(targets: readonly WeftQuery[]): Answer[] {
    const asked = targets.map((target) => ({ target, text: this.textOf(target) }));
    const graphs = new Map<string, Observable<Graph>>();
    return asked.map(({ target, text }) => {
      const { refId, queryType } = target;
      if (queryType !== 'nodes') {
        return { refId, frames: defer(() => this.answer(target, text)) };
      }
      const request = parseRequest(text);
      if (request === null || !['nodes', 'edges'].includes(request.name)) {
        return { refId, frames: throwError(() => new Error(`'${text}' is no node graph. Write: nodes fold=leaf`)) };
      }
      // Nodes bring their edges along, but for edges that a target of their own asks.
      const rest = writeRequest({ ...request, name: '' });
      const apart = asked.some((one) => one.target.queryType === 'nodes' && one.text === `edges${rest}`);
      const shown = PARTS.filter((part) => part === request.name || (part === 'edges' && !apart));
      const graph = graphs.get(rest) ?? this.graph(rest);
      graphs.set(rest, graph);
      return { refId, frames: graph.pipe(map((told) => shown.map((part) => ({ ...told[part], refId })))) };
    });
  }

  private textOf({ queryType, text = '' }: WeftQuery): string {
    switch (queryType) {
      case 'cypher':
        return text;
      case 'annotations':
        return interpolate.annotations(text, this.about.replace).trim();
      case 'series':
      case undefined:
        return interpolate.expression(text, this.about.replace).trim();
      default:
        return interpolate.table(text, this.about.replace).trim();
    }
  }

  private answer({ refId, ...target }: WeftQuery, text: string): Observable<DataFrame[]> {
    switch (target.queryType) {
      case 'logs':
        return this.lines(text, refId);
      case 'volume':
        return this.volume(text, { refId, ...target });
      case 'annotations':
        return this.events(text, refId);
      case 'cypher':
        return this.cypher(text, refId);
      case 'topology':
        return topology(this.about.api, text, refId, this.about.span.to);
      case 'variable':
        throw new Error('A variable is asked by its dashboard. Choose another query type for a panel.');
      default:
        return this.either(text, refId);
    }
  }

  /** Series or a table: the answer says which. */
  private either(text: string, refId: string): Observable<DataFrame[]> {
    return this.paramsOf(text).pipe(
      switchMap((params) => this.ask<SeriesAnswer | TableAnswer>(text, params)),
      map((told) => ('series' in told ? seriesFrames(told, refId) : [tableFrame(told, refId, this.about.source)]))
    );
  }

  private ask<T>(text: string, params: Record<string, unknown> = {}): Observable<T> {
    const { api, span, filters } = this.about;
    return api.post<T>('/api/v1/query', {
      q: text,
      params,
      from: span.from,
      to: span.to,
      maxDataPoints: this.points(),
      limit: MOST_ROWS,
      filters,
    });
  }

  /** Points of a series: as many as the panel is wide, fewer where its least interval says so. */
  private points(): number | undefined {
    const { span, intervalMs, maxDataPoints } = this.about;
    const byInterval = intervalMs > 0 ? Math.max(1, Math.ceil((span.to - span.from) / intervalMs)) : Infinity;
    const points = Math.min(maxDataPoints ?? Infinity, byInterval);
    return Number.isFinite(points) ? Math.max(1, Math.floor(points)) : undefined;
  }

  /** A table that counts in steps takes the panel's interval, unless its text names another. */
  private paramsOf(text: string): Observable<Record<string, unknown>> {
    const request = parseRequest(text);
    if (request === null || !/^[a-z_]+$/.test(request.name) || argument(request, 'step') !== '') {
      return of({});
    }
    return from(this.about.tables()).pipe(
      map((tables) => {
        const table = tables.find((one) => one.name === request.name);
        const counts = table?.params.some((param) => param.name === 'step' && param.type === 'number');
        return counts && this.about.intervalMs > 0 ? { step: this.about.intervalMs / 1000 } : {};
      })
    );
  }

  private graph(rest: string): Observable<Graph> {
    const both = PARTS.map((name) => this.ask<TableAnswer>(name + rest));
    return forkJoin(both).pipe(
      map(([nodes, edges]) => {
        const rows = ({ columns, rows }: TableAnswer) => ({ columns: columns.map((column) => column.name), rows });
        const made = graphFrames(rows(nodes), rows(edges), linksOfNode(this.about.source), FABRIC_SHOWN);
        const notices = noticesOf([...nodes.notices, ...edges.notices]);
        const meta = { ...made.nodes.meta, ...(notices.length > 0 && { notices }) };
        return { ...made, nodes: { ...made.nodes, meta } };
      }),
      shareReplay({ bufferSize: 1, refCount: true })
    );
  }

  private lines(text: string, refId: string): Observable<DataFrame[]> {
    const { request, idle } = this.logRequest(text);
    const params = { ...Object.fromEntries(request.args), ...this.window(), limit: MOST_LINES };
    return this.about.api.get<LinesAnswer>('/api/v1/logs/search', params).pipe(
      map((told) => {
        const more = told.cursor === null || told.rows.length < MOST_LINES ? [] : [shownOf(told)];
        const searchWords = lucene.searchWords(argument(request, 'query'));
        return [linesFrame(told.rows, refId, [...told.notices, ...idle, ...more], { limit: MOST_LINES, searchWords })];
      })
    );
  }

  /** Lines over time by level: one count for each level, and what no level has. */
  private volume(text: string, sourceQuery: WeftQuery): Observable<DataFrame[]> {
    const { request } = this.logRequest(text);
    const { span, intervalMs, source } = this.about;
    const step = Math.max(1, Math.round(Math.max(intervalMs, (span.to - span.from) / MOST_BARS) / 1000));
    const counts = (query: string) => {
      const params = { ...Object.fromEntries(withArgument(request, 'query', query).args), ...this.window(), step };
      return this.about.api.get<StepsAnswer>('/api/v1/logs/histogram', params).pipe(map((told) => told.rows));
    };
    const query = argument(request, 'query');
    const all = counts(query);
    const byLevel = LEVELS.map(([, severities]) => counts(lucene.and(query, `severity:(${severities.join(' OR ')})`)));
    const custom = {
      logsVolumeType: LogsVolumeType.FullRange,
      absoluteRange: span,
      datasourceName: source.name,
      sourceQuery: { ...sourceQuery, queryType: 'logs' },
    };
    return forkJoin([all, ...byLevel]).pipe(
      map(([every, ...told]) => {
        const unknown = every.map(({ time, lines }, i) => {
          const known = told.reduce((sum, rows) => sum + (rows[i]?.lines ?? 0), 0);
          return { time, lines: Math.max(0, lines - known) };
        });
        return [...told, unknown]
          .map((rows, i) => ({ level: LEVELS[i]?.[0] ?? 'unknown', rows }))
          .filter(({ rows }) => rows.some(({ lines }) => lines > 0))
          .map(({ level, rows }) => ({ ...volumeFrame(level, rows, sourceQuery.refId), meta: { custom } }));
      })
    );
  }

  private events(text: string, refId: string): Observable<DataFrame[]> {
    const params = { query: text, ...this.window(), limit: MOST_LINES };
    return this.about.api
      .get<EventsAnswer>('/api/v1/annotations', params)
      .pipe(map((told) => [eventsFrame(told, refId)]));
  }

  private cypher(text: string, refId: string): Observable<DataFrame[]> {
    return this.about.api
      .post<CypherAnswer>('/api/v1/cypher', interpolate.cypher(text, this.about.replace))
      .pipe(map((told) => cypherFrames(told, refId, this.about.source)));
  }

  private window() {
    return { from: this.about.span.from, to: this.about.span.to };
  }

  /** A log text with the dashboard's filters in its query; `idle`: what filters mean nothing to lines. */
  private logRequest(text: string): { request: Request; idle: string[] } {
    let request = parseRequest(text);
    if (request?.name !== 'logs') {
      throw new Error(`'${text}' asks for no log lines. Write: logs query="severity:>=err" host=node001`);
    }
    const idle: string[] = [];
    for (const { key, operator, value, values } of this.about.filters) {
      const condition = conditionOf(key, operator, values ?? [value]);
      if (key === '' || value === '') {
        continue;
      }
      if (key === 'job' && operator === '=' && argument(request, 'job') === '') {
        request = withArgument(request, 'job', value);
      } else if (condition === null || !LINE_FIELDS.has(key)) {
        idle.push(`The filter '${key} ${operator} ${value}' means nothing to log lines.`);
      } else {
        request = withArgument(request, 'query', lucene.and(argument(request, 'query'), condition));
      }
    }
    return { request, idle };
  }
}

/** An ad hoc filter in the log language; null: it has no such operator. */
function conditionOf(key: string, operator: string, values: readonly string[]): string | null {
  const any =
    values.length === 1 ? lucene.term(key, values[0]) : `(${values.map((v) => lucene.term(key, v)).join(' OR ')})`;
  const pattern = `${key}:/${values[0].replace(/\//g, '\\/')}/`;
  switch (operator) {
    case '=':
    case '=|':
      return any;
    case '!=':
    case '!=|':
      return `NOT ${any}`;
    case '=~':
      return pattern;
    case '!~':
      return `NOT ${pattern}`;
    case '<':
    case '>':
      return `${key}:${operator}${values[0]}`;
    default:
      return null;
  }
}

function shownOf(told: LinesAnswer): string {
  const total = told.at_least ? `more than ${told.total.toLocaleString('en')}` : told.total.toLocaleString('en');
  return `The newest ${told.rows.length.toLocaleString('en')} of ${total} lines are shown.`;
}
