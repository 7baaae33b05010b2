/**
 * Where everything stands: levels in rows, switches above what hangs on them, hosts as cells below their leaf.
 *
 * A pure function of the fabric, what is folded, and the shape of the panel; run once for a fabric's version, never for a
 * frame. Units: a host's cell is 1 high; y grows downwards.
 */

import { type Group, groupsOf } from './groups';
import { endAt, type Fabric, linksByNode, peerOf } from './model';
import { meshColumns, ordered } from './order';

/** What hosts are drawn as one block: none, those of all leaves, or of these leaves (ids). */
export type Folded = 'none' | 'all' | ReadonlySet<string>;

export interface LayoutOptions {
  readonly folded: Folded;
  /** Width by height of the panel. */
  readonly aspect: number;
}

/** A rectangle. */
export interface Box {
  readonly x: number;
  readonly y: number;
  readonly w: number;
  readonly h: number;
}

/** The ground under a group. `depth`: 0 outermost; `unit`: leaves with their hosts, or hosts alone. */
export interface Card extends Box {
  readonly depth: number;
  /** Height of the line for its title. */
  readonly title: number;
  readonly unit: boolean;
  readonly group: Group;
}

/** Hosts drawn as one: those that are nodes, and how many there are with those that are not. */
export interface Block extends Box {
  readonly leaves: readonly number[];
  readonly hosts: readonly number[];
  readonly count: number;
}

/** How a link is drawn: a line between two switches, a stub at its host's cell, a line to a far host, or not (folded). */
export type Way = 'fabric' | 'stub' | 'stray' | 'hidden';

/** Positions, by row of nodes and links. A folded host has no width. */
export interface Layout {
  readonly width: number;
  readonly height: number;
  readonly boxes: readonly Box[];
  readonly cards: readonly Card[];
  readonly blocks: readonly Block[];
  /** By link: x1, y1, x2, y2; end 1 is that of `a`. */
  readonly lines: Float32Array;
  /** By link: how far the middle of its curve lies to the side, in units; 0 straight. */
  readonly bends: Float32Array;
  readonly ways: readonly Way[];
  /** By link: depth of the innermost card that holds both ends. */
  readonly depths: Uint8Array;
  /** Trunks that stubs hang on: x, y1, y2 each. */
  readonly trunks: Float32Array;
}

const CELL = { w: 1.25, h: 1 };
const COLUMN = 1.85;
const ROW = 1.3;
const PAD = 0.5;
const SWITCH_H = 1.7;
const NARROWEST = 2.4;
/** A switch above others takes this much in a row, and they stand in at most so many rows. */
const TOP_SLOT = NARROWEST + 0.4;
const TOP_ROWS = 3;
const COLUMNS = [1, 2, 3, 4, 6, 8, 12];
const WIDEST = 10;
const BETWEEN_CARDS = 0.9;
/** Height of the line on a card that says what is on it: what a text of this many pixels needs in a panel of this width. */
const TITLE = { px: 16, least: 1.6, most: 4.5, panelPx: 1500 };
const BLOCK_H = 2.2;
const HIGHEST_BEND = 2.2;
/** Length of the stroke that stands for a host's link, left of its cell. */
export const STUB = 0.3;
/** How far from a stub a point still means it, in units. */
export const STUB_REACH = 0.25;
/** Room for links between two rows, by the width they spread over. */
const GAP = { share: 0.13, least: 3, most: 16 };

/** How many columns of hosts below a leaf, and rows of groups below the top, below the next and among islands. */
interface Plan {
  readonly columns: number;
  readonly rows: readonly number[];
  readonly title: number;
}

interface Size {
  readonly w: number;
  readonly h: number;
}

export function layoutOf(fabric: Fabric, options: LayoutOptions): Layout {
  const groups = ordered(fabric, groupsOf(fabric));
  const root: Group = groups.length === 1 ? groups[0] : { tops: [], hosts: [], children: groups, mesh: false };
  const folds = (group: Group) => blockOf(fabric, group, options.folded);
  const plan = bestPlan(root, options.aspect, groups.length === 1 ? 0 : 1, folds);
  return new Drafting(fabric, plan, folds).draw(root);
}

