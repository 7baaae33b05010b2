import { askedOf, kindOf, KINDS, paramsOf, tableOf } from './catalogue';
import { recorded } from './testing/backend';
import type { Table } from './types';

const TABLES = recorded<Table[]>('tables');
const table = (name: string) => TABLES.find((one) => one.name === name)!;

test.each([
  ['series', undefined, 'switch.leaf01.*'],
  ['series', 'series', ''],
  ['run', 'table', 'job_ports job=4711'],
  ['placement', 'table', 'placement job=4711'],
  ['placement', 'table', 'hop_matrix job=$job'],
  ['cable', 'table', 'cable_history cable=leaf01/5'],
  ['table', 'table', 'jobs user=alice'],
  ['table', 'table', 'a_table_of_tomorrow'],
  ['fabric', 'nodes', 'nodes fold=leaf'],
  ['logs', 'logs', 'logs'],
  ['annotations', 'annotations', ''],
  ['cypher', 'cypher', 'MATCH (n) RETURN n'],
] as const)('%s is what %s %s asks for', (kind, queryType, text) => {
  expect(kindOf({ refId: 'A', queryType, text }, TABLES)).toBe(kind);
});

test('every table can be chosen, and one of tomorrow too', () => {
  const tomorrow = { ...table('job_ports'), name: 'job_energy' };
  const offered = (kind: string, one: Table) => KINDS.find((told) => told.kind === kind)?.tables?.(one);
  expect(TABLES.every((one) => offered('table', one))).toBe(true);
  expect([offered('run', tomorrow), offered('cable', tomorrow)]).toEqual([true, false]);
});

test('another table keeps the arguments that it takes too', () => {
  expect(askedOf(table('placement'), 'hops job=4711 rail=mlx5_0')).toBe('placement job=4711');
  expect(askedOf(table('switches'), 'perSecond(')).toBe('switches');
  expect(tableOf(' jobs user=alice', TABLES)).toBe(table('jobs'));
});

test('what a table needs is filled in first; a cursor is no person’s to type', () => {
  expect(paramsOf(table('imbalance')).map((param) => param.name)).toEqual(['job', 'metric']);
  expect(paramsOf(table('jobs')).map((param) => param.name)).not.toContain('cursor');
});
