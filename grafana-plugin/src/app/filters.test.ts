import type { Table } from '../datasource/types';
import { argsIn, matching, requestIn, valuesOf } from './filters';

const param = (name: string) => ({ name, type: 'string' as const, doc: '', required: false, choices: [], options: '' });
const JOBS: Table = { name: 'jobs', doc: '', operators: false, columns: [], params: [param('user'), param('state'), param('cursor')], example: '' }; // prettier-ignore

test('filters are the parameters of the table in the URL, and no others', () => {
  const query = new URLSearchParams('user=alice,bob&from=now-1h&ds=weft&cursor=17');
  expect(requestIn(query, JOBS)).toEqual({
    name: 'jobs',
    args: [
      ['user', 'alice,bob'],
      ['cursor', '17'],
    ],
  });
  expect(argsIn(query, JOBS)).toEqual({ user: 'alice,bob', cursor: '17' });
});

test('another filter begins the list anew, and one that is taken away leaves the URL', () => {
  const request = { name: 'jobs', args: [['state', 'failed'] as const, ['cursor', '17'] as const] };
  expect(valuesOf(JOBS, request)).toEqual({ user: undefined, state: 'failed', cursor: undefined });
});

test('rows are found by a text in any of their cells, in any case', () => {
  const rows = [
    ['4711', 'Hurricane', null],
    ['4712', 'lammps', 17],
  ];
  const find = (text: string) => matching(rows, text, (row) => row).map(([job]) => job);
  expect(find('hurri')).toEqual(['4711']);
  expect(find(' 17')).toEqual(['4712']);
  expect(find('471')).toEqual(['4711', '4712']);
  expect(find('')).toEqual(['4711', '4712']);
  expect(find('null')).toEqual([]);
});
