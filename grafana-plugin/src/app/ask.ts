/** Questions of the pages, and what is known of their answers. */

import { LoadingState, type PanelData, type TimeRange } from '@grafana/data';
import { useCallback, useEffect, useState } from 'react';
import { from, map, type Observable } from 'rxjs';

import { said, type Params } from '../datasource/api';
import type { DataSource } from '../datasource/datasource';
import type { Table, TableAnswer, WeftQuery } from '../datasource/types';
import { useHere } from './here';

/** An answer; while the next one is awaited, the one before. */
export interface Told<T> {
  readonly value: T | undefined;
  /** What went wrong, in words. */
  readonly trouble: string;
}

/**
 * What `ask` answers; asked when it is another function or `asked` is another number, and a question that is no longer
 * wanted is dropped.
 */
export function useTold<T>(ask: () => Observable<T>, asked = 0): Told<T> {
  const [told, setTold] = useState<Told<T>>({ value: undefined, trouble: '' });
  useEffect(() => {
    const question = ask().subscribe({
      next: (value) => setTold({ value, trouble: '' }),
      error: (problem: unknown) => setTold({ value: undefined, trouble: said(problem) }),
    });
    return () => question.unsubscribe();
  }, [ask, asked]);
  return told;
}

/** The answer of a path of the native API. */
export function useApi<T>(path: string, params: Params = {}): Told<T> {
  const { source, asked } = useHere();
  const key = JSON.stringify(params);
  return useTold(
    useCallback(() => source.api.get<T>(path, JSON.parse(key) as Params), [source, path, key]),
    asked
  );
}

/** Rows of a table in one answer; where there are more, it says so. */
const MOST_ROWS = 1000;

/** [from, to] in epoch ms. */
export interface Span {
  readonly from: number;
  readonly to: number;
}

export function spanOf(range: TimeRange): Span {
  return { from: range.from.valueOf(), to: range.to.valueOf() };
}

/** A table of the catalogue, with its columns. Without a span: all that is known. */
export function useTable(name: string, args: Params, span?: Span, limit = MOST_ROWS): Told<TableAnswer> {
  return useApi<TableAnswer>('/api/v1/query', { q: name, ...args, ...span, limit });
}

/** The catalogue. */
export function useTables(): Told<Table[]> {
  const { source } = useHere();
  return useTold(useCallback(() => from(source.tables()), [source]));
}

/** What a panel of a dashboard would show, asked as a panel asks. */
export function useFrames(targets: readonly WeftQuery[], range: TimeRange, points: number): Told<PanelData> {
  const { source, asked } = useHere();
  const key = JSON.stringify(targets);
  return useTold(
    useCallback(() => framesOf(source, JSON.parse(key) as WeftQuery[], range, points), [source, key, range, points]),
    asked
  );
}

function framesOf(source: DataSource, targets: WeftQuery[], range: TimeRange, points: number): Observable<PanelData> {
  const { from, to } = spanOf(range);
  const intervalMs = Math.max(1000, Math.ceil((to - from) / points));
  const request = {
    requestId: 'weft',
    app: 'weft',
    interval: `${intervalMs}ms`,
    intervalMs,
    maxDataPoints: points,
    range,
    scopedVars: {},
    startTime: Date.now(),
    targets,
    timezone: 'browser',
  };
  return source.query(request).pipe(map(({ data }) => ({ series: data, state: LoadingState.Done, timeRange: range })));
}