/** What of a group's hosts is drawn as one block: null, nothing. */
function blockOf(fabric: Fabric, group: Group, folded: Folded): { hosts: number[]; count: number } | null {
  const unlisted = group.tops.reduce((sum, node) => sum + hostsNotListed(fabric, node), 0);
  const asked = folded === 'all' || (folded !== 'none' && group.tops.some((node) => folded.has(fabric.nodes[node].id)));
  if (group.children.length || !group.tops.length || (!unlisted && !(asked && group.hosts.length))) {
    return null;
  }
  const hosts = asked ? group.hosts : [];
  return { hosts, count: unlisted + hosts.filter((host) => isHere(fabric, host)).length };
}

function hostsNotListed(fabric: Fabric, node: number): number {
  const told = fabric.nodes[node];
  return told.kind === 'switch' ? told.folded : 0;
}

function isHere(fabric: Fabric, node: number): boolean {
  const host = fabric.nodes[node];
  return host.kind === 'host' && host.state !== 'vanished';
}

type Folds = (group: Group) => { hosts: number[]; count: number } | null;

/** The plan under which the picture is drawn largest in a panel of this shape; fewer rows win where it is close. */
function bestPlan(root: Group, aspect: number, islands: number, folds: Folds): Plan {
  const most = Math.max(1, ...[root, ...root.children].map((group) => group.children.length));
  const main = [1, 2, 3, 4, 5, 6, 8, 10, 12].filter((rows) => rows <= most);
  const asBlock = new Map<Group, boolean>();
  const note = (group: Group) => {
    asBlock.set(group, folds(group)?.hosts.length === group.hosts.length);
    group.children.forEach(note);
  };
  note(root);
  const folded = (group: Group) => asBlock.get(group) === true;
  const plan = cheapest(plansOf(main, most, islands, TITLE.least), root, aspect, folded);
  const { w, h } = sizeOf(root, plan, 0, folded);
  const unitPx = TITLE.panelPx / Math.max(w, h * aspect);
  return { ...plan, title: Math.min(TITLE.most, Math.max(TITLE.least, TITLE.px / unitPx)) };
}

function plansOf(main: readonly number[], most: number, islands: number, title: number): Plan[] {
  const inner = most === 1 ? [1] : [1, 2, 3];
  return COLUMNS.flatMap((columns) =>
    main
      .flatMap((rows) => inner.flatMap((last) => (islands ? main.map((outer) => [outer, rows, last]) : [[rows, last]])))
      .map((rows) => ({ columns, rows, title }))
  );
}

/** Rows below the first make links pass behind what stands before them: they have to gain as much in size. */
function cheapest(plans: readonly Plan[], root: Group, aspect: number, folded: (group: Group) => boolean): Plan {
  let [best, least] = [plans[0], Infinity];
  for (const plan of plans) {
    const { w, h } = sizeOf(root, plan, 0, folded);
    const more = plan.rows.reduce((sum, rows) => sum + Math.min(1, rows - 1) * 0.2 + Math.max(0, rows - 2) * 0.04, 0);
    const cost = Math.max(w / aspect, h) * (1 + more);
    if (cost < least) {
      [best, least] = [plan, cost];
    }
  }
  return best;
}

function sizeOf(group: Group, plan: Plan, depth: number, folded: (group: Group) => boolean): Size {
  if (!group.children.length) {
    return unitSize(group, plan, folded(group) ? 0 : group.hosts.length, folded(group));
  }
  const sizes = group.children.map((child) => sizeOf(child, plan, depth + 1, folded));
  const below = shelves(sizes, rowsOf(group, plan, depth)).size;
  const { h } = below;
  const w = Math.max(below.w, Math.ceil(group.tops.length / TOP_ROWS) * TOP_SLOT);
  const above = group.tops.length ? topRows(group.tops.length, w) : { height: 0, gap: 0 };
  return { w: w + 2 * PAD, h: plan.title + above.height + above.gap + h + 2 * PAD };
}

