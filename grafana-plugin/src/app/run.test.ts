import { FieldType, type DataFrame } from '@grafana/data';

import type { TableAnswer } from '../datasource/types';
import { chosenOf, nodeOf, spanOfRun, trafficIn, withTraffic, type RunRow } from './run';
import { recorded } from './testing/app';

const run = (told: Partial<RunRow>) => told as RunRow;

test('a job is its newest run that started; one that waits only where none did', () => {
  const [waits, second, first] = [
    run({ run: 'c', start: null }),
    run({ run: 'b', start: 2 }),
    run({ run: 'a', start: 1 }),
  ];
  expect(chosenOf([waits, second, first])).toBe(second);
  expect(chosenOf([waits])).toBe(waits);
  expect(chosenOf([])).toBeUndefined();
});

test('a run is shown with a twentieth of its time around it, a minute at least', () => {
  expect(spanOfRun({ start: 10_000_000, end: 30_000_000 })).toEqual({ from: '9000000', to: '31000000' });
  expect(spanOfRun({ start: 1_000_000, end: 1_100_000 })).toEqual({ from: '940000', to: '1160000' });
  expect(spanOfRun({ start: 1_000_000, end: null })).toEqual({ from: '940000', to: 'now' });
  expect(spanOfRun({ start: null, end: null })).toEqual({ from: 'now-6h', to: 'now' });
});

test.each([
  ['4711', 'demo--4711'],
  ['4711_5', 'demo--4711_5'],
  ['4711+1', 'demo--4711-1'],
  ['demo:4711', 'demo--4711'],
])('job %s is %s among the names of series', (job, node) => expect(nodeOf({ cluster: 'demo', job })).toBe(node));

function series(what: string, port: string, values: Array<number | null>): DataFrame {
  const labels = { switch: 'leaf07', port, what };
  return {
    fields: [
      { name: 'time', type: FieldType.time, config: {}, values: values.map((_, i) => i) },
      { name: 'value', type: FieldType.number, config: {}, values, labels },
    ],
    length: values.length,
  };
}

test('the mean of a port is over the points that are known', () => {
  const traffic = trafficIn([
    series('PortXmitData', '1', [10, null, 30]),
    series('PortRcvData', '1', [5]),
    series('PortXmitData', '2', [null]),
  ]);
  expect([...traffic.sent]).toEqual([['leaf07/1', 20]]);
  expect([...traffic.received]).toEqual([['leaf07/1', 5]]);
});

test('ports have what they carried behind their cable; one that is not known has nothing, not 0', () => {
  const ports = recorded<TableAnswer>('job_ports');
  const traffic = trafficIn([series('PortXmitData', '1', [20]), series('PortRcvData', '1', [5])]);
  const { columns, rows } = withTraffic(ports, traffic);
  const names = columns.map(({ name }) => name);
  const at = names.indexOf('cable');
  expect(names.slice(at, at + 3)).toEqual(['cable', 'to host', 'from host']);
  expect(rows.map((row) => row.slice(at + 1, at + 3))).toEqual([
    [20, 5],
    [null, null],
    [null, null],
  ]);
  expect(rows[0].length).toBe(columns.length);
});
