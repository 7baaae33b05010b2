import { fatTree } from '../../harness/generate';
import { FakeContext, FakePath } from './testing/canvas';
import { DARK, LIGHT } from './colors';
import { legendOf, showLegend } from './legend';
import { readFabric } from './read';
import type { Scene } from './scene';
import { row, smallFabric, TREE } from './testing/small';
import { type Events, TopologyView } from './view';

/** Frames run when a test says so; milliseconds by hand. */
let pending: Array<(now: number) => void> = [];
let now = 0;

function frames(count: number): void {
  for (let i = 0; i < count; i++) {
    now += 16;
    const due = pending;
    pending = [];
    due.forEach((one) => one(now));
  }
}

beforeEach(() => {
  [pending, now] = [[], 0];
  jest.useFakeTimers({ doNotFake: ['requestAnimationFrame', 'cancelAnimationFrame', 'performance'] });
  const contexts = new WeakMap<object, FakeContext>();
  Object.assign(globalThis, {
    Path2D: FakePath,
    ResizeObserver: class {
      observe = () => undefined;
      disconnect = () => undefined;
    },
    requestAnimationFrame: (one: (at: number) => void) => pending.push(one),
    cancelAnimationFrame: () => undefined,
  });
  jest.spyOn(performance, 'now').mockImplementation(() => now);
  HTMLCanvasElement.prototype.setPointerCapture = () => undefined;
  HTMLCanvasElement.prototype.getContext = function (this: HTMLCanvasElement) {
    const known = contexts.get(this) ?? new FakeContext();
    contexts.set(this, known);
    return known;
  } as unknown as HTMLCanvasElement['getContext'];
});

afterEach(() => {
  jest.restoreAllMocks();
  jest.useRealTimers();
  document.body.replaceChildren();
});

function open(
  events: Events = {},
  calm = false
): { view: TopologyView; canvas: HTMLCanvasElement; container: HTMLElement } {
  const container = document.createElement('div');
  Object.defineProperties(container, { clientWidth: { value: 800 }, clientHeight: { value: 600 } });
  document.body.append(container);
  const view = new TopologyView(container, DARK, events, calm);
  view.setFabric(TREE);
  frames(1);
  const canvas = container.querySelectorAll('canvas')[1]; // the one that is touched
  if (!canvas) {
    throw new Error('no canvas');
  }
  return { view, canvas, container };
}

/** jsdom has no pointer events of its own. */
function pointer(canvas: HTMLCanvasElement, type: string, x: number, y: number, timeStamp = now): void {
  const event = new MouseEvent(type, { clientX: x, clientY: y, bubbles: true });
  Object.defineProperties(event, { pointerId: { value: 1 }, timeStamp: { value: timeStamp } });
  canvas.dispatchEvent(event);
}

function placeOf(view: TopologyView, node: number): { x: number; y: number } {
  const box = view.currentLayout?.boxes[node];
  if (!box) {
    throw new Error('no such node');
  }
  const { scale, x, y } = view.viewport;
  return { x: (box.x + box.w / 2) * scale + x, y: (box.y + box.h / 2) * scale + y };
}