function rowsOf(group: Group, plan: Plan, depth: number): number {
  const n = group.children.length;
  return group.mesh ? Math.ceil(n / meshColumns(n)) : Math.min(n, plan.rows[depth] ?? 1);
}

function unitSize(group: Group, plan: Plan, cells: number, block: boolean): Size {
  const { columns, rows } = cellGrid(group, plan, cells);
  const inner = Math.max(columns * COLUMN, group.tops.length * NARROWEST, block ? NARROWEST : 0);
  const below = (cells ? rows * ROW : 0) + (block ? BLOCK_H : 0) + (cells && block ? PAD : 0);
  return { w: inner + 2 * PAD, h: (group.tops.length ? SWITCH_H : plan.title) + PAD + below + PAD };
}

function cellGrid(group: Group, plan: Plan, cells: number): { columns: number; rows: number } {
  const wanted = group.tops.length ? plan.columns * group.tops.length : Math.ceil(Math.sqrt(cells * 2));
  const columns = Math.max(1, Math.min(wanted, cells));
  return { columns, rows: Math.ceil(cells / columns) };
}

/** Rows of switches above a width: as few as leave each its least width. */
function topRows(tops: number, width: number): { perRow: number; rows: number; height: number; gap: number } {
  const perRow = Math.min(tops, Math.max(1, Math.floor(width / TOP_SLOT + 1e-9)));
  const rows = Math.ceil(tops / perRow);
  const gap = Math.min(GAP.most, Math.max(GAP.least, width * GAP.share));
  return { perRow: Math.ceil(tops / rows), rows, height: rows * (SWITCH_H + 0.8), gap };
}

/** Boxes in rows of about the same width, each row centred. */
function shelves(sizes: readonly Size[], rows: number): { size: Size; at: Array<{ x: number; y: number }> } {
  const total = sizes.reduce((sum, size) => sum + size.w + BETWEEN_CARDS, 0);
  const lines: number[][] = Array.from({ length: rows }, () => []);
  let before = 0;
  sizes.forEach((size, i) => {
    const middle = before + (size.w + BETWEEN_CARDS) / 2;
    lines[Math.min(rows - 1, Math.floor((middle / total) * rows))].push(i);
    before += size.w + BETWEEN_CARDS;
  });
  const widths = lines.map((line) => line.reduce((sum, i) => sum + sizes[i].w + BETWEEN_CARDS, -BETWEEN_CARDS));
  const w = Math.max(...widths);
  const at: Array<{ x: number; y: number }> = [];
  let y = 0;
  lines.forEach((line, row) => {
    let x = (w - widths[row]) / 2;
    for (const i of line) {
      at[i] = { x, y };
      x += sizes[i].w + BETWEEN_CARDS;
    }
    y += line.length ? Math.max(...line.map((i) => sizes[i].h)) + BETWEEN_CARDS * 2 : 0;
  });
  return { size: { w, h: y - BETWEEN_CARDS * 2 }, at };
}

const NOWHERE: Box = { x: 0, y: 0, w: 0, h: 0 };

/** Puts boxes where the plan says. The only state of this module, and it ends with the call of `draw`. */
class Drafting {
  private readonly boxes: Box[];
  private readonly cards: Card[] = [];
  private readonly blocks: Block[] = [];
  private readonly trunks: number[] = [];
  /** The cards above each node, outermost first. */
  private readonly within: number[][];

  constructor(
    private readonly fabric: Fabric,
    private readonly plan: Plan,
    private readonly folds: Folds
  ) {
    this.boxes = fabric.nodes.map(() => NOWHERE);
    this.within = fabric.nodes.map(() => []);
  }

  draw(root: Group): Layout {
    const size = this.place(root, 0, 0, 0, []);
    const lined = linesOf(this.fabric, this.boxes, this.within, this.cards);
    const { boxes, cards, blocks } = this;
    return { width: size.w, height: size.h, boxes, cards, blocks, trunks: Float32Array.from(this.trunks), ...lined };
  }

