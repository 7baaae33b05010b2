import { dateTime, type TimeRange } from '@grafana/data';

import { row, TREE } from '../core/testing/small';
import { actionsOf, jobBoard, type Around } from './actions';
import { DEFAULTS } from './types';

const RAW = { from: 'now-6h', to: 'now' };
const range: TimeRange = { from: dateTime(0), to: dateTime(1), raw: RAW };
const around: Around = {
  fabric: TREE,
  options: DEFAULTS,
  run: null,
  runKey: null,
  range,
  links: [],
  replace: (text) => text.replace(/\$\{(host|switch)\}/, 'something'), // the dashboard's variables
};

test('a host, a switch and a cable lead to their dashboards in the same time, and set their variables', () => {
  const time = '&from=now-6h&to=now';
  const host = { kind: 'node', node: row(TREE, 'node1') } as const;
  expect(actionsOf(around, host)).toEqual([
    { label: 'Open host node1', does: { href: `/d/weft-host?var-host=node1${time}`, blank: false } },
    { label: 'Set $host to node1', does: { variable: 'host', value: 'node1' } },
  ]);
  const leaf = { kind: 'node', node: row(TREE, 'leaf1') } as const;
  expect(actionsOf(around, leaf)[0].does).toEqual({ href: `/d/weft-switch?var-switch=leaf1${time}`, blank: false });
  expect(actionsOf(around, { kind: 'link', link: 0 })[0].does).toEqual({
    href: `/d/weft-cable?var-cable=cable1${time}`,
    blank: false,
  });
  expect(actionsOf(around, { kind: 'block', block: 0 })).toEqual([]);
});

test('no variable is offered that the dashboard does not have', () => {
  const bare = { ...around, replace: (text: string) => text };
  const labels = actionsOf(bare, { kind: 'node', node: row(TREE, 'node1') }).map(({ label }) => label);
  expect(labels).toEqual(['Open host node1']);
});

test('nothing is offered that the options leave empty', () => {
  const options = { ...DEFAULTS, hostBoard: '', hostVariable: '' };
  expect(actionsOf({ ...around, options }, { kind: 'node', node: row(TREE, 'node1') })).toEqual([]);
});

test('hosts and links of the run lead to its dashboard, in its own time', () => {
  const run = { name: 'Job 4711', hosts: new Set([row(TREE, 'node1')]), links: new Map(), notices: [] };
  const told = { ...around, run, runKey: 'demo:4711@1795653160000' };
  const labels = (name: string) => actionsOf(told, { kind: 'node', node: row(TREE, name) }).map(({ label }) => label);
  expect(labels('node1')).toContain('Open Job 4711');
  expect(labels('node2')).not.toContain('Open Job 4711');
  const job = actionsOf(told, { kind: 'node', node: row(TREE, 'node1') }).find(
    ({ label }) => label === 'Open Job 4711'
  );
  expect(job?.does).toEqual({ href: '/d/weft-job-demo-4711-1795653160', blank: false });
});

test('a run has the dashboard that the back end gives it', () => {
  // tests/unit/test_dashboards.py: uid_of(RUN) == "weft-job-hpc-4711-1795348800"
  expect(jobBoard('hpc:4711@1795348800000')).toBe('weft-job-hpc-4711-1795348800');
  expect([jobBoard('a b:4711@1'), jobBoard(`${'c'.repeat(40)}:1@1000`), jobBoard('4711')]).toEqual([null, null, null]);
});

test('data links of the panel know the name, and never run a script', () => {
  const replace: Around['replace'] = (text, vars) => text.replace('${__value.raw}', vars?.__value?.value.raw ?? '');
  const links = [
    { title: 'Ask for ${__value.raw}', url: 'https://site/${__value.raw}', targetBlank: true },
    { title: 'Bad', url: ' JavaScript:alert(1)' },
  ];
  const told = actionsOf({ ...around, links, replace }, { kind: 'node', node: row(TREE, 'node1') });
  expect(told.slice(1)).toEqual([
    { label: 'Ask for node1', does: { href: 'https://site/node1', blank: true } },
    { label: 'Bad', does: { href: 'about:blank', blank: false } },
  ]);
});
