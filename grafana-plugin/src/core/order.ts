/**
 * In which order groups, switches and hosts stand beside each other, so that few links cross: names first, then barycentre
 * sweeps as in Sugiyama's layered drawings. What has no levels is laid out by distances instead (pivot MDS).
 */

import { firstName, type Group } from './groups';
import { byName, type Fabric, linksByNode, peerOf } from './model';

const SWEEPS = 4;
const PIVOTS = 32;
const POWER_STEPS = 60;

/** A link between a switch above and a child group, by their places; `weight` links alike. */
export interface Edge {
  readonly top: number;
  readonly child: number;
  readonly weight: number;
}

/** The groups with their members in the order in which they are drawn. */
export function ordered(fabric: Fabric, groups: readonly Group[]): Group[] {
  const links = linksByNode(fabric);
  const place = new Map<number, number>();
  return groups.map((group) => orderGroup(fabric, links, group, place));
}

/**
 * `place`: where the switches of the rows above stand, filled on the way down: a pod's spines stand as the cores do that
 * they are linked to.
 */
function orderGroup(fabric: Fabric, links: readonly number[][], group: Group, place: Map<number, number>): Group {
  const peers = (node: number) => links[node].map((i) => peerOf(fabric.links[i], node).node);
  const named = [...group.tops].sort((a, b) => byName(fabric.nodes[a].name, fabric.nodes[b].name));
  const tops = sortedBy(named, (node) => mean(peers(node).map((peer) => place.get(peer))));
  let children = sortedByName(fabric, group.children);
  let row = tops;
  if (tops.length && children.length > 1) {
    [row, children] = untangled(tops, children, edgesBetween(tops, children, peers));
  } else if (group.mesh) {
    children = spread(children, peers);
  }
  row.forEach((node, i) => place.set(node, i));
  const hosts = hostsByPort(fabric, links, group.hosts);
  return { ...group, tops: row, hosts, children: children.map((child) => orderGroup(fabric, links, child, place)) };
}

/** Hosts as their ports on their switch go: what a person sees who stands before it. */
function hostsByPort(fabric: Fabric, links: readonly number[][], hosts: readonly number[]): number[] {
  const portOf = (host: number) => {
    const first = links[host].find((i) => fabric.nodes[peerOf(fabric.links[i], host).node].kind === 'switch');
    return first === undefined ? Infinity : peerOf(fabric.links[first], host).port;
  };
  const switchOf = (host: number) => (links[host].length ? peerOf(fabric.links[links[host][0]], host).node : -1);
  const keys = new Map(hosts.map((host) => [host, [switchOf(host), portOf(host)]]));
  return [...hosts].sort((a, b) => {
    const [onA, portA] = keys.get(a) ?? [];
    const [onB, portB] = keys.get(b) ?? [];
    const name = byName(fabric.nodes[a].name, fabric.nodes[b].name);
    return onA !== onB || portA === portB ? name : (portA ?? 0) - (portB ?? 0);
  });
}

function sortedByName(fabric: Fabric, children: readonly Group[]): Group[] {
  const names = new Map(children.map((child) => [child, firstName(fabric, child)]));
  return [...children].sort((a, b) => byName(names.get(a) ?? '', names.get(b) ?? ''));
}

function edgesBetween(
  tops: readonly number[],
  children: readonly Group[],
  peers: (node: number) => readonly number[]
): Edge[] {
  const childOf = new Map<number, number>();
  children.forEach((child, i) => switchesIn(child).forEach((node) => childOf.set(node, i)));
  return tops.flatMap((node, top) => {
    const found = new Map<number, Edge>();
    for (const peer of peers(node)) {
      const child = childOf.get(peer);
      if (child !== undefined) {
        found.set(child, { top, child, weight: (found.get(child)?.weight ?? 0) + 1 });
      }
    }
    return [...found.values()];
  });
}

/** The switches of a group and of all below it. */
export function switchesIn(group: Group): number[] {
  return [...group.tops, ...group.children.flatMap(switchesIn)];
}

