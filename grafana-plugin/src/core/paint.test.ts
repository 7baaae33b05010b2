import { fatTree } from '../../harness/generate';
import { asContext, type Drawn, FakeContext, FakePath } from './testing/canvas';
import { DARK } from './colors';
import { layoutOf } from './layout';
import type { Fabric, Run } from './model';
import { inkOn, paint, prepare } from './paint';
import { readFabric } from './read';
import { type Scene, sceneOf } from './scene';
import { row, smallFabric, TREE } from './testing/small';
import { fit, type Viewport, zoomAt } from './viewport';

const PANEL = { width: 1600, height: 900 };

beforeAll(() => {
  Object.assign(globalThis, { Path2D: FakePath });
});

function sceneFor(fabric: Fabric, run: Run | null = null): Scene {
  return sceneOf(fabric, layoutOf(fabric, { folded: 'none', aspect: 1.8 }), { theme: DARK, values: null, run });
}

function painted(scene: Scene, view: Viewport = fit(scene, PANEL), prepared = prepare(scene)): Drawn[] {
  const context = new FakeContext();
  paint(asContext(context), prepared, { view, panel: PANEL, density: 1 });
  return context.drawn;
}

describe('labels', () => {
  const views = (scene: Scene) => {
    const whole = fit(scene, PANEL);
    const at = { x: 500, y: 500 };
    return [1, 2, 4, 8, 16].map((factor) => zoomAt(whole, factor, at, scene, PANEL));
  };

  it.each([324, 3000])('of %d hosts never overlap, at any zoom', (hosts) => {
    const scene = sceneFor(readFabric(fatTree(hosts)));
    for (const view of views(scene)) {
      const boxes = painted(scene, view)
        .filter((one) => one.what === 'text' && one.text)
        .map((one) => one.box)
        .sort((a, b) => a.left - b.left);
      expect(boxes.length).toBeGreaterThan(0);
      boxes.forEach((box, i) => {
        for (let k = i + 1; k < boxes.length && boxes[k].left < box.right; k++) {
          expect(boxes[k].top < box.bottom && box.top < boxes[k].bottom).toBe(false);
        }
      });
    }
  });

  it('are drawn in the longest form that fits, and not at all where none does', () => {
    const scene = sceneFor(smallFabric({ leaf01: [0, 'leaf'] }, ['leaf01/1 node1']));
    const texts = (scale: number) =>
      painted(scene, { scale, x: 0, y: 0 })
        .filter((one) => one.what === 'text')
        .map((one) => one.text);
    // The leaf is 3.4 wide: 6 letters of 6 pixels and 4 more need 40 pixels, 2 letters need 16; it is 1.7 high: 13 pixels.
    expect(texts(12)).toEqual(['leaf01']);
    expect(texts(11)).toEqual(['01']);
    expect(texts(7.6)).toEqual([]);
    // The cell is 1.25 wide and 1 high, from 20 pixels on: `node1` needs 34 pixels, `1` needs 10.
    expect(texts(20)).toEqual(['leaf01', '1']);
    expect(texts(28)).toEqual(['leaf01', 'node1']);
  });
});

describe('lines', () => {
  it('keep their width in pixels at any zoom', () => {
    const scene = sceneFor(TREE);
    for (const scale of [5, 50]) {
      const links = painted(scene, { scale, x: 0, y: 0 }).filter(
        (one) => one.what === 'stroke' && one.color === DARK.link && one.alpha > 0.6
      );
      expect(links.length).toBeGreaterThan(0);
      links.forEach((one) => expect(one.width).toBeCloseTo(1, 9));
    }
  });

  it('of a run are solid or dashed and at full strength, the others faint', () => {
    const links = new Map([
      [4, 'static' as const],
      [5, 'possible' as const],
    ]);
    const scene = sceneFor(TREE, { name: 'Job 7', hosts: new Set([row(TREE, 'node1')]), links, notices: [] });
    const strokes = painted(scene, { scale: 5, x: 0, y: 0 }).filter((one) => one.what === 'stroke' && one.pieces === 1);
    const ofRun = strokes.filter((one) => one.color === DARK.run && one.width < 2.5);
    expect(ofRun.map((one) => [one.dash.length, one.alpha])).toEqual(expect.arrayContaining([[2, 1]]));
    const others = painted(scene, { scale: 5, x: 0, y: 0 }).filter(
      (one) => one.color === DARK.link && one.pieces === 2
    );
    others.forEach((one) => expect(one.alpha).toBeLessThan(0.3));
    expect(others.length).toBeGreaterThan(0);
  });
});

describe('what is in sight', () => {
  const scene = sceneFor(readFabric(fatTree(324)));
  const pieces = (drawn: readonly Drawn[]) =>
    drawn.reduce((sum, one) => sum + (one.what === 'text' ? 0 : one.pieces), 0);

  it('is all that is drawn', () => {
    const whole = fit(scene, PANEL);
    const near = zoomAt(whole, 20, { x: 100, y: 800 }, scene, PANEL);
    expect(pieces(painted(scene, near))).toBeLessThan(pieces(painted(scene, whole)) / 5);
  });

  it('is made into paths once while all of it is', () => {
    const prepared = prepare(scene);
    painted(scene, fit(scene, PANEL), prepared);
    const nodes = prepared.nodes.map((batch) => batch.whole);
    painted(scene, fit(scene, PANEL), prepared);
    expect(prepared.nodes.map((batch) => batch.whole)).toEqual(nodes);
    expect(nodes.every((path) => path !== null)).toBe(true);
  });
});

describe('ink', () => {
  it('is dark on bright and bright on dark', () => {
    expect(inkOn('#fde725')).toBe('#14161a');
    expect(inkOn('#34425e')).toBe('#f4f5f8');
  });
});
