import { layoutOf, readRun } from '../src/core';
import { row, smallFabric, TREE } from '../src/core/testing/small';
import { changesOf, fabricsOf, findJobs, hasMore, jobsOf, quoted, runText, troublesOf } from './lists';

const WHEN = () => 'then';

it('tells what is marked, the worst first, and where to look', () => {
  const fabric = smallFabric({ spine1: [1, 'spine'], leaf1: [0, 'leaf'] }, [
    'leaf1/1 node1 degraded',
    'leaf1/2 node2',
    'leaf1/3 spine1/1 down',
    'leaf1/4 spine1/2 unsure',
  ]);
  const gone = { ...fabric.nodes[row(fabric, 'node2')], state: 'vanished', jobs: '4711', lastSeenMs: 5 } as const;
  const nodes = fabric.nodes.map((node) => (node.name === 'node2' ? (gone as typeof node) : node));
  const told = { ...fabric, nodes };
  const layout = layoutOf(told, { folded: 'none', aspect: 1.5 });
  expect(troublesOf(told, layout, WHEN)).toEqual([
    { kind: 'vanished', title: 'node2', text: 'last seen then \u00b7 job 4711 then', nodes: [row(fabric, 'node2')] },
    {
      kind: 'down',
      title: 'leaf1/3 \u2013 spine1/1',
      text: '4X EDR \u00b7 cable3',
      nodes: [row(fabric, 'leaf1'), row(fabric, 'spine1')],
    },
    {
      kind: 'degraded',
      title: 'leaf1/1 \u2013 node1/1',
      text: '4X EDR, its like 4X EDR \u00b7 cable1',
      nodes: [row(fabric, 'node1'), row(fabric, 'leaf1')],
    },
    {
      kind: 'unsure',
      title: 'leaf1/4 \u2013 spine1/2',
      text: '4X EDR \u00b7 cable4',
      nodes: [row(fabric, 'leaf1'), row(fabric, 'spine1')],
    },
  ]);
});

it('names the nodes of a change, hosts first', () => {
  const rows = [
    {
      time: 7,
      severity: 'info',
      text: 'Cable c1 is leaf01/17 - node005 mlx5_0/1 now; it left leaf01/5.',
      nodes: '',
      ports: 'leaf01/5, node005 mlx5_0/1, leaf01/17',
    },
  ];
  expect(changesOf({ rows })).toEqual([
    { atMs: 7, severity: 'info', text: rows[0].text, nodes: ['node005', 'leaf01'] },
  ]);
});

it('finds jobs by id, name or user', () => {
  const told = [
    { run: 'a', job: '4711', user: 'alice', name: 'hurricane', hosts: 16, start: 5 },
    { run: 'b', job: '4712', user: 'bob', name: 'md', hosts: null, start: null },
  ];
  const jobs = jobsOf({ rows: told });
  const ids = (text: string) => findJobs(jobs, text, 9).map(({ id }) => id);
  expect(['4711', 'job 4712', '47', 'BOB', 'hurr', 'x', ' '].map(ids)).toEqual([
    ['4711'],
    ['4712'],
    ['4711', '4712'],
    ['4712'],
    ['4711'],
    [],
    [],
  ]);
  expect(findJobs(jobs, '47', 1)).toHaveLength(1);
  expect([hasMore({ rows: [], cursor: 'x' }), hasMore({ rows: [], cursor: null })]).toEqual([true, false]);
});

it('says what a run crosses for certain and what it may cross', () => {
  const ports = { rows: [{ host: 'node1', switch_guid: 'leaf1', port: 1 }] };
  const routes = { rows: [{ basis: 'possible', switch_guid: 'leaf1', port: 3 }] };
  expect(runText(readRun(TREE, 'Job 1', ports, routes))).toBe(
    '1 host in the picture; crosses 1 link, may cross 1 link'
  );
  expect(runText(readRun(TREE, 'Job 1', null, null))).toBe('0 hosts in the picture; crosses no link that is known');
});

it('puts into quotes what a request would cut', () => {
  expect(['leaf01/5', 'node001 mlx5_0', 'a"b'].map(quoted)).toEqual(['leaf01/5', '"node001 mlx5_0"', '"a\\"b"']);
});

it('reads the fabrics of a status, and nothing of one that is older', () => {
  expect(fabricsOf({ fabrics: [{ name: 'ib', first_ms: 1, last_ms: 2 }] })).toEqual([
    { name: 'ib', firstMs: 1, lastMs: 2 },
  ]);
  expect(fabricsOf({})).toEqual([]);
});
