/**
 * What is drawn, as data: every box, line, mark and label with its colour and place in layout units. The painter adds no
 * meaning to it, so tests read a picture here instead of its pixels.
 */

import { type Scale, stepColors, stepOf, STEPS, type Theme } from './colors';
import { type Box, type Card, type Layout, STUB, type Way } from './layout';
import type { Group } from './groups';
import { type Basis, byName, type Fabric, type FabricNode, type Link, type Run } from './model';

/** What a mark says. Each has a shape of its own. */
export type MarkKind = 'vanished' | 'silent' | 'down' | 'degraded' | 'unsure';

/** The worst first: the one that is drawn where there is room for one. */
export const MARKS: readonly MarkKind[] = ['vanished', 'down', 'silent', 'degraded', 'unsure'];

export interface SceneCard extends Box {
  readonly depth: number;
  readonly fill: string;
  /** Height of the line for the title. */
  readonly title: number;
  /** Titles from the fullest to the shortest; the painter takes the first that fits. */
  readonly titles: readonly string[];
}

export interface SceneNode extends Box {
  readonly node: number;
  readonly kind: 'switch' | 'host';
  readonly fill: string | null;
  readonly edge: string | null;
  readonly dashed: boolean;
  readonly ofRun: boolean;
  /** Not of the run that is shown. */
  readonly dim: boolean;
  readonly labels: readonly string[];
}

export interface SceneBlock extends Box {
  readonly block: number;
  readonly fill: string;
  readonly ofRun: number;
  readonly dim: boolean;
  readonly labels: readonly string[];
}

export interface SceneLine {
  readonly link: number;
  readonly way: Way;
  readonly x1: number;
  readonly y1: number;
  readonly x2: number;
  readonly y2: number;
  readonly bend: number;
  readonly color: string;
  /** Of the stroke, in pixels at any zoom. */
  readonly px: number;
  readonly dash: 'solid' | 'dashed' | 'dotted';
  readonly dim: boolean;
  readonly depth: number;
  /** Drawn above everything else, and never faded among many. */
  readonly bold: boolean;
  /** Order among lines of one depth: busier ones above. */
  readonly rank: number;
}

export interface SceneMark {
  readonly kind: MarkKind;
  readonly x: number;
  readonly y: number;
  readonly color: string;
  /** Where it stands when names can be read, so that it hides none. */
  readonly aside: number;
  /** What it is about: a row of nodes or links, or a block. */
  readonly of: { readonly node: number } | { readonly link: number } | { readonly block: number };
  /** How many, where it stands for hosts of a block. */
  readonly count: number;
}

export interface Scene {
  readonly width: number;
  readonly height: number;
  readonly theme: Theme;
  readonly cards: readonly SceneCard[];
  readonly nodes: readonly SceneNode[];
  readonly blocks: readonly SceneBlock[];
  readonly lines: readonly SceneLine[];
  readonly marks: readonly SceneMark[];
  /** x, y1, y2 of the lines that hosts' stubs hang on. */
  readonly trunks: Float32Array;
}

export interface SceneOptions {
  readonly theme: Theme;
  /** By link, NaN unknown; null: no values are shown. */
  readonly values: { readonly scale: Scale; readonly ofLinks: Float64Array } | null;
  readonly run: Run | null;
}

export function sceneOf(fabric: Fabric, layout: Layout, options: SceneOptions): Scene {
  const palette = new Palette(options);
  const hostValues = valuesOfHosts(fabric, options);
  return {
    width: layout.width,
    height: layout.height,
    theme: options.theme,
    cards: layout.cards.map((card) => cardOf(fabric, card, options.theme)),
    nodes: fabric.nodes.flatMap((node, i) =>
      layout.boxes[i].w > 0 ? [nodeOf(node, i, layout.boxes[i], hostValues[i], palette, options)] : []
    ),
    blocks: layout.blocks.map((block, i) => {
      const values = block.hosts.map((host) => hostValues[host]).filter((value) => !Number.isNaN(value));
      const ofRun = block.hosts.filter((host) => options.run?.hosts.has(host)).length;
      const text = `${block.count} host${block.count === 1 ? '' : 's'}`;
      return {
        ...boxOf(block),
        block: i,
        fill: palette.ofValue(values.length ? Math.max(...values) : NaN) ?? options.theme.host,
        ofRun,
        dim: options.run !== null && !ofRun,
        labels: [ofRun ? `${ofRun} of ${text}` : text, String(block.count)],
      };
    }),
    lines: fabric.links.flatMap((link, i) =>
      layout.ways[i] === 'hidden' ? [] : [lineOf(link, i, layout, palette, options)]
    ),
    marks: marksOf(fabric, layout, options.theme),
    trunks: layout.trunks,
  };
}

const NO_MARKS: readonly MarkKind[] = [];

/** The marks of a link; `gone` is told by its host. */
export function marksOfLink(link: Link): readonly MarkKind[] {
  if (!link.down && !link.degraded && !link.unsure) {
    return NO_MARKS; // nearly all of them
  }
  return MARKS.filter(
    (kind) =>
      (kind === 'down' && link.down > 0) ||
      (kind === 'degraded' && link.degraded > 0) ||
      (kind === 'unsure' && link.unsure && !link.gone)
  );
}

