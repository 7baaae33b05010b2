import { DARK } from './colors';
import { describe as tell } from './describe';
import { distanceTo, hitAt } from './hit';
import { layoutOf } from './layout';
import { sceneOf } from './scene';
import { search } from './search';
import { row, smallFabric, TREE } from './testing/small';

const layout = layoutOf(TREE, { folded: 'none', aspect: 1.8 });
const scene = sceneOf(TREE, layout, { theme: DARK, values: null, run: null });

describe('what lies under a point', () => {
  it('is the box it is in, up to its edges', () => {
    const node = row(TREE, 'node1');
    const { x, y, w, h } = layout.boxes[node];
    expect(hitAt(scene, x + w / 2, y + h / 2, 0.1)).toEqual({ kind: 'node', node });
    expect(hitAt(scene, x + w, y + h, 0.1)).toEqual({ kind: 'node', node });
    expect(hitAt(scene, x + w + 0.3, y + h + 0.2, 0.05)).toBeNull();
  });

  it('is a link within reach of its line, and nothing beyond', () => {
    const line = scene.lines[4];
    const [x, y] = [line.x1 + (line.x2 - line.x1) * 0.3, line.y1 + (line.y2 - line.y1) * 0.3];
    expect(hitAt(scene, x + 0.05, y, 0.2)).toEqual({ kind: 'link', link: 4 });
    expect(hitAt(scene, x, -50, 0.2)).toBeNull();
  });

  it('is a stub close by, without taking its host', () => {
    const stub = scene.lines[0];
    const near = (stub.x1 + stub.x2) / 2;
    expect(hitAt(scene, near, stub.y1 + 0.1, 1)).toEqual({ kind: 'link', link: 0 });
  });

  it('is a mark before what lies below it', () => {
    const marked = smallFabric({ s: [1, 'spine'], l: [0, 'leaf'] }, ['l/1 a', 'l/2 s/1 down', 'l/3 s/2']);
    const drawn = sceneOf(marked, layoutOf(marked, { folded: 'none', aspect: 1.8 }), {
      theme: DARK,
      values: null,
      run: null,
    });
    const [mark] = drawn.marks;
    expect(hitAt(drawn, mark.x + 0.2, mark.y, 0.5)).toEqual({ kind: 'link', link: 1 });
  });

  it('is rather a link that stands out than a plain one a little closer', () => {
    const line = { ...scene.lines[4], x1: 0, y1: 0, x2: 10, y2: 0, bend: 0, bold: false };
    const lines = [
      { ...line, link: 1 },
      { ...line, link: 2, y1: 1, y2: 1, bold: true },
    ];
    const two = { ...scene, marks: [], nodes: [], blocks: [], lines };
    expect(hitAt(two, 5, 0.4, 1)).toEqual({ kind: 'link', link: 2 });
    expect(hitAt(two, 5, 0.2, 1)).toEqual({ kind: 'link', link: 1 });
  });

  it('is the block of folded hosts', () => {
    const folded = layoutOf(TREE, { folded: 'all', aspect: 1.8 });
    const drawn = sceneOf(TREE, folded, { theme: DARK, values: null, run: null });
    const { x, y } = folded.blocks[1];
    expect(hitAt(drawn, x + 0.1, y + 0.1, 0.05)).toEqual({ kind: 'block', block: 1 });
  });
});

describe('the distance to a line', () => {
  const flat = { x1: 0, y1: 0, x2: 4, y2: 0, bend: 0 };

  it('is that to its nearest point', () => {
    expect(distanceTo(flat, 2, 3)).toBe(3);
    expect(distanceTo(flat, 7, 4)).toBe(5);
    expect(distanceTo({ ...flat, x2: 0 }, 3, 4)).toBe(5);
  });

  it('of a curve is that to the curve: half its bend above the middle', () => {
    expect(distanceTo({ ...flat, bend: 2 }, 2, -1)).toBeCloseTo(0, 9);
    expect(distanceTo({ ...flat, bend: 2 }, 2, 0)).toBeGreaterThan(0.7);
  });
});

describe('search', () => {
  const fabric = smallFabric({ leaf1: [0, 'leaf'], leaf10: [0, 'leaf'] }, [
    'leaf1/1 node2',
    'leaf1/2 node10',
    'leaf10/1 xnode1',
  ]);
  const names = (text: string, limit = 10) => search(fabric, text, limit).map((node) => fabric.nodes[node].name);

  it('finds the exact name first, then beginnings, then parts, each as people sort', () => {
    expect(names('leaf1')).toEqual(['leaf1', 'leaf10']);
    expect(names('node')).toEqual(['node2', 'node10', 'xnode1']);
    expect(search(smallFabric({ 'a-x': [0, 'leaf'], x: [0, 'leaf'] }, []), 'x', 5)).toEqual([1, 0]);
    expect(names('NODE1')).toEqual(['node10', 'xnode1']);
  });

  it('finds no more than asked, and nothing for nothing', () => {
    expect(names('e', 2)).toHaveLength(2);
    expect(names('  ')).toEqual([]);
    expect(names('unheard')).toEqual([]);
  });
});

describe('what is told', () => {
  const fabric = smallFabric({ s: [1, 'spine'], l: [0, 'leaf'] }, ['l/1 a degraded', 'l/2 s/1 down', 'l/3 s/2']);
  const known = {
    fabric,
    layout: layoutOf(fabric, { folded: 'none', aspect: 1.8 }),
    run: { name: 'Job 7', hosts: new Set([row(fabric, 'a')]), links: new Map([[2, 'possible' as const]]), notices: [] },
    values: { kind: 'traffic' as const, ofLinks: Float64Array.of(1500, NaN, 2e9) },
    when: String,
  };

  it('of a link are its ends, state, rate, traffic, cable, and whether the run crosses it', () => {
    expect(tell(known, { kind: 'link', link: 2 })).toEqual({
      title: 'l/3 \u2013 s/2',
      rows: [
        ['State', 'up'],
        ['Runs', '4X EDR'],
        ['Traffic', '2 GB/s'],
        ['Cable', 'cable3'],
        ['Job 7', 'may cross it'],
      ],
    });
    expect(tell(known, { kind: 'link', link: 1 }).rows.slice(0, 3)).toEqual([
      ['State', 'down'],
      ['Runs', '4X EDR'],
      ['Traffic', 'no data'],
    ]);
  });

  it('of a host is that the run is on it, and its links', () => {
    expect(tell(known, { kind: 'node', node: row(fabric, 'a') })).toEqual({
      title: 'a',
      rows: [
        ['State', 'there'],
        ['Job 7', 'runs here'],
        ['l/1 \u2013 a/1', 'degraded \u00b7 4X EDR, its like 4X EDR \u00b7 1.5 kB/s \u00b7 cable1'],
      ],
    });
  });

  it('of a switch leaves out links to hosts that are no more', () => {
    const told = smallFabric({ l: [0, 'leaf'] }, ['l/1 a', 'l/2 b gone']);
    const rows = tell({ ...known, fabric: told, run: null, values: null }, { kind: 'node', node: row(told, 'l') }).rows;
    expect(rows).toContainEqual(['Links', '1']);
  });

  it('of a switch are its hosts and links in numbers', () => {
    expect(tell(known, { kind: 'node', node: row(fabric, 'l') }).rows).toEqual([
      ['Switch', 'leaf'],
      ['Hosts', '1'],
      ['Links', '3, 1 down, 1 degraded'],
      ['Busiest link', '2 GB/s'],
      ['GUID', 'l'],
    ]);
  });
});
