import {
  DataSourceApi,
  LoadingState,
  LogRowContextQueryDirection,
  SupplementaryQueryType,
  type DataFrame,
  type DataQueryRequest,
  type DataQueryResponse,
  type DataSourceInstanceSettings,
  type DataSourceWithLogsContextSupport,
  type DataSourceWithSupplementaryQueriesSupport,
  type DataSourceWithToggleableQueryFiltersSupport,
  type LogRowContextOptions,
  type LogRowModel,
  type MetricFindValue,
  type QueryFilterOptions,
  type QueryFixAction,
  type ScopedVars,
  type SupplementaryQueryOptions,
  type TestDataSourceResponse,
  type TimeRange,
  type ToggleFilterAction,
} from '@grafana/data';
import { getTemplateSrv, type TemplateSrv } from '@grafana/runtime';
import { catchError, forkJoin, lastValueFrom, map, of, throwError, type Observable } from 'rxjs';

import { Api, said } from './api';
import { Asking, type Span } from './asking';
import { empty, linesFrame, noticesOf } from './frames';
import { healthOf } from './health';
import * as interpolate from './interpolate';
import { logQuery, withLogQuery } from './logs';
import * as lucene from './lucene';
import type { AroundAnswer, Filter, Status, Table, WeftOptions, WeftQuery } from './types';
import { tagAsk, Variables } from './variables';

/** Lines on each side of a line, unless Grafana says how many. */
const AROUND = 10;

/** Points where Grafana does not know the width of its panel. */
const SCREEN_POINTS = 1500;

