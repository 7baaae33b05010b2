import { DataFrameType, FieldType } from '@grafana/data';

import { cypherFrames, eventsFrame, FABRIC_SHOWN, graphFrames, levelOf, linesFrame, seriesFrames, tableFrame, volumeFrame } from './frames'; // prettier-ignore
import { linksOfNode } from './links';
import { recorded } from './testing/backend';
import type { CypherAnswer, EventsAnswer, LinesAnswer, SeriesAnswer, TableAnswer } from './types';

const SOURCE = { uid: 'weft', name: 'Weft' };

describe('series', () => {
  test('are a frame each, named as Graphite names them, with their tags as labels', () => {
    const [first, second] = seriesFrames(recorded<SeriesAnswer>('series'), 'B');
    expect(first.refId).toBe('B');
    expect(first.meta).toEqual({ type: DataFrameType.TimeSeriesMulti, preferredVisualisationType: 'graph' });
    expect(first.fields).toEqual([
      {
        name: 'time',
        type: FieldType.time,
        config: {},
        values: [1795654800000, 1795658400000, 1795662000000, 1795665600000, 1795669200000, 1795672800000],
      },
      {
        name: 'value',
        type: FieldType.number,
        config: { displayNameFromDS: 'perSecond(switch.leaf12.1.PortXmitData)' },
        labels: {
          name: 'switch.leaf12.1.PortXmitData',
          switch: 'leaf12',
          port: '1',
          what: 'PortXmitData',
          perSecond: '1',
        },
        values: [
          256779106.37833336, 37236129.2175, 350000019.0, 306960810.54388887, 49309666.68222205, 55350567.62407388,
        ],
      },
    ]);
    expect(second.fields[1].config.displayNameFromDS).toBe('perSecond(switch.leaf12.2.PortXmitData)');
  });

  test('keep their gaps, and tell notices once', () => {
    const one = { target: 'a', tags: {}, datapoints: [[null, 1], [2, 2]] as Array<[number | null, number]> }; // prettier-ignore
    const frames = seriesFrames({ series: [one, one], notices: ['Doubt.', 'Doubt.'] }, 'A');
    expect(frames[0].fields[1].values).toEqual([null, 2]);
    expect(frames.map((frame) => frame.meta?.notices)).toEqual([[{ severity: 'warning', text: 'Doubt.' }], undefined]);
  });

  test('that are none say why', () => {
    const [frame] = seriesFrames(recorded<SeriesAnswer>('series_none'), 'A');
    expect(frame.length).toBe(0);
    expect(frame.meta?.notices).toEqual([
      { severity: 'warning', text: 'No series matches switch.leaf01.*.Nothing* in this time.' },
    ]);
  });
});

describe('a table', () => {
  test('has typed columns with unit, description and links', () => {
    const answer = recorded<TableAnswer>('jobs');
    const frame = tableFrame(answer, 'A', SOURCE);
    const field = (name: string) => frame.fields.find((one) => one.name === name)!;
    expect(frame.length).toBe(6);
    expect(frame.fields.map((one) => one.name)).toEqual(answer.columns.map((column) => column.name));
    // A job id is no number, whatever it looks like.
    expect([field('job').type, field('job').values[0]]).toEqual([FieldType.string, '4824']);
    expect([field('start').type, field('start').values[0]]).toEqual([FieldType.time, 1795672856000]);
    expect([field('end').values[0], field('elapsed').values[0]]).toEqual([null, null]);
    expect(field('elapsed').config).toEqual({ unit: 's', description: 'Start to end.', custom: { width: 94 } });
    expect(field('job').config.links?.map((link) => link.internal?.query.text ?? link.url)).toEqual([
      '/a/weft-fabric-app/jobs/${__value.raw:percentencode}?ds=weft',
      'placement job=${__value.raw}',
      'job_neighbours job=${__value.raw}',
      'nodes job=${__value.raw}',
      'logs job=${__value.raw}',
    ]);
    expect(field('user').config.links?.[0].url).toBe(
      '/d/weft-user?var-user=${__value.raw:percentencode}&${__url_time_range}'
    );
    expect(frame.meta?.preferredVisualisationType).toBe('table');
    expect(frame.meta?.notices).toEqual([{ severity: 'warning', text: answer.notices[0] }]);
  });

  test('of numbers over time is left to be drawn', () => {
    const frame = tableFrame(recorded<TableAnswer>('log_counts'), 'A', SOURCE);
    expect(frame.meta).toEqual({});
    expect(frame.fields[1].values.slice(0, 3)).toEqual([344, 398, 359]);
  });
});

