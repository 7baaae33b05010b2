import { lastValueFrom, of, throwError } from 'rxjs';

import { Refused, type Api, type Params } from './api';
import { topology } from './topology';

let asked: Array<[path: string, params: Params]> = [];
let failing = '';

const api = {
  get: (path: string, params: Params = {}) => {
    asked.push([path, params]);
    const name = String(params.q ?? path);
    return name === failing
      ? throwError(() => new Refused('There is no job 9.'))
      : of({ of: name, notices: name.endsWith('vanished') ? ['No host was missing.'] : [`seen by ${name}`] });
  },
} as unknown as Api;

beforeEach(() => {
  asked = [];
  failing = '';
});

const frameOf = async (text: string) => (await lastValueFrom(topology(api, text, 'A', 5000)))[0];

test('a fabric is asked with all that marks it, at the end of the time range', async () => {
  const frame = await frameOf('fabric fabric=ib');
  expect(asked).toEqual([
    ['/api/v1/fabric', { at: 5000, fabric: 'ib', limit: undefined }],
    ['/api/v1/fabric/levels', { at: 5000, fabric: 'ib', limit: 100_000 }],
    ['/api/v1/hosts', { at: 5000, fabric: 'ib', limit: 100_000 }],
    ['/api/v1/fabric/vanished', { at: 5000, fabric: 'ib', limit: 100_000 }],
    ['/api/v1/fabric/degraded', { at: 5000, fabric: 'ib', limit: 100_000 }],
  ]);
  expect(frame.fields.map(({ name, values }) => [name, values[0]])).toEqual([
    ['part', 'fabric'],
    ['answer', { of: '/api/v1/fabric', notices: ['seen by /api/v1/fabric'] }],
  ]);
  expect([frame.refId, frame.length]).toEqual(['A', 5]);
  expect(frame.meta?.notices).toEqual([{ severity: 'info', text: 'seen by /api/v1/fabric' }]);
});

test('a job brings its ports and routes; an empty one brings none', async () => {
  const frame = await frameOf('fabric job=demo:4711@1');
  expect(asked.slice(5)).toEqual([
    ['/api/v1/query', { q: 'job_ports', job: 'demo:4711@1', limit: 100_000 }],
    ['/api/v1/query', { q: 'job_routes', job: 'demo:4711@1', limit: 100_000 }],
  ]);
  expect([frame.length, frame.meta?.custom]).toEqual([7, { job: 'demo:4711@1' }]);
  expect(frame.meta?.preferredVisualisationPluginId).toBe('weft-topology-panel');
  expect((await frameOf('fabric job=')).length).toBe(5);
});

test('a job that cannot be had is told, and the fabric is shown all the same', async () => {
  failing = 'job_ports';
  const frame = await frameOf('fabric job=9');
  expect(frame.fields[1].values[5]).toBeNull();
  expect(frame.meta?.notices?.map(({ text }) => text)).toContain('There is no job 9.');
});

test('what refuses the fabric fails the query', async () => {
  failing = '/api/v1/fabric';
  await expect(frameOf('fabric')).rejects.toThrow('There is no job 9.');
});

test.each(['nodes fold=leaf', 'fabric switch=leaf01', 'fabric job="4711'])('%s is no topology', (text) => {
  expect(() => topology(api, text, 'A', 0)).toThrow('asks for no topology. Write: fabric, or fabric job=4711');
});