/** Both rows after barycentre sweeps: the order with the fewest crossings, the first one of those. */
function untangled(tops: number[], children: Group[], edges: readonly Edge[]): [number[], Group[]] {
  let order = { tops: tops.map((_, i) => i), children: children.map((_, i) => i) };
  let [best, fewest] = [order, crossings(edges, order.tops, order.children)];
  for (let sweep = 0; sweep < SWEEPS && fewest > 0; sweep++) {
    const topPlace = placesOf(order.tops);
    const lower = centres(edges, order.children.length, (edge) => [edge.child, topPlace[edge.top]]);
    const below = sortedBy(order.children, (i) => lower[i]);
    const childPlace = placesOf(below);
    const upper = centres(edges, order.tops.length, (edge) => [edge.top, childPlace[edge.child]]);
    const next = { tops: sortedBy(order.tops, (i) => upper[i]), children: below };
    if (same(next.tops, order.tops) && same(next.children, order.children)) {
      break;
    }
    order = next;
    const crossing = crossings(edges, order.tops, order.children);
    if (crossing < fewest) {
      [best, fewest] = [order, crossing];
    }
  }
  return [best.tops.map((i) => tops[i]), best.children.map((i) => children[i])];
}

function same(a: readonly number[], b: readonly number[]): boolean {
  return a.every((one, i) => one === b[i]);
}

function centres(edges: readonly Edge[], n: number, of: (edge: Edge) => [number, number]): Array<number | undefined> {
  const sum = new Float64Array(n);
  const weight = new Float64Array(n);
  for (const edge of edges) {
    const [i, at] = of(edge);
    sum[i] += at * edge.weight;
    weight[i] += edge.weight;
  }
  return Array.from(sum, (total, i) => (weight[i] ? total / weight[i] : undefined));
}

/** How often links cross when the two rows stand in these orders: pairs that go one way above and the other below. */
export function crossings(edges: readonly Edge[], tops: readonly number[], children: readonly number[]): number {
  const [topPlace, childPlace] = [placesOf(tops), placesOf(children)];
  const sorted = [...edges].sort(
    (a, b) => topPlace[a.top] - topPlace[b.top] || childPlace[a.child] - childPlace[b.child]
  );
  // A Fenwick tree over the lower row: how many links so far end at a place or left of it.
  const tree = new Float64Array(children.length + 1);
  let [total, crossing] = [0, 0];
  let pending: Edge[] = [];
  const flush = () => {
    for (const edge of pending) {
      for (let i = childPlace[edge.child] + 1; i < tree.length; i += i & -i) {
        tree[i] += edge.weight;
      }
      total += edge.weight;
    }
    pending = [];
  };
  for (const edge of sorted) {
    if (pending.length && pending[0].top !== edge.top) {
      flush();
    }
    let left = 0;
    for (let i = childPlace[edge.child] + 1; i > 0; i -= i & -i) {
      left += tree[i];
    }
    crossing += (total - left) * edge.weight;
    pending.push(edge);
  }
  return crossing;
}

function placesOf(order: readonly number[]): number[] {
  const place: number[] = [];
  order.forEach((item, i) => (place[item] = i));
  return place;
}

/** Sorted by a number; those alike stay as they are, those without one come last. */
function sortedBy<T>(items: readonly T[], key: (item: T) => number | undefined): T[] {
  const keyed = items.map((item) => ({ item, key: key(item) ?? Number.MAX_VALUE }));
  return keyed.sort((a, b) => a.key - b.key).map((one) => one.item);
}

function mean(numbers: ReadonlyArray<number | undefined>): number | undefined {
  const known = numbers.filter((one): one is number => one !== undefined);
  return known.length ? known.reduce((sum, one) => sum + one, 0) / known.length : undefined;
}

/**
 * Groups with no order among them (a ring, a torus, a dragonfly) in rows that keep neighbours close: by their distances in
 * links, or as they are named, whichever makes for shorter lines.
 */
function spread(groups: readonly Group[], peers: (node: number) => readonly number[]): Group[] {
  const groupOf = new Map<number, number>();
  groups.forEach((group, i) => switchesIn(group).forEach((node) => groupOf.set(node, i)));
  const near = groups.map((group, i) => {
    const next = switchesIn(group).flatMap((node) => peers(node).map((peer) => groupOf.get(peer)));
    return [...new Set(next)].filter((peer): peer is number => peer !== undefined && peer !== i);
  });
  const asNamed = groups.map((_, i) => i);
  const drawn = inRows(near);
  return (spanOf(drawn, near) < spanOf(asNamed, near) ? drawn : asNamed).map((i) => groups[i]);
}

