/** The page as a person uses it, in jsdom: answers are those recorded from the demo. */

import { readFileSync } from 'node:fs';
import path from 'node:path';
import { FakeContext, FakePath } from '../src/core/testing/canvas';
import { type Api, Refused } from './api';
import { clock } from './moments';
import { Overview, STATUS_EVENT } from './overview';

const SEEN_MS = 1795668010000;
const NOW_MS = SEEN_MS + 70_000;

function recorded(name: string): unknown {
  return JSON.parse(readFileSync(path.join(__dirname, '../testdata', `${name}.json`), 'utf8'));
}

const JOB = { run: 'demo:4711@1', job: '4711', user: 'alice', name: 'hurricane', hosts: 16, start: NOW_MS - 7_200_000 };
const CHANGE = {
  time: SEEN_MS - 3_600_000,
  severity: 'error',
  text: 'node200 mlx5_0 vanished from leaf12/2.',
  nodes: 'node200 mlx5_0',
  ports: 'node200 mlx5_0/1, leaf12/2',
};

/** Routes and questions, each with its answer; an error is thrown. */
let answers: Record<string, unknown> = {};
let asked: string[] = [];

const api: Api = {
  get: async (route, params = {}) => {
    const given = Object.entries(params).filter(([name, value]) => value !== null && name !== 'limit');
    asked.push(`${route} ${given.map(([name, value]) => `${name}=${value}`).join(' ')}`.trim());
    return answer(route === 'query' ? String(params.q) : route);
  },
  ask: async (q, fromMs, toMs) => {
    asked.push(`${q} ${toMs === null ? 'now' : (toMs - fromMs) / 1000}`);
    return answer(q);
  },
};

function answer(name: string): unknown {
  const told = answers[name] ?? { rows: [], series: [], notices: [] };
  if (told instanceof Error) {
    throw told;
  }
  return told;
}

let stop: Array<() => void> = [];

beforeEach(() => {
  jest.useFakeTimers({ now: NOW_MS });
  asked = [];
  answers = {
    fabric: recorded('fabric'),
    'fabric/levels': recorded('levels'),
    hosts: recorded('hosts'),
    'fabric/vanished': recorded('vanished'),
    'fabric/degraded': recorded('degraded'),
    'fabric/changes': { rows: [CHANGE] },
    jobs: { rows: [JOB], cursor: null },
    job_ports: recorded('job_ports'),
    job_routes: recorded('job_routes'),
    'fabric.*.*.{PortXmitData,PortXmitData_perfmgr}': {
      series: [
        {
          target: 'fabric.506b4b0300b00240.1.PortXmitData',
          datapoints: [
            [0, NOW_MS - 20_000],
            [2.5e9, NOW_MS - 10_000],
          ],
        },
      ],
    },
  };
  const contexts = new WeakMap<object, FakeContext>();
  HTMLCanvasElement.prototype.getContext = function (this: HTMLCanvasElement) {
    const known = contexts.get(this) ?? new FakeContext();
    contexts.set(this, known);
    return known;
  } as unknown as HTMLCanvasElement['getContext'];
  Object.assign(globalThis, {
    Path2D: FakePath,
    ResizeObserver: class {
      observe = () => undefined;
      disconnect = () => undefined;
    },
    matchMedia: (query: string) => ({ matches: query.includes('motion'), addEventListener: () => undefined }),
  });
  document.body.innerHTML = readFileSync(path.join(__dirname, 'overview.html'), 'utf8');
  for (const [side, px] of Object.entries({ clientWidth: 1200, clientHeight: 700 })) {
    Object.defineProperty(at('stage'), side, { value: px });
  }
  const heard = document.addEventListener.bind(document);
  jest
    .spyOn(document, 'addEventListener')
    .mockImplementation((type: string, listener: EventListenerOrEventListenerObject) => {
      heard(type, listener);
      stop.push(() => document.removeEventListener(type, listener));
    });
});

afterEach(() => {
  stop.forEach((one) => one());
  stop = [];
  jest.restoreAllMocks();
  jest.useRealTimers();
});

function at(id: string): HTMLElement {
  const element = document.getElementById(`ov-${id}`);
  if (!element) {
    throw new Error(`no ov-${id}`);
  }
  return element;
}

async function settle(ms = 200): Promise<void> {
  await jest.advanceTimersByTimeAsync(ms);
}

async function start(): Promise<void> {
  new Overview(document, api).start();
  await settle();
}

function button(list: string, text: string): HTMLButtonElement {
  const found = [...at(list).querySelectorAll('button')].find((one) => one.textContent?.includes(text));
  if (!found) {
    throw new Error(`no button ${text} in ${list}`);
  }
  return found;
}

function status(lastMs: number): void {
  const fabrics = [{ name: 'ib', first_ms: SEEN_MS - 86_400_000, last_ms: lastMs }];
  document.dispatchEvent(new CustomEvent(STATUS_EVENT, { detail: { now_ms: Date.now(), fabrics } }));
}

it('shows the fabric, what needs a look, the jobs and what changed', async () => {
  await start();
  expect(at('when').textContent).toBe(`as the sweep of ${clock(SEEN_MS)} UTC saw it, 70 s ago`);
  expect(at('troubles').textContent).toMatch(/vanishednode200.*job 4772 then.*below its likenode044\/1/);
  expect(at('jobs').textContent).toBe('4711 hurricanealice \u00b7 16 hosts \u00b7 for 2 h');
  expect(at('changes').textContent).toContain('node200 mlx5_0 vanished from leaf12/2.');
  expect(at('stage').querySelectorAll('canvas')[1].getAttribute('aria-label')).toMatch(
    /^Fabric ib: 7 switches, 71 hosts, 1 host vanished/
  );
});