export function markOfNode(node: FabricNode): MarkKind | null {
  return node.kind === 'host' && node.state !== 'here' ? node.state : null;
}

/** A host's value: the highest of its links'. */
function valuesOfHosts(fabric: Fabric, options: SceneOptions): Float64Array {
  const found = new Float64Array(fabric.nodes.length).fill(NaN);
  const raise = (node: number, value: number) => {
    if (fabric.nodes[node].kind === 'host' && !(value <= found[node])) {
      found[node] = value;
    }
  };
  options.values?.ofLinks.forEach((value, i) => {
    if (!Number.isNaN(value)) {
      raise(fabric.links[i].a.node, value);
      raise(fabric.links[i].b.node, value);
    }
  });
  return found;
}

/** Colours of values under the options. */
class Palette {
  private readonly colors: string[];

  constructor(private readonly options: SceneOptions) {
    this.colors = options.values ? stepColors(options.theme, options.values.scale.kind) : [];
  }

  /** Null: no value, or none worth a colour. */
  ofValue(value: number): string | null {
    const step = this.step(value);
    return step < 0 ? null : this.colors[step];
  }

  step(value: number): number {
    return this.options.values ? stepOf(this.options.values.scale, value) : -1;
  }
}

function boxOf({ x, y, w, h }: Box): Box {
  return { x, y, w, h };
}

function cardOf(fabric: Fabric, card: Card, theme: Theme): SceneCard {
  const fill = theme.cards[Math.min(card.depth, theme.cards.length - 1)];
  return { ...boxOf(card), depth: card.depth, fill, title: card.title, titles: titlesOf(fabric, card) };
}

function titlesOf(fabric: Fabric, card: Card): string[] {
  const group = card.group;
  if (card.unit) {
    return group.tops.length ? [] : [`${group.hosts.length} hosts without a link`, `${group.hosts.length}`];
  }
  const count = countsOf(fabric, group);
  const hosts = `${count.hosts.toLocaleString('en')} host${count.hosts === 1 ? '' : 's'}`;
  const switches = count.switches.map(([role, n]) => `${n.toLocaleString('en')} ${n === 1 ? role : plural(role)}`);
  const leaves = count.leaves.sort(byName);
  const range = leaves.length > 1 ? `${leaves[0]} \u2013 ${leaves[leaves.length - 1]}` : (leaves[0] ?? '');
  return card.depth === 0
    ? [[...switches, hosts].join(' \u00b7 '), hosts]
    : [`${range} \u00b7 ${hosts}`, range, leaves[0] ?? '', ...shortened(leaves[0] ?? '').slice(1)].filter(Boolean);
}

function plural(role: string): string {
  return role === 'leaf' ? 'leaves' : role === 'apart' || role === 'mixed' ? `${role} switches` : `${role}s`;
}

interface Counts {
  readonly hosts: number;
  readonly leaves: string[];
  /** By role, the highest first. */
  readonly switches: ReadonlyArray<readonly [string, number]>;
}

const ROWS_DOWN = ['higher', 'core', 'spine', 'mixed', 'leaf', 'apart'];

function countsOf(fabric: Fabric, group: Group): Counts {
  const byRole = new Map<string, number>();
  const leaves: string[] = [];
  let hosts = 0;
  const visit = (one: Group) => {
    for (const i of one.tops) {
      const node = fabric.nodes[i];
      if (node.kind === 'switch') {
        byRole.set(node.role, (byRole.get(node.role) ?? 0) + 1);
        hosts += node.folded;
        if (!one.children.length) {
          leaves.push(node.name);
        }
      }
    }
    hosts += one.hosts.filter((i) => markOfNode(fabric.nodes[i]) !== 'vanished').length;
    one.children.forEach(visit);
  };
  visit(group);
  const switches = ROWS_DOWN.flatMap((role) => (byRole.has(role) ? [[role, byRole.get(role) ?? 0] as const] : []));
  return { hosts, leaves, switches };
}

function nodeOf(
  node: FabricNode,
  i: number,
  box: Box,
  value: number,
  palette: Palette,
  { theme, run }: SceneOptions
): SceneNode {
  const isSwitch = node.kind === 'switch';
  const ofRun = run?.hosts.has(i) ?? false;
  const mark = markOfNode(node);
  const lit = palette.ofValue(value) ?? (ofRun ? theme.run : theme.host);
  return {
    node: i,
    kind: node.kind,
    x: box.x,
    y: box.y,
    w: box.w,
    h: box.h,
    fill: isSwitch ? theme.switchFill : mark ? null : lit,
    edge: isSwitch ? theme.switchEdge : mark ? theme[mark] : ofRun ? theme.run : null,
    dashed: mark !== null,
    ofRun,
    dim: !isSwitch && run !== null && !ofRun && !mark,
    labels: shortened(node.name),
  };
}

