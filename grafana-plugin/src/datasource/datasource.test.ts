import {
  dateTime,
  hasLogsContextSupport,
  hasSupplementaryQuerySupport,
  LogRowContextQueryDirection,
  SupplementaryQueryType,
  type DataFrame,
  type LogRowModel,
} from '@grafana/data';
import { lastValueFrom } from 'rxjs';

import { DataSource } from './datasource';
import { demo, FakeBackend, FakeTemplates, Failure, FROM, recorded, request, settings, TO } from './testing/backend';
import type { LinesAnswer, Status, TableAnswer, WeftQuery } from './types';
import { Variables } from './variables';

let backend = new FakeBackend();
let templates = new FakeTemplates();
jest.mock('@grafana/runtime', () => ({
  ...jest.requireActual('@grafana/runtime'),
  getBackendSrv: () => backend,
  getTemplateSrv: () => templates,
}));

let source: DataSource;
beforeEach(() => {
  backend = new FakeBackend();
  backend.answering = demo;
  templates = new FakeTemplates();
  source = new DataSource(settings());
});

const ask = async (targets: WeftQuery[], more = {}): Promise<DataFrame[]> =>
  (await lastValueFrom(source.query(request(targets, more)))).data as DataFrame[];
const noticesOf = (frame: DataFrame) => frame.meta?.notices?.map((notice) => notice.text) ?? [];
const columnOf = (frame: DataFrame, name: string) => frame.fields.find((field) => field.name === name)?.values;

test('the class has one argument: Grafana counts them', () => {
  expect(DataSource).toHaveLength(1);
});

describe('a question', () => {
  const EXPRESSION = 'perSecond(switch.leaf12.{1,2}.PortXmitData)';

  test('goes to /api/v1/query with its time range and the points that the panel has room for', async () => {
    await ask([{ refId: 'A', queryType: 'series', text: EXPRESSION }]);
    expect(backend.questions).toEqual([
      {
        path: '/api/v1/query',
        params: new URLSearchParams(),
        data: { q: EXPRESSION, params: {}, from: FROM, to: TO, maxDataPoints: 360, limit: 10_000, filters: [] },
      },
    ]);
  });

  test.each([
    ['the panel is narrower than the interval allows', { maxDataPoints: 100, intervalMs: 60_000 }, 100],
    ['the least interval of the panel is an hour', { maxDataPoints: 500, intervalMs: 3_600_000 }, 6],
    ['the interval is longer than the range', { maxDataPoints: 500, intervalMs: 86_400_000 }, 1],
    ['nobody says how wide it is', { maxDataPoints: undefined, intervalMs: 0 }, undefined],
    ['Explore is not laid out yet', { maxDataPoints: 0, intervalMs: 1000 }, 1440], // 6 h by 15 s
  ])('asks for fewer points where %s', async (_, more, points) => {
    await ask([{ refId: 'A', queryType: 'series', text: EXPRESSION }], more);
    expect(backend.questions[0].data.maxDataPoints).toBe(points);
  });

  test('may be of another kind than it says: the answer tells series from a table', async () => {
    const [table] = await ask([{ refId: 'A', text: 'jobs state=running' }]);
    expect(table.fields[0].name).toBe('job');
    const [series] = await ask([{ refId: 'A', queryType: 'table', text: EXPRESSION }]);
    expect(series.fields[1].labels?.switch).toBe('leaf12');
  });

  test('that is empty or hidden is not asked', async () => {
    expect(await ask([{ refId: 'A', text: ' ' }, { refId: 'B', text: 'jobs', hide: true }])).toEqual([]); // prettier-ignore
    expect(backend.asked).toEqual([]);
  });

  test('has its variables put in', async () => {
    templates = new FakeTemplates({ host: ['node001', 'node002'] });
    source = new DataSource(settings());
    await ask([
      { refId: 'A', queryType: 'table', text: 'jobs host=$host' },
      { refId: 'B', queryType: 'series', text: 'perSecond(host.$host.ib.*)' },
      { refId: 'C', queryType: 'series', text: 'summarize(a.b, "$__interval")' },
    ], { scopedVars: { __interval: { text: '1m', value: '1m' } } }).catch(() => undefined); // prettier-ignore
    expect(backend.questions.map((one) => one.data.q).sort()).toEqual([
      'jobs host=node001,node002',
      'perSecond(host.{node001,node002}.ib.*)',
      'summarize(a.b, "1m")',
    ]);
    const queries = [{ refId: 'A', queryType: 'table' as const, text: 'jobs host=$host' }];
    expect(source.interpolateVariablesInQueries(queries, {})[0].text).toBe('jobs host=node001,node002');
  });

  test('counts in steps of the interval where its table has any', async () => {
    await ask([{ refId: 'A', queryType: 'table', text: 'log_counts query=link' }], { intervalMs: 120_000 });
    await ask([{ refId: 'A', queryType: 'table', text: 'log_counts step=5' }], { intervalMs: 120_000 });
    expect(backend.questions.map((one) => one.data.params)).toEqual([{ step: 120 }, {}]);
  });

  test('carries the filters of the dashboard, from wherever Grafana tells them', async () => {
    const filters = [{ key: 'user', operator: '=', value: 'alice' }];
    await ask([{ refId: 'A', queryType: 'table', text: 'jobs' }], { filters });
    templates = new FakeTemplates({}, filters);
    await ask([{ refId: 'A', queryType: 'table', text: 'jobs' }]);
    expect(backend.questions.map((one) => one.data.filters)).toEqual([filters, filters]);
  });
});

