/** Every query type and variable against a running demo, WEFT_URL; what the native API answers is what is expected. */

import {
  dateTime,
  FieldType,
  LogRowContextQueryDirection,
  SupplementaryQueryType,
  type DataFrame,
  type LogRowModel,
} from '@grafana/data';
import { lastValueFrom } from 'rxjs';

import { LISTS, complete } from './complete';
import { DataSource } from './datasource';
import { levelOf } from './frames';
import { namesOf } from './names';
import { quoted } from './request';
import { FakeTemplates, request, settings } from './testing/backend';
import { backendSrv, call, native, SERVER } from './testing/server';
import type { EventsAnswer, LinesAnswer, Param, SeriesAnswer, Status, StepsAnswer, Table, TableAnswer, WeftQuery } from './types'; // prettier-ignore
import { Variables } from './variables';

jest.setTimeout(120_000);
jest.mock('@grafana/runtime', () => ({
  ...jest.requireActual('@grafana/runtime'),
  getBackendSrv: () => backendSrv,
  getTemplateSrv: () => new FakeTemplates({ host: ['node001', 'node002'] }),
}));

const source = new DataSource(settings());
let tables: Table[] = [];
let known: Record<string, string> = {};
let span = { from: 0, to: 0 };

beforeAll(async () => {
  tables = await source.tables();
  const status = await native<Status & { now_ms: number }>('/api/v1/status');
  span = { from: status.now_ms - 6 * 3_600_000, to: status.now_ms - 30_000 };
  const [ports] = await ask([{ refId: 'A', queryType: 'table', text: 'ports switch=leaf01' }]);
  const jobs = await native<TableAnswer>('/api/v1/query', { q: 'jobs', ...span });
  // One that has ended: what is told of it stands still.
  const wide = jobs.rows.find((row) => Number(row[7]) > 1 && row[5] !== null)?.[0];
  known = { job: String(wide), jobs: String(wide), port: String(ports.fields[0].values[0]), link: 'leaf01/1', src: 'node001', dst: 'node100', metric: 'PortXmitData', query: 'severity:>=warning' }; // prettier-ignore
});

const asked = (targets: WeftQuery[], more = {}) => {
  const [from, to] = [dateTime(span.from), dateTime(span.to)];
  return request(targets, { range: { from, to, raw: { from, to } }, ...more });
};
async function ask(targets: WeftQuery[], more = {}): Promise<DataFrame[]> {
  return (await lastValueFrom(source.query(asked(targets, more)))).data as DataFrame[];
}
const rowsOf = (frame: DataFrame) =>
  Array.from({ length: frame.length }, (_, row) => frame.fields.map((field) => field.values[row] as unknown));
const column = (frame: DataFrame, name: string) => frame.fields.find((field) => field.name === name)!.values;

/** The demo lives: what changed between two questions is asked again. */
async function eventually(check: () => Promise<void>): Promise<void> {
  for (let left = 4; ; left--) {
    try {
      return await check();
    } catch (error) {
      if (left === 0) {
        throw error;
      }
    }
  }
}

/** A value for a parameter that a table needs, from what the demo has. */
async function valueOf(param: Param): Promise<string> {
  if (known[param.name] !== undefined) {
    return known[param.name];
  }
  const [first] = param.choices.length > 0 ? param.choices : await namesOf(source).list(param.options);
  return first;
}

async function textOf(table: Table): Promise<string> {
  const needed = table.params.filter((param) => param.required);
  const args = await Promise.all(needed.map(async (param) => `${param.name}=${quoted(await valueOf(param))}`));
  const more =
    { behind: ['switch=leaf01'], state_timeline: ['user=alice'], balance: ['switch=leaf01'], logs: ['query=link'] }[
      table.name
    ] ?? [];
  return [table.name, ...args, ...more].join(' ');
}