/** A name, and the number it ends with where that is all there is room for: the row tells what it is. */
function shortened(name: string): string[] {
  let from = name.length;
  while (from > 0 && name.charCodeAt(from - 1) >= 48 && name.charCodeAt(from - 1) <= 57) {
    from--;
  }
  return from > 0 && from < name.length ? [name, name.slice(from)] : [name];
}

function lineOf(
  link: Link,
  i: number,
  layout: Layout,
  palette: Palette,
  { theme, values, run }: SceneOptions
): SceneLine {
  const value = values ? values.ofLinks[i] : NaN;
  const step = palette.step(value);
  const basis = run?.links.get(i);
  const mark = link.gone ? ('vanished' as const) : marksOfLink(link)[0];
  const plain = 1 + Math.max(0, step) / STEPS + bundle(link);
  return {
    link: i,
    way: layout.ways[i],
    x1: layout.lines[4 * i],
    y1: layout.lines[4 * i + 1],
    x2: layout.lines[4 * i + 2],
    y2: layout.lines[4 * i + 3],
    bend: layout.bends[i],
    color: mark ? theme[mark] : (palette.ofValue(value) ?? (basis ? theme.run : theme.link)),
    px: mark ? 2.5 : basis ? (basis === 'possible' ? 1.3 : 2.2) : plain,
    dash: mark === 'down' || mark === 'vanished' ? 'dashed' : dashOf(basis, mark),
    dim: run !== null && basis === undefined && !mark,
    depth: layout.depths[i],
    bold: mark !== undefined || basis !== undefined,
    // One error in a window is news, a little traffic is not.
    rank: step < 0 ? 0 : values?.scale.kind === 'errors' ? STEPS - 6 + (step * 5) / (STEPS - 1) : step,
  };
}

/** Certain is solid, possible is dashed; what is not confirmed is dotted. */
function dashOf(basis: Basis | undefined, mark: MarkKind | undefined): SceneLine['dash'] {
  return mark === 'unsure' ? 'dotted' : basis === 'possible' ? 'dashed' : 'solid';
}

/** What links beyond the first make a bundle's line thicker by, in pixels. */
function bundle(link: Link): number {
  return Math.min(2.5, (link.count - 1) * 0.5);
}

function marksOf(fabric: Fabric, layout: Layout, theme: Theme): SceneMark[] {
  const found: SceneMark[] = [];
  fabric.nodes.forEach((node, i) => {
    const [kind, box] = [markOfNode(node), layout.boxes[i]];
    if (kind && box.w > 0) {
      const [x, y] = [box.x + box.w / 2, box.y + box.h / 2];
      found.push({ kind, x, y, color: theme[kind], aside: box.x - STUB, of: { node: i }, count: 1 });
    }
  });
  fabric.links.forEach((link, i) => {
    const [kind] = marksOfLink(link);
    if (kind && layout.ways[i] !== 'hidden') {
      const [x, y] = middleOf(layout, i);
      const count = kind === 'down' ? link.down : kind === 'degraded' ? link.degraded : link.count;
      found.push({
        kind,
        x,
        y,
        color: theme[kind],
        aside: layout.ways[i] === 'stub' ? x - STUB / 2 : x,
        of: { link: i },
        count,
      });
    }
  });
  return [...found, ...marksOfBlocks(fabric, layout, theme)];
}

/** The middle of a link's line, on its curve. */
export function middleOf(layout: Layout, i: number): [number, number] {
  const [x1, y1, x2, y2] = [0, 1, 2, 3].map((k) => layout.lines[4 * i + k]);
  return [(x1 + x2) / 2, (y1 + y2) / 2 - layout.bends[i] / 2];
}

/** What is wrong with the hosts of a block and their links: a mark a kind, from the right edge inwards. */
function marksOfBlocks(fabric: Fabric, layout: Layout, theme: Theme): SceneMark[] {
  const blockOf = new Map<number, number>();
  layout.blocks.forEach((block, b) => block.hosts.forEach((host) => blockOf.set(host, b)));
  const counts = layout.blocks.map(() => new Map<MarkKind, number>());
  const add = (host: number, kind: MarkKind) => {
    const count = counts[blockOf.get(host) ?? -1];
    count?.set(kind, (count.get(kind) ?? 0) + 1);
  };
  for (const host of blockOf.keys()) {
    const kind = markOfNode(fabric.nodes[host]);
    if (kind) {
      add(host, kind);
    }
  }
  for (const link of fabric.links) {
    const kinds = marksOfLink(link);
    if (kinds.length) {
      [link.a.node, link.b.node].filter((node) => blockOf.has(node)).forEach((node) => add(node, kinds[0]));
    }
  }
  return layout.blocks.flatMap((box, block) => {
    const kinds = MARKS.filter((kind) => counts[block].has(kind));
    return kinds.map((kind, k) => {
      const x = box.x + box.w - 0.5 - 1.2 * k;
      const count = counts[block].get(kind) ?? 0;
      return { kind, x, y: box.y + box.h, color: theme[kind], aside: x, of: { block }, count };
    });
  });
}
