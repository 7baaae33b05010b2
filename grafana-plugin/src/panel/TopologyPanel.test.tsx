import { createTheme, dateTime, LoadingState, type DataFrame, type PanelProps } from '@grafana/data';
import { act, fireEvent, render, screen } from '@testing-library/react';
import React from 'react';

import { FakeContext, FakePath } from '../core/testing/canvas';
import { trafficFrame, topologyFrame } from './testing/frames';
import { colorsOf, TopologyPanel } from './TopologyPanel';
import { DEFAULTS, type Options } from './types';

const partial = jest.fn();
jest.mock('@grafana/runtime', () => ({
  ...jest.requireActual('@grafana/runtime'),
  locationService: { partial: (...told: unknown[]) => partial(...told) },
}));

let pending: Array<(now: number) => void> = [];

function frames(): void {
  act(() => {
    for (let i = 0; i < 3; i++) {
      const due = pending;
      pending = [];
      due.forEach((one) => one(performance.now()));
    }
  });
}

beforeEach(() => {
  pending = [];
  partial.mockClear();
  const contexts = new WeakMap<object, FakeContext>();
  HTMLCanvasElement.prototype.getContext = function (this: HTMLCanvasElement) {
    const known = contexts.get(this) ?? new FakeContext();
    contexts.set(this, known);
    return known;
  } as unknown as HTMLCanvasElement['getContext'];
  HTMLCanvasElement.prototype.setPointerCapture = () => undefined;
  Object.assign(globalThis, {
    Path2D: FakePath,
    ResizeObserver: class {
      observe = () => undefined;
      disconnect = () => undefined;
    },
    requestAnimationFrame: (one: (at: number) => void) => pending.push(one),
    cancelAnimationFrame: () => undefined,
    matchMedia: () => ({ matches: true, addEventListener: () => undefined }),
  });
  jest.spyOn(HTMLElement.prototype, 'clientWidth', 'get').mockReturnValue(1200);
  jest.spyOn(HTMLElement.prototype, 'clientHeight', 'get').mockReturnValue(700);
});

afterEach(() => jest.restoreAllMocks());

const SERIES = [topologyFrame('demo:4711@1795648500000'), trafficFrame('leaf07', 1, 2.5e9)];

function props(series: DataFrame[], options: Partial<Options> = {}): PanelProps<Options> {
  const timeRange = { from: dateTime(0), to: dateTime(1), raw: { from: 'now-6h', to: 'now' } };
  return {
    data: { series, state: LoadingState.Done, timeRange },
    options: { ...DEFAULTS, ...options },
    fieldConfig: { defaults: {}, overrides: [] },
    width: 1200,
    height: 730,
    timeRange,
    timeZone: 'utc',
    replaceVariables: (text: string) => text.replace(/\$\{(host|switch)\}/, 'something'),
  } as unknown as PanelProps<Options>;
}

function show(told: PanelProps<Options>) {
  const shown = render(<TopologyPanel {...told} />);
  frames();
  return {
    again: (one: PanelProps<Options>) => {
      shown.rerender(<TopologyPanel {...one} />);
      frames();
    },
  };
}

const picture = () => screen.getByRole('img');

function find(name: string): void {
  const box = screen.getByRole('combobox');
  fireEvent.change(box, { target: { value: name } });
  fireEvent.keyDown(box, { key: 'Enter' });
  frames();
}

test('the fabric is drawn, with its marks, its run and its traffic told in the legend', () => {
  show(props(SERIES));
  expect(picture().getAttribute('aria-label')).toMatch(/^Fabric ib: 7 switches, 71 hosts, 1 host vanished/);
  const legend = screen.getByLabelText('Legend').textContent;
  expect(legend).toContain('1 host vanished');
  expect(legend).toContain('Job demo:4711: crosses it');
  expect(legend).toContain('3 GB/s'); // the next round number over 2.5
});