describe('what fails', () => {
  test('alone is an error, in the words of the back end', async () => {
    await expect(ask([{ refId: 'A', queryType: 'table', text: 'jbos user=alice' }])).rejects.toThrow(
      "There is no table 'jbos'. Did you mean jobs or job_hosts or job?"
    );
  });

  test('beside what is answered is a notice', async () => {
    const frames = await ask([
      { refId: 'A', queryType: 'table', text: 'jbos user=alice' },
      { refId: 'B', queryType: 'table', text: 'jobs' },
    ]);
    expect(frames.map((frame) => frame.refId)).toEqual(['A', 'B']);
    expect(frames[0].meta?.notices).toEqual([
      { severity: 'error', text: "There is no table 'jbos'. Did you mean jobs or job_hosts or job?" },
    ]);
  });

  test.each([
    [502, { message: 'Bad Gateway', error: '', response: '' }, 'Weft does not answer. Start it with `weft serve`'],
    [0, { message: 'Unexpected error' }, 'Weft does not answer.'],
    [401, { message: 'Unauthorized' }, 'wants to know who asks'],
    [403, { message: 'Users see no fabric. Ask an operator.', error: 'forbidden' }, 'Users see no fabric. Ask'],
    [404, { message: 'Not Found', error: '<html>', response: '<html>' }, 'What answers is not Weft.'],
    [500, undefined, 'Weft answers with status 500.'],
  ])('says what to do: status %d', async (status, data, said) => {
    backend.answering = () => new Failure(status, data);
    await expect(ask([{ refId: 'A', queryType: 'series', text: 'a.b' }])).rejects.toThrow(said);
  });

  test('is an answer that is no JSON, too', async () => {
    backend.answering = () => '<html>';
    await expect(ask([{ refId: 'A', queryType: 'series', text: 'a.b' }])).rejects.toThrow('What answers is not Weft.');
  });

  test('is a text that its kind cannot be asked', async () => {
    await expect(ask([{ refId: 'A', queryType: 'nodes', text: 'jobs' }])).rejects.toThrow('is no node graph');
    await expect(ask([{ refId: 'A', queryType: 'logs', text: 'link down' }])).rejects.toThrow('asks for no log lines');
  });
});

