import { centreOn, fit, pan, toWorld, zoomAt } from './viewport';

const WORLD = { width: 100, height: 50 };
const PANEL = { width: 424, height: 424 };

describe('the viewport', () => {
  it('shows all of a picture in the middle, with a margin of 12', () => {
    expect(fit(WORLD, PANEL)).toEqual({ scale: 4, x: 12, y: 112 });
  });

  it('zooms about the point under the pointer', () => {
    const before = fit(WORLD, PANEL);
    const at = { x: 100, y: 200 };
    const after = zoomAt(before, 2, at, WORLD, PANEL);
    expect(after.scale).toBe(8);
    expect(toWorld(after, at).x).toBeCloseTo(toWorld(before, at).x, 9);
    expect(toWorld(after, at).y).toBeCloseTo(toWorld(before, at).y, 9);
  });

  it('does not lose the picture, however far it is pushed or shrunk', () => {
    const gone = pan(fit(WORLD, PANEL), 1e6, -1e6, WORLD, PANEL);
    const middle = toWorld(gone, { x: 212, y: 212 });
    expect([middle.x, middle.y]).toEqual([0, 50]);
    expect(zoomAt(gone, 1e-9, { x: 0, y: 0 }, WORLD, PANEL).scale).toBeCloseTo(2.4, 9); // 0.6 of all in sight
    expect(zoomAt(gone, 1e9, { x: 0, y: 0 }, WORLD, PANEL).scale).toBe(90);
  });

  it('brings a box into the middle, large enough to be read', () => {
    const view = centreOn(fit(WORLD, PANEL), { x: 10, y: 20, w: 2, h: 1 }, WORLD, PANEL);
    expect(view.scale).toBe(44);
    expect(toWorld(view, { x: 212, y: 212 })).toEqual({ x: 11, y: 20.5 });
  });
});