describe('the view', () => {
  it('makes one scene for several changes at a time', () => {
    const scenes: Scene[] = [];
    const { view } = open({ onScene: (scene) => scenes.push(scene) });
    expect(scenes).toHaveLength(1);
    view.setTheme(LIGHT);
    view.setValues({ kind: 'traffic', byPort: new Map([['leaf1/1', 5]]) });
    view.setFolded('all');
    frames(1);
    expect(scenes).toHaveLength(2);
    expect(scenes[1].theme).toBe(LIGHT);
    expect(scenes[1].blocks).toHaveLength(2);
  });

  it('lays out a fabric once for its cabling: other states are other colours in the same places', () => {
    const scenes: Scene[] = [];
    const { view } = open({ onScene: (scene) => scenes.push(scene) });
    const layout = view.currentLayout;
    view.setFabric({ ...TREE, seenMs: 9, links: TREE.links.map((link, i) => (i === 4 ? { ...link, down: 1 } : link)) });
    expect(view.currentLayout).toBe(layout);
    expect(scenes[1].marks.map((mark) => mark.kind)).toEqual(['down']);
    const moved = TREE.links.map((link, i) =>
      i === 0 ? { ...link, b: { ...link.b, node: row(TREE, 'node4') } } : link
    );
    view.setFabric({ ...TREE, links: moved });
    expect(view.currentLayout).not.toBe(layout);
  });

  it('tells what is under the pointer, and what was clicked', () => {
    const [hovered, clicked]: [unknown[], unknown[]] = [[], []];
    const { view, canvas } = open({ onHover: (hit) => hovered.push(hit), onClick: (hit) => clicked.push(hit) });
    const { x, y } = placeOf(view, row(TREE, 'leaf2'));
    pointer(canvas, 'pointermove', x, y);
    pointer(canvas, 'pointerdown', x, y);
    pointer(canvas, 'pointerup', x, y);
    const hit = { kind: 'node', node: row(TREE, 'leaf2') };
    expect([hovered, clicked]).toEqual([[hit], [hit]]);
    pointer(canvas, 'pointerleave', 0, 0);
    expect(hovered[1]).toBeNull();
  });

  it('takes a drag for a move of the picture, not for a click', () => {
    const clicked: unknown[] = [];
    const { view, canvas } = open({ onClick: (hit) => clicked.push(hit) }, true);
    const before = view.viewport;
    pointer(canvas, 'pointerdown', 100, 100);
    pointer(canvas, 'pointermove', 130, 90);
    pointer(canvas, 'pointerup', 130, 90);
    expect(clicked).toEqual([]);
    expect(view.viewport).toEqual({ ...before, x: before.x + 30, y: before.y - 10 });
  });

  it.each([
    [false, 'glides on'],
    [true, 'stands at once'],
  ])('with reduced motion %s, a picture that is let go %s', (calm) => {
    const { view, canvas } = open({}, calm);
    pointer(canvas, 'pointerdown', 100, 100, 0);
    pointer(canvas, 'pointermove', 120, 100, 10);
    pointer(canvas, 'pointerup', 120, 100, 15);
    const released = view.viewport.x;
    frames(3);
    expect(view.viewport.x > released).toBe(!calm);
    frames(200);
    const rest = view.viewport.x;
    frames(10);
    expect(view.viewport.x).toBe(rest); // and stands in the end
  });

  it.each([
    [false, 'flies'],
    [true, 'jumps'],
  ])('with reduced motion %s, a search %s to what it found', (calm) => {
    const { view } = open({}, calm);
    const node = row(TREE, 'node4');
    view.focus(node);
    frames(1);
    const first = placeOf(view, node);
    expect(Math.hypot(first.x - 400, first.y - 300) < 1).toBe(calm);
    frames(30);
    const { x, y } = placeOf(view, node);
    expect(x).toBeCloseTo(400, 3);
    expect(y).toBeCloseTo(300, 3);
  });

  it('moves a heavy picture as it is, and draws it anew when it stands', () => {
    const { view, container } = open({}, true);
    view.setFabric(readFabric(fatTree(1000)));
    frames(1);
    const [below] = container.querySelectorAll('canvas');
    view.panBy(30, -10);
    frames(1);
    expect(below.style.transform).toBe('translate(30px, -10px) scale(1)');
    jest.advanceTimersByTime(200);
    frames(1);
    expect(below.style.transform).toBe('');
  });

  it('draws a light picture in every frame', () => {
    const { view, container } = open({}, true);
    view.panBy(30, -10);
    frames(1);
    expect(container.querySelectorAll('canvas')[0].style.transform).toBe('');
  });

  it('leaves the wheel to the page until it has the focus, or Ctrl is held', () => {
    const { view, canvas } = open();
    const before = view.viewport.scale;
    const turn = (more: WheelEventInit = {}) => {
      const event = new WheelEvent('wheel', { deltaY: -100, cancelable: true, clientX: 400, clientY: 300, ...more });
      canvas.dispatchEvent(event);
      return event.defaultPrevented;
    };
    expect([turn(), view.viewport.scale]).toEqual([false, before]);
    expect(turn({ ctrlKey: true })).toBe(true);
    const after = view.viewport.scale;
    expect(after).toBeGreaterThan(before);
    canvas.focus();
    expect(turn()).toBe(true);
    expect(view.viewport.scale).toBeGreaterThan(after);
  });

  it('follows the keyboard: arrows, + and -, 0 for all of it', () => {
    const { view, canvas } = open({}, true);
    const whole = view.viewport;
    const key = (name: string) => canvas.dispatchEvent(new KeyboardEvent('keydown', { key: name }));
    key('+');
    expect(view.viewport.scale).toBeCloseTo(whole.scale * 1.3, 9);
    key('ArrowLeft');
    key('0');
    expect(view.viewport).toEqual(whole);
  });

  it('says in a sentence what is to be seen', () => {
    const { view, canvas } = open();
    expect(canvas.getAttribute('aria-label')).toBe('Fabric ib: 4 switches, 4 hosts');
    view.setFabric(smallFabric({ l: [0, 'leaf'] }, ['l/1 a', 'l/2 b down']));
    frames(1);
    expect(canvas.getAttribute('aria-label')).toBe('Fabric ib: 1 switch, 2 hosts, 1 link down');
  });

  it('leaves nothing behind', () => {
    const { view, container } = open();
    view.destroy();
    expect(container.children).toHaveLength(0);
  });
});

describe('the legend in a page', () => {
  it('names marks and both ends of the scale, and is made anew', () => {
    const scenes: Scene[] = [];
    const { view } = open({ onScene: (scene) => scenes.push(scene) });
    view.setFabric(smallFabric({ l: [0, 'leaf'] }, ['l/1 a', 'l/2 b down']));
    frames(1);
    const element = document.createElement('div');
    const legend = legendOf(scenes[1], { kind: 'traffic', max: 2e9 }, null);
    showLegend(element, legend, DARK);
    showLegend(element, legend, DARK);
    expect(element.textContent).toBe('1 link down0 B/s2 GB/s');
    expect(element.querySelectorAll('canvas')).toHaveLength(1);
  });
});