describe('a node graph', () => {
  test('asked alone brings its edges', async () => {
    const frames = await ask([{ refId: 'A', queryType: 'nodes', text: 'nodes fold=leaf' }]);
    expect(frames.map((frame) => [frame.refId, frame.name, frame.length])).toEqual([
      ['A', 'nodes', 27],
      ['A', 'edges', 162],
    ]);
  });

  test('asked in two, as a dashboard does, is asked once', async () => {
    const frames = await ask([
      { refId: 'A', queryType: 'nodes', text: 'nodes fold=leaf' },
      { refId: 'B', queryType: 'nodes', text: 'edges  fold="leaf"' },
    ]);
    expect(frames.map((frame) => [frame.refId, frame.name])).toEqual([
      ['A', 'nodes'],
      ['B', 'edges'],
    ]);
    expect(backend.asked.map((one) => one.data.q)).toEqual(['nodes fold=leaf', 'edges fold=leaf']);
  });
});

describe('log lines', () => {
  const LOGS: WeftQuery = { refId: 'A', queryType: 'logs', text: 'logs query="link OR severity:err" host=a,b' };

  test('are searched with the arguments of the text, and words of the query are marked', async () => {
    const [frame] = await ask([LOGS]);
    const [asked] = backend.questions;
    expect([asked.path, Object.fromEntries(asked.params)]).toEqual([
      '/api/v1/logs/search',
      { query: 'link OR severity:err', host: 'a,b', from: String(FROM), to: String(TO), limit: '1000' },
    ]);
    expect(frame.length).toBe(5);
    expect(frame.meta?.custom).toEqual({ limit: 1000, searchWords: ['(?i)link'] });
  });

  test('say how many there are where not all are shown', async () => {
    const told = recorded<LinesAnswer>('lines');
    const rows = Array(1000).fill(told.rows[0]);
    backend.answering = () => ({ ...told, rows, total: 10_000, at_least: true });
    const [frame] = await ask([LOGS]);
    expect(noticesOf(frame)).toEqual(['The newest 1,000 of more than 10,000 lines are shown.']);
  });

  test('are filtered by the filters that mean something to them', async () => {
    const filters = [
      { key: 'host', operator: '=', value: 'node001' },
      { key: 'program', operator: '!~', value: 'slurm.*' },
      { key: 'severity', operator: '=|', value: 'err', values: ['err', 'crit'] },
      { key: 'job', operator: '=', value: '4711' },
      { key: 'cable', operator: '=', value: 'c1' },
    ];
    const [frame] = await ask([{ ...LOGS, text: 'logs query=link' }], { filters });
    const params = backend.questions[0].params;
    expect([params.get('job'), params.get('query')]).toEqual([
      '4711',
      'link AND host:"node001" AND NOT program:/slurm.*/ AND (severity:"err" OR severity:"crit")',
    ]);
    expect(noticesOf(frame)).toEqual(["The filter 'cable = c1' means nothing to log lines."]);
  });

  test('are counted over time by level, for Explore up to Grafana 10.2 and since', async () => {
    expect(hasSupplementaryQuerySupport(source, SupplementaryQueryType.LogsVolume)).toBe(true);
    const logs = request([LOGS, { refId: 'B', queryType: 'table', text: 'jobs' }], { intervalMs: 30_000 });
    const provided = source.getDataProvider(SupplementaryQueryType.LogsVolume, logs);
    const frames = (await lastValueFrom(provided!)).data as DataFrame[];
    const levels = frames.map((frame) => frame.fields[1].labels?.level);
    // The recorded answer is 35 lines of `err` and 4,496 in all, and here the same for every other level.
    expect(levels).toEqual(['critical', 'error', 'warning', 'info', 'debug']);
    expect(frames[1].fields[1].values).toEqual([3, 3, 6, 5, 11, 7, 0]);
    expect(frames[1].meta?.custom).toEqual({
      logsVolumeType: 'FullRange',
      absoluteRange: { from: FROM, to: TO },
      datasourceName: 'Weft',
      sourceQuery: { ...LOGS, refId: 'log-volume-A' },
    });
    expect(backend.questions.map((one) => one.params.get('query'))).toEqual([
      'link OR severity:err',
      '(link OR severity:err) AND severity:(emerg OR alert OR crit)',
      '(link OR severity:err) AND severity:(err)',
      '(link OR severity:err) AND severity:(warning)',
      '(link OR severity:err) AND severity:(notice OR info)',
      '(link OR severity:err) AND severity:(debug)',
    ]);
    // At most 200 bars: 6 h of 30 s would be 720.
    expect(new Set(backend.questions.map((one) => one.params.get('step')))).toEqual(new Set(['108']));
    const asked = source.getSupplementaryRequest(SupplementaryQueryType.LogsVolume, logs);
    expect(asked?.targets).toEqual([{ ...LOGS, refId: 'log-volume-A', queryType: 'volume' }]);
    expect(source.getDataProvider(SupplementaryQueryType.LogsSample, logs)).toBeUndefined();
  });

  test('that say no level are counted as unknown', async () => {
    backend.answering = ({ params }) => ({
      rows: [{ time: 1, lines: params.get('query')?.includes('severity') ? 2 : 13 }],
    });
    const logs = request([{ ...LOGS, text: 'logs' }]);
    const provided = source.getDataProvider(SupplementaryQueryType.LogsVolume, logs);
    const frames = (await lastValueFrom(provided!)).data as DataFrame[];
    expect(frames.map((frame) => [frame.fields[1].labels?.level, frame.fields[1].values])).toEqual([
      ['critical', [2]],
      ['error', [2]],
      ['warning', [2]],
      ['info', [2]],
      ['debug', [2]],
      ['unknown', [3]],
    ]);
  });

  test('have what their host logged before and after them, the newest first', async () => {
    expect(hasLogsContextSupport(source)).toBe(true);
    const [frame] = await ask([LOGS]);
    const row = { dataFrame: frame, rowIndex: 1 } as LogRowModel;
    expect(source.showContextToggle(row)).toBe(true);
    const around = async (direction: LogRowContextQueryDirection) =>
      columnOf((await source.getLogRowContext(row, { direction, limit: 2 })).data[0], 'timestamp');
    expect(await around(LogRowContextQueryDirection.Backward)).toEqual([1795672092300, 1795671700120]);
    expect(await around(LogRowContextQueryDirection.Forward)).toEqual([1795672855300, 1795672790300]);
    const asked = backend.questions[1];
    expect([asked.path, Object.fromEntries(asked.params)]).toEqual([
      '/api/v1/logs/context',
      { cursor: recorded<LinesAnswer>('lines').rows[1].cursor, limit: '2' },
    ]);
    const other = { dataFrame: { fields: [], length: 0 }, rowIndex: 0 } as unknown as LogRowModel;
    expect(source.showContextToggle(other)).toBe(false);
    await expect(source.getLogRowContext(other)).rejects.toThrow('no place in the log');
  });

  test('are filtered from the log details', () => {
    const query: WeftQuery = { refId: 'A', queryType: 'logs', text: 'logs query="link down" job=4711' };
    const options = { key: 'host', value: 'node001' };
    const modified = (type: string) => source.modifyQuery(query, { type, options }).text;
    expect(modified('ADD_FILTER')).toBe('logs query="(link down) AND host:\\"node001\\"" job=4711');
    expect(modified('ADD_FILTER_OUT')).toBe('logs query="(link down) AND NOT host:\\"node001\\"" job=4711');
    expect(modified('ADD_STRING_FILTER')).toBe('logs query="(link down) AND \\"node001\\"" job=4711');
    expect(modified('ADD_STRING_FILTER_OUT')).toBe('logs query="(link down) AND NOT \\"node001\\"" job=4711');
    expect(modified('SOMETHING_NEW')).toBe(query.text);
    const on = source.toggleQueryFilter(query, { type: 'FILTER_FOR', options });
    expect([source.queryHasFilter(query, options), source.queryHasFilter(on, options)]).toEqual([false, true]);
    expect(source.toggleQueryFilter(on, { type: 'FILTER_FOR', options }).text).toBe(
      'logs query="(link down)" job=4711'
    );
    expect(source.modifyQuery({ refId: 'A', queryType: 'logs' }, { type: 'ADD_FILTER', options }).text).toBe(
      'logs query="host:\\"node001\\""'
    );
  });
});