test('the scale ends where the field options say', () => {
  const told = props(SERIES);
  show({ ...told, fieldConfig: { defaults: { max: 12.5e9 }, overrides: [] } });
  expect(screen.getByLabelText('Legend').textContent).toContain('12.5 GB/s');
});

test('without a topology the panel says how to get one', () => {
  show(props([trafficFrame('leaf07', 1, 1)]));
  expect(screen.getByRole('alert').textContent).toContain('ask for Topology: fabric');
});

test('an answer that cannot be read is told in words', () => {
  const broken = topologyFrame('');
  broken.fields[1].values[0] = { message: 'The whole fabric is for operators, and alice is none.' };
  show(props([broken]));
  expect(screen.getByRole('alert').textContent).toContain('The whole fabric is for operators, and alice is none.');
});

test('what is found tells about itself, opens its dashboard and sets its variable', () => {
  show(props(SERIES));
  find('node200');
  const card = screen.getByRole('dialog', { name: 'node200' });
  expect(card.textContent).toContain('vanished, last seen');
  expect(screen.getByRole('link', { name: 'Open host node200' }).getAttribute('href')).toBe(
    '/d/weft-host?var-host=node200&from=now-6h&to=now'
  );
  fireEvent.click(screen.getByRole('button', { name: 'Set $host to node200' }));
  expect(partial).toHaveBeenCalledWith({ 'var-host': 'node200' }, true);
  expect(screen.queryByRole('dialog')).toBeNull();
});

test('a host of the run leads to the dashboard of the run', () => {
  show(props(SERIES));
  find('node109');
  expect(screen.getByRole('link', { name: 'Open Job demo:4711' }).getAttribute('href')).toBe(
    '/d/weft-job-demo-4711-1795648500'
  );
});

test('an answer of the same fabric leaves open what is open; another fabric closes it', () => {
  const { again } = show(props(SERIES));
  find('node109');
  again(props([topologyFrame(''), trafficFrame('leaf07', 1, 9e9)]));
  expect(screen.getByRole('dialog', { name: 'node109' })).toBeTruthy();
  const other = topologyFrame('');
  const { nodes, ...rest } = other.fields[1].values[0] as { nodes: Array<{ kind: string }>; links: unknown[] };
  other.fields[1].values[0] = { ...rest, nodes: nodes.filter(({ kind }) => kind === 'switch'), links: [] };
  again(props([other]));
  expect(screen.queryByRole('dialog')).toBeNull();
});

test('options take away the legend, the search box, the values, and fold the hosts', () => {
  const { again } = show(props(SERIES, { legend: false, search: false }));
  expect(screen.queryByLabelText('Legend')).toBeNull();
  expect(screen.queryByRole('combobox')).toBeNull();
  again(props(SERIES, { value: 'none', fold: 'all' }));
  expect(screen.getByLabelText('Legend').textContent).not.toContain('GB/s');
});

test('a click sets the variable at once where the options say so', () => {
  show(props(SERIES, { click: 'set' }));
  const canvas = picture();
  // The first switch from the left in the top row lies where the core put it: found by moving over the row.
  for (let x = 0; x < 1200 && !partial.mock.calls.length; x += 20) {
    for (const y of [40, 60, 80]) {
      for (const type of ['pointerdown', 'pointerup']) {
        const event = new MouseEvent(type, { clientX: x, clientY: y, bubbles: true });
        Object.defineProperty(event, 'pointerId', { value: 1 });
        act(() => void canvas.dispatchEvent(event));
      }
    }
  }
  expect(partial.mock.calls[0][0]).toEqual({ 'var-switch': expect.stringMatching(/^spine0\d$/) });
});

test('it has the ground and the letters of the theme', () => {
  const light = createTheme({ colors: { mode: 'light' } });
  expect(colorsOf(light)).toMatchObject({
    background: light.colors.background.primary,
    font: light.typography.fontFamily,
    text: '#24292e',
  });
  expect(colorsOf(createTheme()).text).toBe('#d8dbe6');
});
