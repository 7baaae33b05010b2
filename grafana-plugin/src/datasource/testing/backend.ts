/** A back end for tests: answers that were recorded from a running demo, and a note of what it was asked. */

import { dateTime, type DataQueryRequest, type DataSourceInstanceSettings, type ScopedVars } from '@grafana/data';
import type { BackendSrvRequest } from '@grafana/runtime';
import { readFileSync } from 'fs';
import path from 'path';
import { of, throwError, type Observable } from 'rxjs';

import type { WeftOptions, WeftQuery } from '../types';

export const URL = '/api/datasources/proxy/uid/weft';
export const FROM = Date.UTC(2026, 10, 26, 0);
export const TO = Date.UTC(2026, 10, 26, 6);

/** An answer of testdata/datasource/. */
export function recorded<T>(name: string): T {
  return JSON.parse(readFileSync(path.join('testdata', 'datasource', `${name}.json`), 'utf8')) as T;
}

export interface Asked {
  readonly path: string;
  readonly params: URLSearchParams;
  readonly data: Record<string, unknown>;
}

/** What answers a request: an answer, or a failure as Grafana's client has it. */
export type Answering = (asked: Asked) => unknown;

export class Failure {
  constructor(
    readonly status: number,
    readonly data: unknown,
    readonly statusText = ''
  ) {}
}

export class FakeBackend {
  readonly asked: Asked[] = [];
  answering: Answering = () => new Failure(404, { message: 'Not found' });

  fetch = (request: BackendSrvRequest): Observable<unknown> => {
    const [whole, query] = request.url.slice(URL.length).split('?');
    const data = (request.data ?? {}) as Record<string, unknown>;
    const asked = { path: whole, params: new URLSearchParams(query), data };
    this.asked.push(asked);
    const answer = this.answering(asked);
    if (answer instanceof Failure) {
      const { status, data, statusText } = answer;
      return throwError(() => ({ status, data, statusText, config: request }));
    }
    return of({ data: answer });
  };

  /** What was asked, but for the catalogue. */
  get questions(): Asked[] {
    return this.asked.filter((one) => one.path !== '/api/v1/tables');
  }
}

/** Answers of the demo by path, and tables by the first word of their text. */
export function demo({ path, params, data }: Asked): unknown {
  switch (path) {
    case '/api/v1/query':
      return demoTable(String(data.q));
    case '/api/v1/logs/histogram':
      return recorded(params.get('query')?.includes('severity:(err)') ? 'steps_err' : 'steps');
    case '/api/v1/cypher':
      return new Failure(400, recorded('no_cypher'));
    case '/json/variable':
      return ['leaf01', 'leaf02', 'spine01'].map((name) => ({ __text: name, __value: name }));
    case '/graphite/tags/autoComplete/values':
      return ['node001', 'node002'];
    case '/graphite/tags/autoComplete/tags':
      return ['host', 'hca'];
    case '/graphite/metrics/find':
      return [
        { text: 'leaf01', id: 'switch.leaf01', leaf: 0 },
        { text: 'leaf02', id: 'switch.leaf02', leaf: 0 },
      ];
    default: {
      const name = FILES[path];
      return name === undefined ? new Failure(404, { message: 'Not found' }) : recorded(name);
    }
  }
}

const FILES: Record<string, string> = {
  '/api/v1/tables': 'tables',
  '/api/v1/status': 'status',
  '/api/v1/annotations': 'events',
  '/api/v1/logs/search': 'lines',
  '/api/v1/logs/context': 'context',
  '/api/v1/logs/fields': 'fields',
  '/api/v1/logs/fields/severity': 'field_severity',
  '/graphite/functions': 'functions',
};

function demoTable(q: string): unknown {
  if (q.startsWith('perSecond(')) {
    return recorded('series');
  }
  const word = q.split(' ', 1)[0];
  const known = ['jobs', 'placement', 'log_counts', 'nodes', 'edges'];
  return known.includes(word) ? recorded(word) : new Failure(404, recorded('refused'));
}

/** Grafana's template service with these variables: `$name`, `${name}`; each written by the format. */
export class FakeTemplates {
  constructor(
    private readonly variables: Record<string, string | string[]> = {},
    private readonly adhoc: unknown[] = []
  ) {}

  replace = (text = '', scoped: ScopedVars = {}, format?: unknown): string =>
    text.replace(/\$\{(\w+)\}|\$(\w+)/g, (whole, a: string | undefined, b: string | undefined) => {
      const name = a ?? b ?? '';
      const value = (scoped[name]?.value as string | string[] | undefined) ?? this.variables[name];
      if (value === undefined) {
        return whole;
      }
      return typeof format === 'function' ? String(format(value)) : String(value);
    });

  getAdhocFilters = () => this.adhoc;
}

export function settings(): DataSourceInstanceSettings<WeftOptions> {
  return { id: 1, uid: 'weft', type: 'weft-fabric-datasource', name: 'Weft', url: URL, jsonData: {} } as DataSourceInstanceSettings<WeftOptions>; // prettier-ignore
}

export function request(
  targets: WeftQuery[],
  more: Partial<DataQueryRequest<WeftQuery>> = {}
): DataQueryRequest<WeftQuery> {
  const [from, to] = [dateTime(FROM), dateTime(TO)];
  return {
    requestId: 'Q1',
    interval: '1m',
    intervalMs: 60_000,
    maxDataPoints: 500,
    range: { from, to, raw: { from, to } },
    scopedVars: {},
    targets,
    timezone: 'utc',
    app: 'dashboard',
    startTime: 0,
    ...more,
  };
}