test('annotations are asked as they are typed; nothing means jobs and changes', async () => {
  const [frame] = await ask([{ refId: 'Anno', queryType: 'annotations', text: '' }]);
  expect(backend.questions[0].path).toBe('/api/v1/annotations');
  expect(Object.fromEntries(backend.questions[0].params)).toEqual({
    from: String(FROM),
    to: String(TO),
    limit: '1000',
  });
  expect(frame.fields.map((field) => field.name)).toEqual(['time', 'timeEnd', 'title', 'text', 'tags']);
  await ask([{ refId: 'Anno', queryType: 'annotations', text: 'logs "link down" severity:>=err' }]);
  expect(backend.questions[1].params.get('query')).toBe('logs "link down" severity:>=err');
  expect(source.annotations.getDefaultQuery()).toEqual({ queryType: 'annotations', text: '' });
});

test('Cypher is asked with its parameters; where there is none, the back end says so', async () => {
  templates = new FakeTemplates({ host: ['node001'] });
  const query: WeftQuery = { refId: 'A', queryType: 'cypher', text: 'MATCH (h) WHERE h.name IN $host RETURN h' };
  await expect(ask([query])).rejects.toThrow('The inventory is in SQLite, which knows no Cypher.');
  expect(backend.questions[0].data).toEqual({ query: query.text, parameters: { host: ['node001'] } });
});