describe('a node graph', () => {
  const rows = (name: string) => {
    const told = recorded<TableAnswer>(name);
    return { columns: told.columns.map((column) => column.name), rows: told.rows };
  };

  test('is two frames that Grafana knows by their hint, details by the names that people read', () => {
    const { nodes, edges } = graphFrames(rows('nodes'), rows('edges'), linksOfNode(SOURCE), FABRIC_SHOWN);
    expect([nodes.length, edges.length]).toEqual([27, 162]);
    expect([nodes.meta, edges.meta]).toEqual(Array(2).fill({ preferredVisualisationType: 'nodeGraph' }));
    expect(nodes.fields.map((field) => [field.name, field.type])).toEqual([
      ['id', 'string'],
      ['title', 'string'],
      ['subtitle', 'string'],
      ['mainstat', 'string'],
      ['secondarystat', 'string'],
      ['color', 'string'],
      ['detail__guid', 'string'],
    ]);
    expect(nodes.fields.slice(3).map((field) => field.config.displayName)).toEqual(['hosts', 'vanished', 'state', 'guid']); // prettier-ignore
    expect(nodes.fields[0].config.links?.[0].internal?.query.text).toBe('logs host=${__data.fields.title}');
    expect(nodes.fields.map((field) => field.values[11])).toEqual([
      '7cfe900300a002c0',
      'leaf12',
      'leaf switch',
      '17 hosts',
      '1 vanished',
      '#C4162A',
      '7cfe900300a002c0',
    ]);
    expect(edges.fields.find((field) => field.name === 'thickness')?.type).toBe('number');
  });

  test('has no edge to a node that is not shown', () => {
    const nodes = rows('nodes');
    const cut = { ...nodes, rows: nodes.rows.filter((row) => row[1] !== 'spine01') };
    const told = graphFrames(cut, rows('edges')).edges;
    const spine = nodes.rows.find((row) => row[1] === 'spine01')?.[0];
    expect(told.length).toBe(144); // 18 leaves hang on each of 9 spines
    expect(told.fields.flatMap((field) => field.values)).not.toContain(spine);
    expect(told.meta?.notices?.[0].text).toBe('18 edges lead to nodes that are not shown.');
  });
});

describe('log lines', () => {
  const answer = recorded<LinesAnswer>('lines');
  const frame = linesFrame(answer.rows, 'A', ['Cut.'], { limit: 5, searchWords: ['link'] });
  const values = (name: string) => frame.fields.find((field) => field.name === name)?.values;

  test('are of the shape that Grafana knows, with what they say of themselves as labels', () => {
    expect(frame.meta).toEqual({
      type: DataFrameType.LogLines,
      preferredVisualisationType: 'logs',
      notices: [{ severity: 'warning', text: 'Cut.' }],
      custom: { limit: 5, searchWords: ['(?i)link'] },
      searchWords: ['(?i)link'],
    });
    expect(values('timestamp')?.[0]).toBe(1795672789700);
    expect(values('body')?.[0]).toBe('error: StepId=4809.0: task 0 exited with exit code 1');
    expect(values('severity')?.[0]).toBe('error');
    expect(values('id')?.[0]).toBe('c0b2866416e30c882025de9a1ab1e171');
    const labels = { host: 'node271', program: 'slurmstepd', severity: 'err', source: 'syslog', pid: '6809' };
    expect(values('labels')?.[0]).toEqual(labels);
    expect(values('attributes')).toEqual(values('labels'));
    expect(values('cursor')?.[0]).toBe(answer.rows[0].cursor);
  });

  test('hide what is not for people', () => {
    const hidden = frame.fields.filter((field) => field.config.custom?.hidden).map((field) => field.name);
    expect(hidden).toEqual(['severity', 'labels', 'attributes', 'cursor']);
  });

  test('have the levels of Grafana', () => {
    const levels = ['emerg', 'alert', 'crit', 'err', 'warning', 'notice', 'info', 'debug', null, 'odd'].map(levelOf);
    expect(levels).toEqual(['critical', 'critical', 'critical', 'error', 'warning', 'info', 'info', 'debug', 'unknown', 'unknown']); // prettier-ignore
  });
});