it('colours links by what their ports sent, and asks again every ten seconds for what is new', async () => {
  await start();
  // 2.5e9 words of 4 bytes in 10 s.
  expect(at('legend').textContent).toContain('1 GB/s');
  const target = 'fabric.*.*.{PortXmitData,PortXmitData_perfmgr}';
  expect(asked.filter((one) => one.startsWith(target))).toEqual([`${target} 120`]);
  await settle(10_000);
  const last = asked.filter((one) => one.startsWith(target));
  expect(last).toHaveLength(2);
  expect(Number(last[1].split(' ')[1])).toBeCloseTo(80, 0); // a minute before the newest value
});

it('highlights a job with what is certain and what is not, and lets go of it', async () => {
  await start();
  button('jobs', '4711').click();
  await settle();
  expect(at('jobs').textContent).toMatch(/\d+ hosts? in the picture; .*cross/);
  expect(at('legend').textContent).toMatch(/Job 4711: (crosses|may cross) it/);
  expect(button('jobs', '4711').getAttribute('aria-pressed')).toBe('true');
  button('jobs', '4711').click();
  await settle();
  expect(at('legend').textContent).not.toContain('Job 4711');
});

it('goes back in time: everything is asked for as it was then, once, and live again', async () => {
  await start();
  asked = [];
  button('changes', 'node200').click();
  await settle(30_000);
  const then = CHANGE.time;
  expect(asked.filter((one) => one.startsWith('fabric at')).length).toBe(1);
  expect(asked).toContain(`fabric/vanished at=${then}`);
  expect(asked).toContain(`jobs from=${then} to=${then}`);
  expect(at('jobs-title').textContent).toBe('Jobs that ran then');
  expect(at('when').textContent).toContain(`at ${clock(then)} UTC`);
  expect(at('details').textContent).toContain('node200');
  const values = asked.filter((one) => one.includes('PortXmitData'));
  await settle(60_000);
  expect(asked.filter((one) => one.includes('PortXmitData'))).toEqual(values);
  at('live').click();
  await settle();
  expect(at('jobs-title').textContent).toBe('Running jobs');
  expect(at('when').textContent).toContain('as the sweep of');
});

it('follows a slider when it has rested', async () => {
  await start();
  status(SEEN_MS);
  asked = [];
  const slider = at('slider') as HTMLInputElement;
  for (const step of ['900', '800', '500']) {
    slider.value = step;
    slider.dispatchEvent(new Event('input'));
  }
  await settle(1000);
  expect(asked.filter((one) => one.startsWith('fabric at'))).toHaveLength(1);
  expect(slider.getAttribute('aria-valuetext')).toMatch(/, 12 h ago$/);
});

it('asks for the fabric again when the status tells of a new sweep, and not before', async () => {
  await start();
  asked = [];
  status(SEEN_MS);
  await settle();
  expect(asked).not.toContain('fabric');
  status(SEEN_MS + 60_000);
  await settle();
  expect(asked).toContain('fabric');
});

it('finds a host by keyboard and tells of it', async () => {
  await start();
  const input = at('find') as HTMLInputElement;
  input.value = 'node20';
  input.dispatchEvent(new Event('input'));
  expect([...at('found').children].map((one) => one.textContent)).toContain('node200host, vanished');
  input.value = 'node200';
  input.dispatchEvent(new Event('input'));
  expect(input.getAttribute('aria-activedescendant')).toBe('ov-found-0');
  input.dispatchEvent(new KeyboardEvent('keydown', { key: 'Enter' }));
  expect(at('details').hidden).toBe(false);
  expect(at('details').textContent).toMatch(/node200Statevanished, last seen/);
});

it('says why there is no picture to one who is no operator, and shows their jobs', async () => {
  answers.fabric = new Refused('The whole fabric is for operators, and alice is none.', 403);
  await start();
  expect(document.getElementById('overview')?.classList.contains('bare')).toBe(true);
  expect(at('refused').textContent).toBe(
    'There is no picture here. The whole fabric is for operators, and alice is none. Your own jobs are below.'
  );
  expect(at('jobs').textContent).toContain('4711 hurricane');
  expect(asked.some((one) => one.includes('PortXmitData') || one.startsWith('fabric/'))).toBe(false);
  asked = [];
  status(SEEN_MS);
  await settle();
  expect(asked).not.toContain('fabric'); // it would be refused again
});

it('keeps the picture when Weft does not answer, and says so', async () => {
  await start();
  answers.jobs = new Refused('Weft does not answer. Is it running?', 0);
  await settle(10_000);
  expect(at('notices').textContent).toBe('Weft does not answer. Is it running?');
  expect(at('troubles').textContent).toContain('node200');
  answers.jobs = { rows: [], cursor: null };
  await settle(10_000);
  expect(at('notices').textContent).toBe('');
});

it('never lets a name of the fabric become markup', async () => {
  const evil = '<img src=x onerror=alert(1)>';
  answers.jobs = { rows: [{ ...JOB, name: evil }], cursor: null };
  answers['fabric/changes'] = { rows: [{ ...CHANGE, text: evil }] };
  await start();
  expect(at('jobs').textContent).toContain(evil);
  expect(document.querySelectorAll('img')).toHaveLength(0);
});