describe('variables', () => {
  const range = request([]).range;
  const values = async (text: string) => {
    const targets = [{ refId: 'host', queryType: 'variable' as const, text }];
    // As Grafana calls it: the function alone.
    const { query } = new Variables(source);
    const told = await lastValueFrom(query(request(targets)));
    return told.data[0] as DataFrame;
  };

  test('have the values of a list, a table or a pattern', async () => {
    expect(source.variables).toBeInstanceOf(Variables);
    const frame = await values('switch.*');
    expect(frame.fields.map((field) => [field.name, field.values])).toEqual([
      ['text', ['leaf01', 'leaf02', 'spine01']],
      ['value', ['leaf01', 'leaf02', 'spine01']],
    ]);
    expect(backend.questions[0].data).toEqual({
      payload: { target: 'switch.*' },
      range: { from: '2026-11-26T00:00:00.000Z', to: '2026-11-26T06:00:00.000Z' },
    });
  });

  test('have the values of a tag, under conditions', async () => {
    templates = new FakeTemplates({ switch: ['leaf01', 'leaf02'] });
    await values('tag_values(host, switch=~^(a|b), port={1,2})');
    await values('tags(switch=leaf01)');
    const [first, second] = backend.questions;
    expect([first.path, first.params.get('tag'), first.params.getAll('expr')]).toEqual([
      '/graphite/tags/autoComplete/values',
      'host',
      ['switch=~^(a|b)', 'port={1,2}'],
    ]);
    expect([first.params.get('from'), first.params.get('until')]).toEqual([String(FROM / 1000), String(TO / 1000)]);
    expect([second.path, second.params.has('tag'), second.params.getAll('expr')]).toEqual([
      '/graphite/tags/autoComplete/tags',
      false,
      ['switch=leaf01'],
    ]);
  });

  test('take other variables, and a bare text', async () => {
    templates = new FakeTemplates({ user: ['alice', 'bob'] });
    await lastValueFrom(new Variables(source).query(request(['jobs user=$user column=name'] as never)));
    expect(backend.questions[0].data.payload).toEqual({ target: 'jobs user=alice,bob column=name' });
    await expect(lastValueFrom(source.values('  ', range))).rejects.toThrow('The variable asks nothing.');
  });
});