/** Weft for Grafana. Its constructor has exactly one argument: Grafana counts them, and takes others for Angular's. */
export class DataSource
  extends DataSourceApi<WeftQuery, WeftOptions>
  implements
    DataSourceWithLogsContextSupport<WeftQuery>,
    DataSourceWithSupplementaryQueriesSupport<WeftQuery>,
    DataSourceWithToggleableQueryFiltersSupport<WeftQuery>
{
  readonly api: Api;
  annotations = { getDefaultQuery: (): Partial<WeftQuery> => ({ queryType: 'annotations', text: '' }) };
  private tablesTold: Promise<Table[]> | undefined;

  constructor(settings: DataSourceInstanceSettings<WeftOptions>) {
    super(settings);
    this.api = new Api(settings.url ?? '');
    this.variables = new Variables(this);
  }

  getDefaultQuery(): Partial<WeftQuery> {
    return { queryType: 'series', text: '' };
  }

  /** An empty text asks nothing, but for annotations: there it is jobs and changes. */
  filterQuery(query: WeftQuery): boolean {
    return !query.hide && ((query.text ?? '').trim() !== '' || query.queryType === 'annotations');
  }

  getQueryDisplayText(query: WeftQuery): string {
    return query.text ?? '';
  }

  /** The catalogue; asked again only after it could not be had. */
  tables(): Promise<Table[]> {
    this.tablesTold ??= this.api.once<Table[]>('/api/v1/tables').catch((error: unknown) => {
      this.tablesTold = undefined;
      throw error;
    });
    return this.tablesTold;
  }

  /** One that fails beside others that are answered is told in a notice, so that the others are seen. */
  query(request: DataQueryRequest<WeftQuery>): Observable<DataQueryResponse> {
    const targets = request.targets.filter((target) => this.filterQuery(target));
    if (targets.length === 0) {
      return of({ data: [] });
    }
    const asking = this.asking(request);
    const answers = asking.answers(targets).map(({ refId, frames }) =>
      frames.pipe(
        map((data) => ({ refId, data, error: undefined })),
        catchError((error: unknown) => of({ refId, data: [] as DataFrame[], error: said(error) }))
      )
    );
    return forkJoin(answers).pipe(
      map((told) => {
        const failed = told.flatMap(({ error }) => (error === undefined ? [] : [error]));
        if (failed.length === told.length) {
          throw new Error([...new Set(failed)].join(' '));
        }
        const data = told.flatMap((one) =>
          one.error === undefined ? one.data : [empty(one.refId, noticesOf([one.error], 'error'))]
        );
        return { data, state: LoadingState.Done };
      })
    );
  }

  interpolateVariablesInQueries(queries: WeftQuery[], scopedVars: ScopedVars): WeftQuery[] {
    const replace = this.replacer(scopedVars);
    return queries.map((query) => {
      const text = query.text ?? '';
      const put = {
        series: interpolate.expression,
        annotations: interpolate.annotations,
        cypher: interpolate.cypherText,
        variable: interpolate.plain,
        table: interpolate.table,
        nodes: interpolate.table,
        topology: interpolate.table,
        logs: interpolate.table,
        volume: interpolate.table,
      }[query.queryType ?? 'series'];
      return { ...query, text: put(text, replace) };
    });
  }

  async testDatasource(): Promise<TestDataSourceResponse> {
    try {
      return healthOf(await this.api.once<Status>('/api/v1/status'));
    } catch (error) {
      return { status: 'error', message: said(error) };
    }
  }

  /** Values of a variable: a list (`users`), a column of a table, nodes of a pattern, `tag_values(host)`. */
  values(text: string, range?: TimeRange, scopedVars: ScopedVars = {}): Observable<string[]> {
    const asked = interpolate.plain(text.trim(), this.replacer(scopedVars));
    const tag = tagAsk(asked);
    const span = range && { from: range.from.valueOf(), to: range.to.valueOf() };
    if (asked === '') {
      return throwError(
        () => new Error('The variable asks nothing. Name a list such as hosts, a table, or a pattern.')
      );
    }
    if (tag !== null) {
      const window = span && { from: Math.floor(span.from / 1000), until: Math.ceil(span.to / 1000) };
      const what = tag.tag === undefined ? 'tags' : 'values';
      const params = { tag: tag.tag, expr: tag.expressions, limit: 1000, ...window };
      return this.api.get<string[]>(`/graphite/tags/autoComplete/${what}`, params);
    }
    return this.api
      .post<Array<{ __text: string }>>('/json/variable', { payload: { target: asked }, range: isoOf(span) })
      .pipe(map((rows) => rows.map((row) => row.__text)));
  }

  /** Keys of ad hoc filters. */
  getTagKeys(): Promise<MetricFindValue[]> {
    return lastValueFrom(this.api.post<MetricFindValue[]>('/json/tag-keys', {}));
  }

  /** Values of a key, of the dashboard's time where Grafana says it (since 10.3). */
  getTagValues(options: { key: string; timeRange?: TimeRange }): Promise<MetricFindValue[]> {
    const range = options.timeRange;
    const timeRange = isoOf(range && { from: range.from.valueOf(), to: range.to.valueOf() });
    return lastValueFrom(this.api.post<MetricFindValue[]>('/json/tag-values', { key: options.key, timeRange }));
  }

  /** Conditions from the log details and from marked text. */
  modifyQuery(query: WeftQuery, action: QueryFixAction): WeftQuery {
    const { key = '', value = '' } = action.options ?? {};
    const conditions: Partial<Record<string, string>> = {
      ADD_FILTER: lucene.term(key, value),
      ADD_FILTER_OUT: `NOT ${lucene.term(key, value)}`,
      ADD_STRING_FILTER: lucene.phrase(value),
      ADD_STRING_FILTER_OUT: `NOT ${lucene.phrase(value)}`,
    };
    const condition = conditions[action.type];
    return condition === undefined ? query : withLogQuery(query, (text) => lucene.and(text, condition));
  }

  toggleQueryFilter(query: WeftQuery, filter: ToggleFilterAction): WeftQuery {
    const one = lucene.term(filter.options.key, filter.options.value);
    const condition = filter.type === 'FILTER_OUT' ? `NOT ${one}` : one;
    return withLogQuery(query, (text) => lucene.toggled(text, condition));
  }

  queryHasFilter(query: WeftQuery, filter: QueryFilterOptions): boolean {
    return lucene.has(logQuery(query), lucene.term(filter.key, filter.value));
  }

  showContextToggle(row?: LogRowModel): boolean {
    return row === undefined || cursorOf(row) !== undefined;
  }

  async getLogRowContext(row: LogRowModel, options?: LogRowContextOptions): Promise<DataQueryResponse> {
    const cursor = cursorOf(row);
    if (cursor === undefined) {
      throw new Error('This line has no place in the log. Run the query again.');
    }
    const told = await this.api.once<AroundAnswer>('/api/v1/logs/context', { cursor, limit: options?.limit ?? AROUND });
    const later = options?.direction === LogRowContextQueryDirection.Forward;
    const lines = [...(later ? told.after : told.before)].reverse();
    return { data: [linesFrame(lines, row.dataFrame.refId ?? 'A', told.notices, { searchWords: [] })] };
  }

  getSupportedSupplementaryQueryTypes(): SupplementaryQueryType[] {
    return [SupplementaryQueryType.LogsVolume];
  }

  getSupplementaryQuery(options: SupplementaryQueryOptions, query: WeftQuery): WeftQuery | undefined {
    const asked = options.type === SupplementaryQueryType.LogsVolume && query.queryType === 'logs';
    return asked && this.filterQuery(query)
      ? { ...query, refId: `log-volume-${query.refId}`, queryType: 'volume' }
      : undefined;
  }

  /** What Explore asks beside the lines; Grafana since 10.3 runs this itself. */
  getSupplementaryRequest(
    type: SupplementaryQueryType,
    request: DataQueryRequest<WeftQuery>
  ): DataQueryRequest<WeftQuery> | undefined {
    const targets = request.targets.flatMap((query) =>
      type === SupplementaryQueryType.LogsVolume ? (this.getSupplementaryQuery({ type }, query) ?? []) : []
    );
    return targets.length > 0 ? { ...request, targets } : undefined;
  }

  /** The same for Grafana up to 10.2. */
  getDataProvider(
    type: SupplementaryQueryType,
    request: DataQueryRequest<WeftQuery>
  ): Observable<DataQueryResponse> | undefined {
    const asked = this.getSupplementaryRequest(type, request);
    return asked && this.query(asked);
  }

  private asking(request: DataQueryRequest<WeftQuery>): Asking {
    return new Asking({
      api: this.api,
      source: { uid: this.uid, name: this.name },
      tables: () => this.tables(),
      replace: this.replacer(request.scopedVars),
      filters: this.filtersOf(request),
      ...stepsOf(request),
    });
  }

  private replacer(scopedVars: ScopedVars): interpolate.Replace {
    return (text, format) => getTemplateSrv().replace(text, scopedVars, format);
  }

  /** A dashboard's ad hoc filters: in the request since Grafana 10.3, before of the template service. */
  private filtersOf(request: DataQueryRequest<WeftQuery> & { filters?: Filter[] }): Filter[] {
    const service: TemplateSrv & { getAdhocFilters?: (name: string) => Filter[] } = getTemplateSrv();
    return request.filters ?? service.getAdhocFilters?.(this.name) ?? [];
  }
}

/** Explore asks the first time before it is laid out: for 0 points, by the second. */
function stepsOf({ range, intervalMs, maxDataPoints }: DataQueryRequest<WeftQuery>) {
  const span = { from: range.from.valueOf(), to: range.to.valueOf() };
  if (maxDataPoints !== 0) {
    return { span, intervalMs, maxDataPoints };
  }
  const step = Math.ceil((span.to - span.from) / SCREEN_POINTS / 1000) * 1000;
  return { span, intervalMs: Math.max(intervalMs, step), maxDataPoints: SCREEN_POINTS };
}

function isoOf(span: Span | undefined) {
  return span && { from: new Date(span.from).toISOString(), to: new Date(span.to).toISOString() };
}

/** Where a line stands in the log. */
function cursorOf(row: LogRowModel): string | undefined {
  const field = row.dataFrame.fields.find((one) => one.name === 'cursor');
  return field?.values[row.rowIndex] as string | undefined;
}