test('events are a table that Grafana makes marks of, the oldest first', () => {
  const answer = recorded<EventsAnswer>('events');
  const frame = eventsFrame(answer, 'Anno');
  expect(Object.fromEntries(frame.fields.map((field) => [field.name, field.values[0]]))).toEqual({
    time: 1795668950000,
    timeEnd: null,
    title: 'node gone',
    text: 'node200 mlx5_0 vanished from leaf12/2. (after 2026-11-26T04:40:50Z)',
    tags: 'fabric,node_gone,error',
  });
  expect(frame.meta?.notices?.[0].text).toBe(answer.notices[0]);
});

test('what Cypher returns is rows, nodes as JSON in them, and the graph of what is in them', () => {
  const node = { id: 'h', labels: ['Host'], properties: { name: 'node001' } };
  const answer: CypherAnswer = {
    columns: ['host', 'n', 'at', 'sure'],
    rows: [
      ['node001', node, 7, true],
      [null, null, null, null],
    ],
    notices: ['Only some.'],
    nodes: { columns: ['id', 'title'], rows: [['h', 'node001']] },
    edges: { columns: ['id', 'source', 'target'], rows: [['r', 'h', 'j']] },
  };
  const [rows, nodes, edges] = cypherFrames(answer, 'C', SOURCE);
  expect(rows.fields.map((field) => [field.name, field.type, field.values])).toEqual([
    ['host', 'string', ['node001', null]],
    ['n', 'string', ['{"id":"h","labels":["Host"],"properties":{"name":"node001"}}', null]],
    ['at', 'number', [7, null]],
    ['sure', 'boolean', [true, null]],
  ]);
  expect(rows.meta?.notices).toEqual([{ severity: 'warning', text: 'Only some.' }]);
  expect([nodes.refId, nodes.name, nodes.length, edges.name, edges.length]).toEqual(['C', 'nodes', 1, 'edges', 0]);
  expect(cypherFrames({ ...answer, nodes: null, edges: null }, 'C', SOURCE)).toHaveLength(1);
});

test('an answer of Neo4j: two runs of a host, and the graph of host and runs', () => {
  const [rows, nodes, edges] = cypherFrames(recorded<CypherAnswer>('cypher'), 'C', SOURCE);
  expect(rows.fields.map((field) => [field.name, field.type])).toEqual([
    ['host', 'string'],
    ['h', 'string'],
    ['r', 'string'],
    ['n', 'number'],
    ['j', 'string'],
  ]);
  expect(rows.fields[0].values).toEqual(['node001', 'node001']);
  expect(nodes.fields[1].values).toEqual(['node001', 'su2-wing-36', 'wing-coarse']);
  expect(nodes.fields[0].config.links).toBeUndefined(); // a node may be anything here
  expect(edges.length).toBe(2);
});

test('lines over time are stacked bars in the colour of their level', () => {
  const { fields } = volumeFrame('error', [{ time: 1000, lines: 2 }], 'V');
  const { displayNameFromDS, color, custom } = fields[1].config;
  expect([displayNameFromDS, color]).toEqual(['error', { mode: 'fixed', fixedColor: 'red' }]);
  expect([custom.drawStyle, custom.stacking.mode]).toEqual(['bars', 'normal']);
});
