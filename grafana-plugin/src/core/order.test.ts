import { type Edge, crossings, ordered, planeOf } from './order';
import { groupsOf } from './groups';
import { smallFabric } from './testing/small';

function edges(...pairs: Array<[number, number, number?]>): Edge[] {
  return pairs.map(([top, child, weight]) => ({ top, child, weight: weight ?? 1 }));
}

describe('crossings', () => {
  it('are pairs of links that change sides', () => {
    expect(crossings(edges([0, 0], [1, 1]), [0, 1], [0, 1])).toBe(0);
    expect(crossings(edges([0, 1], [1, 0]), [0, 1], [0, 1])).toBe(1);
    expect(crossings(edges([0, 1], [1, 0]), [0, 1], [1, 0])).toBe(0);
  });

  it('of rows that are all linked are (n over 2) times (m over 2)', () => {
    const all = [0, 1, 2].flatMap((top) => [0, 1, 2].map((child): [number, number] => [top, child]));
    expect(crossings(edges(...all), [0, 1, 2], [0, 1, 2])).toBe(9);
  });

  it('count every pair of parallel links', () => {
    expect(crossings(edges([0, 1, 2], [1, 0, 3]), [0, 1], [0, 1])).toBe(6);
  });

  it('do not count links that meet at an end', () => {
    expect(crossings(edges([0, 0], [0, 1], [1, 1]), [0, 1], [0, 1])).toBe(0);
  });
});

describe('order', () => {
  it('puts leaves under the spines they hang on, against their names', () => {
    // By name, a and c would hang left and right of each other: three crossings.
    const fabric = smallFabric(
      {
        s1: [1, 'spine'],
        s2: [1, 'spine'],
        s3: [1, 'spine'],
        a: [0, 'leaf'],
        b: [0, 'leaf'],
        c: [0, 'leaf'],
        d: [0, 'leaf'],
      },
      ['a/1 h1', 'b/1 h2', 'c/1 h3', 'd/1 h4', 'a/2 s3/1', 'b/2 s2/1', 'c/2 s1/1', 'd/2 s1/2', 'd/3 s2/2', 'b/3 s3/2']
    );
    const [group] = ordered(fabric, groupsOf(fabric));
    const names = (rows: readonly number[]) => rows.map((row) => fabric.nodes[row].name);
    const down = group.children.map((child) => names(child.tops)[0]);
    const top = names(group.tops);
    // A chain c - s1 - d - s2 - b - s3 - a: without a crossing one way or the other.
    expect([
      [top, down],
      [[...top].reverse(), [...down].reverse()],
    ]).toContainEqual([
      ['s1', 's2', 's3'],
      ['c', 'd', 'b', 'a'],
    ]);
  });

  it('keeps names in order where every way crosses as often', () => {
    const fabric = smallFabric({ s2: [1, 'spine'], s10: [1, 'spine'], l9: [0, 'leaf'], l10: [0, 'leaf'] }, [
      'l9/1 h1',
      'l10/1 h2',
      'l9/2 s2/1',
      'l9/3 s10/1',
      'l10/2 s2/2',
      'l10/3 s10/2',
    ]);
    const [group] = ordered(fabric, groupsOf(fabric));
    expect(group.tops.map((row) => fabric.nodes[row].name)).toEqual(['s2', 's10']);
    expect(group.children.map((child) => fabric.nodes[child.tops[0]].name)).toEqual(['l9', 'l10']);
  });

  it('puts hosts as their ports go', () => {
    const fabric = smallFabric({ leaf: [0, 'leaf'] }, ['leaf/10 a', 'leaf/9 b', 'leaf/1 c']);
    const [group] = ordered(fabric, groupsOf(fabric));
    expect(group.hosts.map((row) => fabric.nodes[row].name)).toEqual(['c', 'b', 'a']);
  });
});

describe('the plane', () => {
  it('draws a path as a line: the farther in links, the farther apart', () => {
    const [x] = planeOf([[1], [0, 2], [1, 3], [2, 4], [3]]);
    const gaps = x.slice(1).map((at, i) => at - x[i]);
    expect(Math.abs(gaps[0])).toBeGreaterThan(0);
    gaps.forEach((gap) => expect(gap).toBeCloseTo(gaps[0], 5)); // a line keeps distances as they are, in some unit
  });
});