  private folded = (group: Group) => this.folds(group)?.hosts.length === group.hosts.length;

  private place(group: Group, x: number, y: number, depth: number, path: readonly number[]): Size {
    const size = sizeOf(group, this.plan, depth, this.folded);
    const unit = !group.children.length;
    const card = this.cards.length;
    this.cards.push({ x, y, ...size, depth, title: unit && group.tops.length ? 0 : this.plan.title, unit, group });
    const inside = [...path, card];
    [...group.tops, ...group.hosts].forEach((node) => (this.within[node] = inside));
    if (unit) {
      this.placeUnit(group, x, y, size);
      return size;
    }
    const w = size.w - 2 * PAD;
    const above = group.tops.length ? topRows(group.tops.length, w) : { perRow: 1, rows: 0, height: 0, gap: 0 };
    this.placeTops(group.tops, { x: x + PAD, y: y + this.plan.title, w, h: above.height }, above.perRow);
    const sizes = group.children.map((child) => sizeOf(child, this.plan, depth + 1, this.folded));
    const { at, size: below } = shelves(sizes, rowsOf(group, this.plan, depth));
    const left = x + PAD + (w - below.w) / 2;
    const top = y + this.plan.title + PAD + above.height + above.gap;
    group.children.forEach((child, i) => this.place(child, left + at[i].x, top + at[i].y, depth + 1, inside));
    return size;
  }

  private placeTops(tops: readonly number[], room: Box, perRow: number): void {
    tops.forEach((node, i) => {
      const row = Math.floor(i / perRow);
      const inRow = Math.min(perRow, tops.length - row * perRow);
      const slot = room.w / inRow;
      const w = Math.min(WIDEST, slot - 0.4);
      const middle = room.x + slot * ((i % perRow) + 0.5);
      this.boxes[node] = { x: middle - w / 2, y: room.y + row * (SWITCH_H + 0.8), w, h: SWITCH_H };
    });
  }

  /** Leaves side by side as the head of their card, then cells for hosts, or a block. */
  private placeUnit(group: Group, x: number, y: number, size: Size): void {
    const slot = size.w / Math.max(1, group.tops.length);
    group.tops.forEach((node, i) => {
      const gap = group.tops.length > 1 ? 0.1 : 0;
      this.boxes[node] = { x: x + slot * i + gap, y, w: slot - 2 * gap, h: SWITCH_H };
    });
    let below = y + (group.tops.length ? SWITCH_H : this.plan.title) + PAD;
    const block = this.folds(group);
    if (block) {
      const box = { x: x + PAD, y: below, w: size.w - 2 * PAD, h: BLOCK_H };
      this.blocks.push({ ...box, leaves: group.tops, hosts: block.hosts, count: block.count });
      below += BLOCK_H + PAD;
    }
    const cells = this.folded(group) && block ? [] : group.hosts;
    const { columns, rows } = cellGrid(group, this.plan, cells.length);
    const left = x + (size.w - columns * COLUMN) / 2 + (COLUMN - CELL.w);
    cells.forEach((host, i) => {
      const [column, row] = [Math.floor(i / rows), i % rows];
      this.boxes[host] = { x: left + column * COLUMN, y: below + row * ROW, ...CELL };
    });
    for (let column = 0; group.tops.length && column * rows < cells.length; column++) {
      const last = Math.min(rows, cells.length - column * rows) - 1;
      this.trunks.push(left + column * COLUMN - STUB, y + SWITCH_H, below + last * ROW + CELL.h / 2);
    }
  }
}