test('ad hoc filters have the keys and values that the back end knows', async () => {
  backend.answering = ({ path }) => [{ text: path === '/json/tag-keys' ? 'host' : 'node001' }];
  expect(await source.getTagKeys()).toEqual([{ text: 'host' }]);
  expect(await source.getTagValues({ key: 'host' })).toEqual([{ text: 'node001' }]);
  const [from, to] = [dateTime(FROM), dateTime(TO)];
  await source.getTagValues({ key: 'host', timeRange: { from, to, raw: { from, to } } });
  expect(backend.asked.map((one) => [one.path, one.data])).toEqual([
    ['/json/tag-keys', {}],
    ['/json/tag-values', { key: 'host', timeRange: undefined }],
    [
      '/json/tag-values',
      { key: 'host', timeRange: { from: '2026-11-26T00:00:00.000Z', to: '2026-11-26T06:00:00.000Z' } },
    ],
  ]);
});

test('the catalogue is asked once, and again after it could not be had', async () => {
  backend.answering = () => new Failure(503, {});
  await expect(source.tables()).rejects.toThrow('Weft does not answer.');
  backend.answering = demo;
  expect((await source.tables()).map((table) => table.name)).toContain('placement_swaps');
  await source.tables();
  expect(backend.asked).toHaveLength(2);
});

describe('health', () => {
  const health = (change: Partial<Status>) => {
    backend.answering = () => ({ ...recorded<Status>('status'), ...change });
    return source.testDatasource();
  };

  test('is green with what each engine holds', async () => {
    const told = await health({});
    expect(told.status).toBe('success');
    expect(told.message).toContain('Fabric: ib: ');
    expect(told.message).toContain('Log lines: ');
  });

  test('is red where an engine does not answer, with its reason', async () => {
    const parts = [
      { name: 'Log lines', ok: false, text: 'Elasticsearch at http://es:9200 does not answer. Start it.' },
    ];
    const told = await health({ ready: false, parts });
    expect(told).toMatchObject({
      status: 'error',
      message:
        'Weft 0.1.0 answers, but not all of it works. Log lines: Elasticsearch at http://es:9200 does not answer. Start it.',
    });
  });

  test('is yellow where something is missing, with the way to get it', async () => {
    const missing = [
      { what: 'No log lines are kept.', fix: 'Import syslog files: weft import FILE.' },
      { what: 'sacct failed at 03:12: no such file.', fix: 'See `weft check`.' },
    ];
    const told = await health({ missing });
    expect([told.status, told.message, told.details?.message]).toEqual([
      'warning',
      'Weft 0.1.0 answers, but something is missing. No log lines are kept. Import syslog files: weft import FILE.',
      'sacct failed at 03:12: no such file. See `weft check`.',
    ]);
  });

  test('is red where nothing answers', async () => {
    backend.answering = () => new Failure(502, { message: 'Bad Gateway' });
    expect(await source.testDatasource()).toEqual({
      status: 'error',
      message: 'Weft does not answer. Start it with `weft serve`, and check the URL of the data source.',
    });
  });
});

test('a table keeps its numbers apart from a notice', async () => {
  const [frame] = await ask([{ refId: 'A', queryType: 'table', text: 'placement job=4824' }]);
  const answer = recorded<TableAnswer>('placement');
  expect(columnOf(frame, 'mean_hops')).toEqual(answer.rows.map((row) => row[5]));
});