describe(`against ${SERVER}`, () => {
  test('the catalogue has the tables of the plan', () => {
    expect(tables.length).toBeGreaterThan(30);
  });

  test('every table is a frame with the columns, types, units and rows of the native API', async () => {
    const told: string[] = [];
    for (const table of tables.filter(({ name }) => name !== 'cypher')) {
      const q = await textOf(table);
      await eventually(async () => {
        const params = table.params.some((param) => param.name === 'step') ? { step: 60 } : {};
        const [ours, theirs] = await Promise.all([
          ask([{ refId: 'A', queryType: 'table', text: q }]),
          native<TableAnswer>('/api/v1/query', { q, params, ...span, limit: 10_000 }),
        ]);
        const [frame] = ours;
        // A source's age goes on while one asks.
        const still = (rows: unknown[][]) => (table.name === 'sources' ? rows.map(([one]) => one) : rows);
        expect([q, still(rowsOf(frame))]).toEqual([q, still(theirs.rows)]);
        expect(frame.fields.map(({ name, type, config }) => [name, type as string, config.unit ?? ''])).toEqual(
          theirs.columns.map(({ name, type, unit }) => [name, type, unit])
        );
        expect(frame.meta?.notices?.map((notice) => notice.text) ?? []).toEqual(theirs.notices);
        told.push(`${table.name} ${frame.length}`);
      });
    }
    // Most of them have something to show in a demo; what wiring says needs a plan.
    const withRows = told.filter((one) => !one.endsWith(' 0'));
    expect(withRows.length).toBeGreaterThan(tables.length - 8);
  });

  test.each([
    'switch.leaf01.{1,2}.PortXmitData',
    'perSecond(switch.leaf01.*.PortXmitData)',
    'demo.*.load',
    'job.$job.ports.*.*.PortXmitData',
    'host.node001.ib.*.*.PortRcvData',
    "seriesByTag('switch=leaf01', 'port=1', 'what=PortXmitData')",
    "highestAverage(groupByNode(scale(perSecond(switch.*.*.PortXmitData), 4), 1, 'sum'), 3)",
    'switch.leaf01.*.NoSuchCounter',
  ])('series: %s', async (typed) => {
    const q = typed.replace('$job', known.job);
    const body = { q, ...span, maxDataPoints: 120 };
    const [ours, theirs] = await Promise.all([
      ask([{ refId: 'A', queryType: 'series', text: q }], { maxDataPoints: 120 }).catch(
        (error: Error) => error.message
      ),
      native<SeriesAnswer & { message?: string }>('/api/v1/query', body),
    ]);
    if (theirs.message !== undefined || typeof ours === 'string') {
      expect(ours).toBe(theirs.message);
      return;
    }
    const drawn = ours.filter((frame) => frame.length > 0);
    expect(drawn.map(({ name, fields: [time, value] }) => [name, value.labels, time.values, value.values])).toEqual(
      theirs.series.map((one) => [
        one.target,
        one.tags,
        one.datapoints.map((p) => p[1]),
        one.datapoints.map((p) => p[0]),
      ])
    );
    expect(drawn.every((frame) => frame.length <= 120)).toBe(true);
    expect(ours[0].meta?.notices?.map((notice) => notice.text) ?? []).toEqual(theirs.notices);
  });

  test.each(['fold=leaf', 'switch=leaf01', 'job=$job', ''])('node graph: nodes %s', async (typed) => {
    const args = typed.replace('$job', known.job);
    await eventually(async () => {
      const [nodes, edges] = await ask([{ refId: 'A', queryType: 'nodes', text: `nodes ${args}` }]);
      const theirs = await native<TableAnswer>('/api/v1/query', { q: `nodes ${args}`, ...span, limit: 10_000 });
      const links = await native<TableAnswer>('/api/v1/query', { q: `edges ${args}`, ...span, limit: 10_000 });
      const ids = new Set(theirs.rows.map((row) => row[0]));
      expect(rowsOf(nodes)).toEqual(theirs.rows);
      expect(rowsOf(edges)).toEqual(links.rows.filter((row) => ids.has(row[1]) && ids.has(row[2])));
      expect(nodes.length).toBeGreaterThan(1);
    });
  });

  test('topology: the fabric at the end of the range, and a job in it, as they come', async () => {
    const at = `at=${span.to}`;
    const paths = ['', '/levels', '/vanished', '/degraded'].map((part) => `/api/v1/fabric${part}?${at}&limit=100000`);
    const hosts = `/api/v1/hosts?${at}&limit=100000`;
    const runs = ['job_ports', 'job_routes'].map((q) => `/api/v1/query?q=${q}&job=${known.job}&limit=100000`);
    await eventually(async () => {
      const [frame] = await ask([{ refId: 'A', queryType: 'topology', text: `fabric job=${known.job}` }]);
      const theirs = await Promise.all([...paths, hosts, ...runs].map((path) => native(path)));
      const ours = column(frame, 'answer');
      expect(ours).toHaveLength(theirs.length);
      expect(ours).toEqual(expect.arrayContaining(theirs));
    });
  });

  test('log lines, their volume by level and what stands around them', async () => {
    const query = 'severity:>=warning OR link';
    const text = `logs query="${query}"`;
    const window = `from=${span.from}&to=${span.to}`;
    const theirs = await native<LinesAnswer>(
      `/api/v1/logs/search?query=${encodeURIComponent(query)}&${window}&limit=1000`
    );
    const [frame] = await ask([{ refId: 'A', queryType: 'logs', text }]);
    expect(frame.length).toBeGreaterThan(5);
    expect(column(frame, 'timestamp')).toEqual(theirs.rows.map((row) => row.time));
    expect(column(frame, 'body')).toEqual(theirs.rows.map((row) => row.message));
    expect(column(frame, 'severity')).toEqual(theirs.rows.map((row) => levelOf(row.severity)));
    expect(frame.meta?.custom?.searchWords).toEqual(['(?i)link']);

    const volume = asked([{ refId: 'A', queryType: 'logs', text }], { intervalMs: 600_000 });
    const provided = source.getDataProvider(SupplementaryQueryType.LogsVolume, volume);
    const bars = (await lastValueFrom(provided!)).data as DataFrame[];
    const path = `/api/v1/logs/histogram?query=${encodeURIComponent(query)}&${window}&step=600`;
    const steps = await native<StepsAnswer>(path);
    const sums = steps.rows.map((_, i) => bars.reduce((sum, bar) => sum + (bar.fields[1].values[i] as number), 0));
    expect(sums).toEqual(steps.rows.map((row) => row.lines));
    const levels = bars.map((bar) => bar.fields[1].labels?.level);
    expect(new Set(levels)).toEqual(new Set(theirs.rows.map((row) => levelOf(row.severity))));

    const row = { dataFrame: frame, rowIndex: 2 } as LogRowModel;
    const cursor = encodeURIComponent(theirs.rows[2].cursor);
    const around = await native<{ before: Array<{ id: string }>; after: Array<{ id: string }> }>(`/api/v1/logs/context?cursor=${cursor}&limit=3`); // prettier-ignore
    for (const [direction, side] of [
      [LogRowContextQueryDirection.Backward, 'before'],
      [LogRowContextQueryDirection.Forward, 'after'],
    ] as const) {
      // prettier-ignore
      const told = await source.getLogRowContext(row, { direction, limit: 3 });
      expect(column(told.data[0], 'id')).toEqual(around[side].map((line) => line.id).reverse());
    }
  });

  test('a filter from the log details leaves the lines that have it', async () => {
    const query: WeftQuery = { refId: 'A', queryType: 'logs', text: 'logs query="link OR error"' };
    const [all] = await ask([query]);
    const labels = column(all, 'labels') as Array<Record<string, string>>;
    const host = labels[0].host;
    for (const type of ['ADD_FILTER', 'ADD_FILTER_OUT']) {
      const [some] = await ask([source.modifyQuery(query, { type, options: { key: 'host', value: host } })]);
      const kept = labels.filter((one) => (one.host === host) === (type === 'ADD_FILTER'));
      expect((column(some, 'labels') as Array<Record<string, string>>).map((one) => one.host)).toEqual(
        kept.map((one) => one.host)
      );
    }
  });

  test.each(['', 'jobs state=running', 'changes kind=node_gone', 'logs severity:>=err', 'jobs host=node001,node002'])(
    'annotations: %s',
    async (text) => {
      await eventually(async () => {
        const [frame] = await ask([{ refId: 'Anno', queryType: 'annotations', text }]);
        const path = `/api/v1/annotations?query=${encodeURIComponent(text)}&from=${span.from}&to=${span.to}&limit=1000`;
        const theirs = await native<EventsAnswer>(path);
        const rows = [...theirs.rows].reverse();
        expect(rowsOf(frame)).toEqual(rows.map((e) => [e.time, e.timeEnd, e.title, e.text, e.tags.join(',')]));
      });
    }
  );

  test('Cypher: rows and graph where there is Neo4j, elsewhere what the back end says', async () => {
    const query =
      'MATCH (h:Host)-[r:JOBCLIENT]->(j:Job) WHERE h.name IN $host RETURN h.name AS host, h, r, j ORDER BY host, j.key LIMIT 5';
    const theirs = await call('/api/v1/cypher', { query, parameters: { host: ['node001', 'node002'] } });
    const ours = ask([{ refId: 'A', queryType: 'cypher', text: query }]);
    if (theirs.status >= 400) {
      await expect(ours).rejects.toThrow((theirs.data as { message: string }).message);
      return;
    }
    const [rows, nodes, edges] = await ours;
    const told = theirs.data as { rows: unknown[][]; nodes: { rows: unknown[][] }; edges: { rows: unknown[][] } };
    expect(column(rows, 'host')).toEqual(told.rows.map(([host]) => host));
    expect([rowsOf(nodes), rowsOf(edges)]).toEqual([told.nodes.rows, told.edges.rows]);
  });

  test('a table that does not exist is told in the words of the back end', async () => {
    const theirs = await native<{ message: string }>('/api/v1/query', { q: 'jbos user=alice' });
    await expect(ask([{ refId: 'A', queryType: 'table', text: 'jbos user=alice' }])).rejects.toThrow(theirs.message);
  });

  describe('variables', () => {
    const values = async (text: string) => {
      const told = await lastValueFrom(
        new Variables(source).query(asked([{ refId: 'v', queryType: 'variable', text }]))
      );
      const [texts, values] = (told.data[0] as DataFrame).fields;
      expect([texts.type, texts.values]).toEqual([FieldType.string, values.values]);
      return texts.values as string[];
    };

    test.each(LISTS)('%s', async (list) => {
      const range = { from: new Date(span.from).toISOString(), to: new Date(span.to).toISOString() };
      await eventually(async () => {
        const theirs = await native<Array<{ __value: string }>>('/json/variable', { payload: { target: list }, range });
        expect(await values(list)).toEqual(theirs.map((one) => one.__value));
        expect(theirs.length).toBeGreaterThan(0);
      });
    });

    test('any column of a table', async () => {
      const q = 'ports switch=leaf01';
      const told = await native<TableAnswer>('/api/v1/query', { q, ...span });
      for (const [place, { name }] of told.columns.entries()) {
        const cells = told.rows.map((row) => row[place]).filter((cell) => cell !== null && cell !== '');
        const found = await values(`${q} column=${name}`);
        // Python writes true as True.
        expect(found.map((one) => one.toLowerCase())).toEqual([
          ...new Set(cells.map((cell) => String(cell).toLowerCase())),
        ]);
      }
    });

    test('the last part of a path', async () => {
      const found = await native<Array<{ text: string }>>('/graphite/metrics/find?query=switch.*');
      expect((await values('switch.*')).sort()).toEqual(found.map((one) => one.text).sort());
    });

    test('any tag', async () => {
      const window = `from=${Math.floor(span.from / 1000)}&until=${Math.ceil(span.to / 1000)}&limit=1000`;
      const tags = await native<string[]>(`/graphite/tags/autoComplete/tags?expr=switch=leaf01&${window}`);
      expect(await values('tags(switch=leaf01)')).toEqual(tags);
      for (const tag of tags) {
        const path = `/graphite/tags/autoComplete/values?tag=${tag}&expr=switch=leaf01&${window}`;
        expect(await values(`tag_values(${tag}, switch=leaf01)`)).toEqual(await native<string[]>(path));
      }
    });
  });

  test('ad hoc filters: every key has values, and a filter leaves the rows and series that meet it', async () => {
    const keys = (await source.getTagKeys()).map((key) => key.text);
    expect(keys).toEqual(expect.arrayContaining(['cable', 'host', 'job', 'switch', 'user']));
    for (const key of keys) {
      expect((await source.getTagValues({ key })).length).toBeGreaterThan(0);
    }
    const text = 'jobs';
    const filters = [{ key: 'user', operator: '=~', value: '^(alice|bob)$' }];
    const [frame] = await ask([{ refId: 'A', queryType: 'table', text }], { filters });
    expect(new Set(column(frame, 'user'))).toEqual(new Set(['alice', 'bob']));
    const series = await ask([{ refId: 'A', queryType: 'series', text: 'switch.{leaf01,leaf02}.1.PortXmitData' }], {
      filters: [{ key: 'switch', operator: '!=', value: 'leaf01' }],
    });
    expect(series.map((one) => one.fields[1].labels?.switch)).toEqual(['leaf02']);
  });

  test('completion knows what the server has', async () => {
    const names = namesOf(source, asked([]).range);
    const texts = async (...[language, text]: [Parameters<typeof complete>[0], string]) =>
      (await complete(language, text, text.length, names)).items.map((item) => item.text);
    expect(await texts('series', 'perSecond(switch.leaf01.1.PortXmitDat')).toEqual(['switch.leaf01.1.PortXmitData']);
    expect(await texts('series', 'perSec')).toEqual(['perSecond(']);
    expect(await texts('series', 'swi')).toEqual(['switch.']);
    expect(await texts('series', "seriesByTag('switch=leaf0")).toHaveLength(9);
    expect(await texts('table', 'jobs user=al')).toEqual(['alice']);
    expect(await texts('logs', 'severity:e')).toEqual(['err']);
    expect(await texts('variable', 'switches')).toEqual(['switches']);
  });

  test('it is healthy', async () => {
    const { status, message } = await source.testDatasource();
    expect([status, message]).toEqual(['success', expect.stringContaining('Fabric: ')]);
  });
});
