import type { Column } from '../datasource/types';
import { headOf, leadsTo, textOf, toneOf } from './cells';

const column = (type: Column['type'], unit = ''): Column => ({ name: 'x', type, doc: '', unit });

test.each<[Column, string | number | boolean | null, string]>([
  [column('time'), Date.UTC(2026, 10, 26, 2, 7, 50), '2026-11-26 02:07:50'],
  [column('number'), 1.25, '1.25'],
  [column('number'), 17372, '17,372'],
  [column('number'), 0, '0'],
  [column('number', 'percentunit'), 0.9375, '93.8%'],
  [column('number', 'Bps'), 1.4e9, '1.40 GB/s'],
  [column('number', 's'), 6089, '01:41:29'],
  [column('number', 's'), 90_061, '1 d 01:01:01'],
  [column('boolean'), true, 'yes'],
  [column('boolean'), false, 'no'],
  [column('string'), '0017', '0017'],
  [column('number'), null, ''],
])('a cell of %j that is %p reads %p', (told, cell, text) => expect(textOf(told, cell, 'utc')).toBe(text));

test('heads are words', () => {
  expect(headOf({ ...column('number'), name: 'leaves_minimum' })).toBe('Leaves minimum');
});

test('a job leads to its run, because its id may come again', () => {
  expect(leadsTo('job', '4711', 'demo:4711@1')).toEqual({ page: { at: 'job', job: 'demo:4711@1' } });
  expect(leadsTo('job', '4711', null)).toEqual({ page: { at: 'job', job: '4711' } });
});

test('cables, hosts, users and switches lead to what is known of them, other texts nowhere', () => {
  expect(leadsTo('or_cable', 'c1', null)).toEqual({ page: { at: 'cable', cable: 'c1' } });
  expect(leadsTo('host', 'node001', null)).toEqual({ page: { at: 'jobs' }, values: { host: 'node001' } });
  expect(leadsTo('user', 'alice', null)).toEqual({ page: { at: 'jobs' }, values: { user: 'alice' } });
  expect(leadsTo('switch', 'leaf01', null)).toEqual({ page: { at: 'cables' }, values: { switch: 'leaf01' } });
  expect(leadsTo('name', 'hurricane', null)).toBeNull();
});

test.each([
  ['RUNNING', 'going'],
  ['COMPLETED', 'good'],
  ['NODE_FAIL', 'bad'],
  ['OUT_OF_MEMORY', 'bad'],
  ['vanished', 'bad'],
  ['PENDING', 'none'],
  ['CANCELLED', 'none'],
  ['ambiguous', 'none'],
])('state %s is %s', (state, tone) => expect(toneOf(state)).toBe(tone));