/** How far apart linked groups stand when they fill rows in this order. Names may well be coordinates that draw better. */
function spanOf(order: readonly number[], near: ReadonlyArray<readonly number[]>): number {
  const columns = meshColumns(order.length);
  const place = placesOf(order);
  const apart = (a: number, b: number) =>
    Math.hypot(
      (place[a] % columns) - (place[b] % columns),
      Math.floor(place[a] / columns) - Math.floor(place[b] / columns)
    );
  return near.reduce((sum, peers, i) => sum + peers.reduce((own, peer) => own + apart(i, peer), 0), 0);
}

/** From their places in the plane to rows, from top to bottom. */
function inRows(near: ReadonlyArray<readonly number[]>): number[] {
  const [x, y] = planeOf(near);
  const down = near.map((_, i) => i).sort((a, b) => y[a] - y[b] || a - b);
  const columns = meshColumns(near.length);
  const rows = Array.from({ length: Math.ceil(near.length / columns) }, (_, row) =>
    down.slice(row * columns, (row + 1) * columns).sort((a, b) => x[a] - x[b] || a - b)
  );
  return rows.flat();
}

/** How many groups without an order among them stand in a row. */
export function meshColumns(groups: number): number {
  return Math.ceil(Math.sqrt(groups));
}

/** Pivot MDS (Brandes and Pich, 2006): coordinates in the plane whose distances are like those in the graph. */
export function planeOf(near: ReadonlyArray<readonly number[]>): [number[], number[]] {
  const n = near.length;
  const pivots = Math.min(PIVOTS, n);
  const far: number[][] = [];
  const closest = new Array<number>(n).fill(Infinity);
  for (let pivot = 0, k = 0; k < pivots; k++) {
    const steps = stepsFrom(pivot, near);
    far.push(steps.map((step) => step * step));
    steps.forEach((step, i) => (closest[i] = Math.min(closest[i], step)));
    pivot = closest.indexOf(Math.max(...closest));
  }
  // Doubly centred: C[i][k] = -1/2 (d2 - mean of the row - mean of the column + mean of all).
  const column = far.map((one) => one.reduce((sum, d) => sum + d, 0) / n);
  const all = column.reduce((sum, d) => sum + d, 0) / pivots;
  const centred = near.map((_, i) => {
    const row = far.reduce((sum, one) => sum + one[i], 0) / pivots;
    return far.map((one, k) => -0.5 * (one[i] - row - column[k] + all));
  });
  const first = mainAxis(centred, pivots, []);
  const second = mainAxis(centred, pivots, [first]);
  const along = (axis: readonly number[]) => centred.map((row) => dot(row, axis));
  return [along(first), along(second)];
}

function stepsFrom(start: number, near: ReadonlyArray<readonly number[]>): number[] {
  const steps = new Array<number>(near.length).fill(near.length); // those it cannot reach are far away
  steps[start] = 0;
  const queue = [start];
  for (const node of queue) {
    for (const next of near[node]) {
      if (steps[next] === near.length && next !== start) {
        steps[next] = steps[node] + 1;
        queue.push(next);
      }
    }
  }
  return steps;
}

/** The strongest eigenvector of CᵀC that is at right angles to those found before, by power iteration from a fixed start. */
function mainAxis(
  c: ReadonlyArray<readonly number[]>,
  size: number,
  before: ReadonlyArray<readonly number[]>
): number[] {
  let axis = Array.from({ length: size }, (_, k) => 1 + ((k * 7 + before.length * 3) % 5) / 5);
  for (let step = 0; step < POWER_STEPS; step++) {
    for (const other of before) {
      const part = dot(axis, other);
      axis = axis.map((value, k) => value - part * other[k]);
    }
    const along = c.map((row) => dot(row, axis));
    const next = axis.map((_, k) => c.reduce((sum, row, i) => sum + row[k] * along[i], 0));
    const length = Math.sqrt(dot(next, next)) || 1;
    axis = next.map((value) => value / length);
  }
  return axis;
}

function dot(a: readonly number[], b: readonly number[]): number {
  return a.reduce((sum, value, i) => sum + value * b[i], 0);
}