/** The links as lines between the boxes. */
function linesOf(
  fabric: Fabric,
  boxes: readonly Box[],
  within: ReadonlyArray<readonly number[]>,
  cards: readonly Card[]
): Pick<Layout, 'lines' | 'bends' | 'ways' | 'depths'> {
  const n = fabric.links.length;
  const lines = new Float32Array(4 * n);
  const bends = new Float32Array(n);
  const depths = new Uint8Array(n);
  const byNode = linksByNode(fabric);
  const isSwitch = fabric.nodes.map((node) => node.kind === 'switch');
  const ways = fabric.links.map(({ a, b }, i): Way => {
    const common = innermost(within[a.node], within[b.node]);
    depths[i] = common < 0 ? 0 : cards[common].depth;
    if (boxes[a.node].w === 0 || boxes[b.node].w === 0) {
      return 'hidden';
    }
    if (isSwitch[a.node] && isSwitch[b.node]) {
      return 'fabric';
    }
    return common >= 0 && cards[common].unit ? 'stub' : 'stray';
  });
  fabric.nodes.forEach((node, i) => {
    if (node.kind === 'host') {
      placeStubs(fabric, boxes, ways, lines, byNode[i], i);
    }
  });
  fabric.nodes.forEach((_, i) => placeEnds(fabric, boxes, ways, lines, byNode[i], i));
  ways.forEach((way, i) => {
    const { a, b } = fabric.links[i];
    if (way === 'fabric' && side(boxes[a.node], boxes[b.node]) === 0) {
      // Side by side in one row a straight line would run through what stands between.
      bends[i] = Math.min(
        HIGHEST_BEND,
        0.2 * Math.hypot(lines[4 * i + 2] - lines[4 * i], lines[4 * i + 3] - lines[4 * i + 1])
      );
    }
  });
  return { lines, bends, ways, depths };
}

/** A host's links as short strokes left of its cell, one below the other as its rails go. */
function placeStubs(
  fabric: Fabric,
  boxes: readonly Box[],
  ways: readonly Way[],
  lines: Float32Array,
  links: readonly number[],
  host: number
): void {
  const stubs = links.filter((i) => ways[i] === 'stub');
  const box = boxes[host];
  stubs.forEach((i, k) => {
    const y = box.y + (box.h * (k + 1)) / (stubs.length + 1);
    const isA = fabric.links[i].a.node === host;
    lines[4 * i] = isA ? box.x : box.x - STUB;
    lines[4 * i + 1] = y;
    lines[4 * i + 2] = isA ? box.x - STUB : box.x;
    lines[4 * i + 3] = y;
  });
}

/** The last card on both ways down; -1 none. */
function innermost(a: readonly number[], b: readonly number[]): number {
  let k = 0;
  while (k < a.length && a[k] === b[k]) {
    k++;
  }
  return k ? a[k - 1] : -1;
}

/** Where the other links of a node meet its box: below those that go down, above those that go up, as their far ends lie. */
function placeEnds(
  fabric: Fabric,
  boxes: readonly Box[],
  ways: readonly Way[],
  lines: Float32Array,
  links: readonly number[],
  node: number
): void {
  const box = boxes[node];
  const drawn = links.filter((i) => ways[i] === 'fabric' || ways[i] === 'stray');
  if (!drawn.length) {
    return;
  }
  for (const where of [-1, 0, 1]) {
    const here = drawn.filter((i) => side(box, boxes[peerOf(fabric.links[i], node).node]) === where);
    const key = (i: number) => {
      const peer = boxes[peerOf(fabric.links[i], node).node];
      return peer.x + peer.w / 2;
    };
    here.sort((i, k) => key(i) - key(k) || endAt(fabric.links[i], node).port - endAt(fabric.links[k], node).port);
    here.forEach((i, k) => {
      const x = box.x + (box.w * (k + 1)) / (here.length + 1);
      const y = where > 0 ? box.y + box.h : box.y;
      const at = 4 * i + (fabric.links[i].a.node === node ? 0 : 2);
      lines[at] = x;
      lines[at + 1] = y;
    });
  }
}

/** Whether another box lies above (-1), in the same row (0) or below (1). */
function side(box: Box, other: Box): -1 | 0 | 1 {
  return other.y >= box.y + box.h ? 1 : other.y + other.h <= box.y ? -1 : 0;
}
