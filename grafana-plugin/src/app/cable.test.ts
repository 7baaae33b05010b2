import type { TableAnswer } from '../datasource/types';
import { historyIn, lastOf, notesOn, portOf } from './cable';
import { recorded } from './testing/app';

test('a cable is where its history ends, in the reading that is taken', () => {
  const history = historyIn(recorded<TableAnswer>('cable_history'));
  expect(history.map(({ a }) => a)).toEqual(['leaf01/5', 'leaf01/17']);
  expect(lastOf(history)).toMatchObject({ a: 'leaf01/17', b: 'node005 mlx5_0/1', to: null, identity: 'certain' });
  const other = { ...history[1], reading: 'other', a: 'leaf02/1' };
  expect(lastOf([...history, other]).a).toBe('leaf01/17');
});

test('the switch port of a place is found at either end', () => {
  expect(portOf({ a: 'leaf01/17', b: 'node005 mlx5_0/1' })).toBe('leaf01/17');
  expect(portOf({ a: 'node005 mlx5_0/1', b: 'leaf01/17' })).toBe('leaf01/17');
});

test('what is amiss with a cable is said of it alone, in sentences', () => {
  const [degraded, flapping] = ['degraded', 'flapping'].map((name) => recorded<TableAnswer>(name));
  expect(notesOn('ce3881e2acb', degraded, flapping)).toEqual([
    'It runs 1X EDR now, its like 4X EDR.',
    'In this time its link went down never and changed its width or speed once.',
  ]);
  expect(notesOn('c601b411f06', degraded, flapping)).toEqual([]);
  expect(notesOn('c601b411f06', undefined, undefined)).toEqual([]);
});
