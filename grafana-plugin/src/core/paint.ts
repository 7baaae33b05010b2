/**
 * From a scene to a canvas. Lines and cells that look alike are one path each, made once for a scene; a frame in which only
 * a part is in sight is made of that part alone. Measured on two cores without a graphics card (harness/measure.mjs).
 */

import { STEPS } from './colors';
import { NAMES_FROM, paintMarks } from './marks';
import type { Scene, SceneLine, SceneNode } from './scene';
import type { Extent, Viewport } from './viewport';

/** A part of the world, by its edges. */
export interface Sight {
  readonly left: number;
  readonly top: number;
  readonly right: number;
  readonly bottom: number;
}

/** Things that look alike. `reach`: left, top, right, bottom of each; `add` puts one of them into a path. */
interface Batch {
  readonly reach: Float32Array;
  readonly add: (path: Path2D, i: number) => void;
  whole: Path2D | null;
}

interface LineBatch extends Batch {
  readonly like: SceneLine;
}

interface NodeBatch extends Batch {
  readonly like: SceneNode;
}

/** A scene made ready for frames. */
export interface Prepared {
  readonly scene: Scene;
  readonly plain: readonly LineBatch[];
  readonly stubs: readonly LineBatch[];
  readonly bold: readonly LineBatch[];
  readonly nodes: readonly NodeBatch[];
  readonly trunks: Batch;
  readonly depths: number;
}

/** From this part on of what looks alike, all of it is drawn by its ready path. */
const MOST_IN_SIGHT = 0.6;
/** What is left of the strength of what is not of the run that is shown. */
const DIM = 0.3;
const TITLE_PX = 11;
const LABEL_PX = 11;
const SMALL_PX = 10;
/** Stubs are drawn where a unit has this many pixels; below that a host's cell alone shows its link. */
const STUBS_FROM = 7;

export function prepare(scene: Scene): Prepared {
  const lines = (keep: (line: SceneLine) => boolean) =>
    batched(scene.lines.filter(keep), (l) => [l.depth, l.rank, l.color, l.px, l.dash, l.dim].join(), lineBatch);
  const order = (a: LineBatch, b: LineBatch) => a.like.depth - b.like.depth || a.like.rank - b.like.rank;
  const faded = (a: LineBatch, b: LineBatch) => Number(b.like.dim) - Number(a.like.dim) || order(a, b);
  return {
    scene,
    plain: lines((line) => !line.bold && line.way !== 'stub').sort(faded),
    stubs: lines((line) => !line.bold && line.way === 'stub'),
    bold: lines((line) => line.bold).sort((a, b) => a.like.px - b.like.px),
    nodes: batched(scene.nodes, (n) => [n.kind, n.fill, n.edge, n.dashed, n.ofRun, n.dim].join(), nodeBatch),
    trunks: trunkBatch(scene.trunks),
    depths: scene.cards.reduce((most, card) => Math.max(most, card.depth + 1), 1),
  };
}

function batched<T, B>(items: readonly T[], key: (item: T) => string, make: (items: readonly T[]) => B): B[] {
  const found = new Map<string, T[]>();
  for (const item of items) {
    const one = key(item);
    const same = found.get(one);
    if (same) {
      same.push(item);
    } else {
      found.set(one, [item]);
    }
  }
  return [...found.values()].map(make);
}

function lineBatch(lines: readonly SceneLine[]): LineBatch {
  const reach = new Float32Array(4 * lines.length);
  lines.forEach(({ x1, y1, x2, y2, bend }, i) =>
    reach.set([Math.min(x1, x2), Math.min(y1, y2) - bend, Math.max(x1, x2), Math.max(y1, y2)], 4 * i)
  );
  return { like: lines[0], reach, add: (path, i) => addLine(path, lines[i]), whole: null };
}

function addLine(path: Path2D, { x1, y1, x2, y2, bend }: SceneLine): void {
  path.moveTo(x1, y1);
  if (bend) {
    path.quadraticCurveTo((x1 + x2) / 2, (y1 + y2) / 2 - bend, x2, y2);
  } else {
    path.lineTo(x2, y2);
  }
}

function nodeBatch(nodes: readonly SceneNode[]): NodeBatch {
  const reach = new Float32Array(4 * nodes.length);
  nodes.forEach(({ x, y, w, h }, i) => reach.set([x, y, x + w, y + h], 4 * i));
  return {
    like: nodes[0],
    reach,
    add: (path, i) => path.rect(nodes[i].x, nodes[i].y, nodes[i].w, nodes[i].h),
    whole: null,
  };
}

function trunkBatch(trunks: Float32Array): Batch {
  const n = trunks.length / 3;
  const reach = new Float32Array(4 * n);
  for (let i = 0; i < n; i++) {
    reach.set([trunks[3 * i], trunks[3 * i + 1], trunks[3 * i], trunks[3 * i + 2]], 4 * i);
  }
  const add = (path: Path2D, i: number) => {
    path.moveTo(trunks[3 * i], trunks[3 * i + 1]);
    path.lineTo(trunks[3 * i], trunks[3 * i + 2]);
  };
  return { reach, add, whole: null };
}

/** The path of what is in sight of a batch, and how much of it that is. */
function pathOf(batch: Batch, sight: Sight): { path: Path2D; count: number } {
  const { reach } = batch;
  const n = reach.length / 4;
  const inSight: number[] = [];
  for (let i = 0; i < n; i++) {
    const at = 4 * i;
    if (
      reach[at] <= sight.right &&
      reach[at + 2] >= sight.left &&
      reach[at + 1] <= sight.bottom &&
      reach[at + 3] >= sight.top
    ) {
      inSight.push(i);
    }
  }
  if (inSight.length > MOST_IN_SIGHT * n) {
    if (!batch.whole) {
      batch.whole = new Path2D();
      for (let i = 0; i < n; i++) {
        batch.add(batch.whole, i);
      }
    }
    return { path: batch.whole, count: inSight.length };
  }
  const path = new Path2D();
  inSight.forEach((i) => batch.add(path, i));
  return { path, count: inSight.length };
}

export interface Paint {
  readonly view: Viewport;
  readonly panel: Extent;
  /** Device pixels of a CSS pixel. */
  readonly density: number;
}

/** Draw all that is in sight. Returns how many lines and boxes that were. */
export function paint(context: CanvasRenderingContext2D, prepared: Prepared, frame: Paint): number {
  const { scene } = prepared;
  const { view, panel, density } = frame;
  const sight: Sight = {
    left: -view.x / view.scale,
    top: -view.y / view.scale,
    right: (panel.width - view.x) / view.scale,
    bottom: (panel.height - view.y) / view.scale,
  };
  context.setTransform(density, 0, 0, density, 0, 0);
  context.globalAlpha = 1;
  context.setLineDash([]);
  context.fillStyle = scene.theme.background;
  context.fillRect(0, 0, panel.width, panel.height);
  toWorldUnits(context, frame);
  let drawn = paintGround(context, prepared, view.scale, sight);
  if (view.scale >= STUBS_FROM) {
    paintStubs(context, prepared, view.scale, sight);
  }
  for (const batch of prepared.nodes) {
    drawn += paintNodes(context, batch, view.scale, sight);
  }
  paintBlocks(context, scene, sight);
  for (const batch of prepared.bold) {
    drawn += strokeLines(context, batch, view.scale, sight);
  }
  context.setTransform(density, 0, 0, density, 0, 0);
  paintLabels(context, scene, view, sight);
  paintMarks(context, scene, view, sight);
  return drawn;
}

function toWorldUnits(context: CanvasRenderingContext2D, { view, density }: Paint): void {
  context.setTransform(density * view.scale, 0, 0, density * view.scale, density * view.x, density * view.y);
}

/** Cards and the links between what stands on them, from the outermost in: a pod's card covers what passes behind it. */
function paintGround(context: CanvasRenderingContext2D, prepared: Prepared, scale: number, sight: Sight): number {
  const { scene } = prepared;
  let drawn = 0;
  for (let depth = 0; depth < prepared.depths; depth++) {
    const cards = new Path2D();
    let fill = '';
    for (const card of scene.cards) {
      if (card.depth === depth && touches(card, sight)) {
        fill = card.fill;
        cards.roundRect(card.x, card.y, card.w, card.h, Math.min(0.5, 6 / scale));
      }
    }
    context.globalAlpha = 1;
    context.fillStyle = fill;
    context.fill(cards);
    context.strokeStyle = scene.theme.cardEdge;
    context.lineWidth = 1 / scale;
    context.setLineDash([]);
    context.stroke(cards);
    const here = prepared.plain.filter((batch) => batch.like.depth === depth);
    const paths = here.map((batch) => ({ batch, ...pathOf(batch, sight) }));
    const count = paths.reduce((sum, one) => sum + one.count, 0);
    // Many lines at once are a haze through which busy ones must still be seen.
    const haze = Math.min(0.85, Math.max(0.08, 9 / Math.sqrt(count + 1)));
    const steep = 1.5 + Math.max(0, Math.log10((count + 1) / 100));
    for (const { batch, path } of paths) {
      const alpha = haze + (0.95 - haze) * (batch.like.rank / (STEPS - 1)) ** steep;
      strokePath(context, batch.like, path, scale, batch.like.dim ? alpha * DIM : alpha);
    }
    drawn += count;
  }
  return drawn;
}

function strokeLines(context: CanvasRenderingContext2D, batch: LineBatch, scale: number, sight: Sight): number {
  const { path, count } = pathOf(batch, sight);
  if (count) {
    strokePath(context, batch.like, path, scale, batch.like.dim ? DIM : 1);
  }
  return count;
}

const DASHES: Record<SceneLine['dash'], readonly number[]> = { solid: [], dashed: [6, 4], dotted: [1.5, 3] };

function strokePath(
  context: CanvasRenderingContext2D,
  like: SceneLine,
  path: Path2D,
  scale: number,
  alpha: number
): void {
  context.globalAlpha = alpha;
  context.strokeStyle = like.color;
  context.lineWidth = like.px / scale;
  context.setLineDash(DASHES[like.dash].map((px) => px / scale));
  context.stroke(path);
  context.setLineDash([]);
  context.globalAlpha = 1;
}

function paintStubs(context: CanvasRenderingContext2D, prepared: Prepared, scale: number, sight: Sight): void {
  const { path } = pathOf(prepared.trunks, sight);
  context.strokeStyle = prepared.scene.theme.link;
  context.globalAlpha = 0.6;
  context.lineWidth = 1 / scale;
  context.stroke(path);
  context.globalAlpha = 1;
  for (const batch of prepared.stubs) {
    strokeLines(context, batch, scale, sight);
  }
}

function paintNodes(context: CanvasRenderingContext2D, batch: NodeBatch, scale: number, sight: Sight): number {
  const { like } = batch;
  const { path, count } = pathOf(batch, sight);
  if (!count) {
    return 0;
  }
  context.globalAlpha = like.dim ? 0.35 : 1;
  if (like.fill) {
    context.fillStyle = like.fill;
    context.fill(path);
  }
  if (like.edge) {
    context.strokeStyle = like.edge;
    context.lineWidth = (like.ofRun || like.dashed ? 2 : 1) / scale;
    context.setLineDash(like.dashed ? [3 / scale, 2 / scale] : []);
    context.stroke(path);
    context.setLineDash([]);
  }
  context.globalAlpha = 1;
  return count;
}

function paintBlocks(context: CanvasRenderingContext2D, scene: Scene, sight: Sight): void {
  for (const block of scene.blocks.filter((one) => touches(one, sight))) {
    context.globalAlpha = block.dim ? 0.35 : 1;
    context.fillStyle = block.fill;
    context.fillRect(block.x, block.y, block.w, block.h);
    if (block.ofRun) {
      context.fillStyle = scene.theme.run;
      context.fillRect(block.x, block.y + block.h - 0.35, block.w, 0.35);
    }
  }
  context.globalAlpha = 1;
}

/** The text of the first of these that fits. */
function fitting(context: CanvasRenderingContext2D, texts: readonly string[], width: number): string | undefined {
  return texts.find((text) => widthOf(context, text) <= width);
}

const WIDTHS = new Map<string, number>();
const MOST_WIDTHS = 50_000;

/** Measuring a text takes longer than drawing it. */
function widthOf(context: CanvasRenderingContext2D, text: string): number {
  const key = `${context.font} ${text}`;
  let width = WIDTHS.get(key);
  if (width === undefined) {
    if (WIDTHS.size > MOST_WIDTHS) {
      WIDTHS.clear();
    }
    width = context.measureText(text).width;
    WIDTHS.set(key, width);
  }
  return width;
}

function paintLabels(context: CanvasRenderingContext2D, scene: Scene, view: Viewport, sight: Sight): void {
  const { theme } = scene;
  const x = (world: number) => world * view.scale + view.x;
  const y = (world: number) => world * view.scale + view.y;
  context.textBaseline = 'middle';
  context.textAlign = 'left';
  context.font = `${TITLE_PX}px ${theme.font}`;
  context.fillStyle = theme.faint;
  for (const card of scene.cards) {
    if (card.titles.length && touches(card, sight) && card.title * view.scale >= TITLE_PX) {
      const text = fitting(context, card.titles, card.w * view.scale - 10);
      context.fillText(text ?? '', x(card.x) + 5, y(card.y + card.title / 2));
    }
  }
  context.textAlign = 'center';
  for (const [kind, px, least] of [
    ['switch', LABEL_PX, 13],
    ['host', SMALL_PX, NAMES_FROM],
  ] as const) {
    context.font = `${px}px ${theme.font}`;
    for (const node of scene.nodes) {
      if (node.kind === kind && node.h * view.scale >= least && touches(node, sight)) {
        const text = fitting(context, node.labels, node.w * view.scale - 4);
        context.globalAlpha = node.dim ? 0.5 : 1;
        context.fillStyle = node.fill && !node.dim ? inkOn(node.fill) : theme.text;
        context.fillText(text ?? '', x(node.x + node.w / 2), y(node.y + node.h / 2));
      }
    }
  }
  context.globalAlpha = 1;
  paintBlockLabels(context, scene, view, sight);
}

function paintBlockLabels(
  context: CanvasRenderingContext2D,
  { blocks, theme }: Scene,
  view: Viewport,
  sight: Sight
): void {
  for (const block of blocks) {
    if (block.h * view.scale >= 13 && touches(block, sight)) {
      const text = fitting(context, block.labels, block.w * view.scale - 6);
      context.globalAlpha = block.dim ? 0.5 : 1;
      context.fillStyle = block.dim ? theme.text : inkOn(block.fill);
      const middle = { x: block.x + block.w / 2, y: block.y + block.h / 2 };
      context.fillText(text ?? '', middle.x * view.scale + view.x, middle.y * view.scale + view.y);
    }
  }
  context.globalAlpha = 1;
}

/** Black or white, whichever reads better on a colour (by its luminance, ITU-R BT.709). */
export function inkOn(color: string): string {
  const [red, green, blue] = [1, 3, 5].map((at) => parseInt(color.slice(at, at + 2), 16));
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue > 140 ? '#14161a' : '#f4f5f8';
}

/** Rows of nodes and links under the pointer, or found. */
export interface Pointed {
  readonly nodes: readonly number[];
  readonly links: readonly number[];
}

/** What the pointer is on, on a canvas of its own: boxes framed, lines drawn again in the text's colour. */
export function paintPointed(context: CanvasRenderingContext2D, scene: Scene, frame: Paint, pointed: Pointed): void {
  context.setTransform(1, 0, 0, 1, 0, 0);
  context.clearRect(0, 0, context.canvas.width, context.canvas.height);
  const nodes = new Set(pointed.nodes);
  const links = new Set(pointed.links);
  if (!nodes.size && !links.size) {
    return;
  }
  toWorldUnits(context, frame);
  const { scale } = frame.view;
  context.strokeStyle = scene.theme.text;
  context.lineWidth = 2 / scale;
  for (const line of scene.lines) {
    if (links.has(line.link)) {
      const path = new Path2D();
      addLine(path, line);
      context.stroke(path);
    }
  }
  for (const node of scene.nodes) {
    if (nodes.has(node.node)) {
      context.strokeRect(node.x - 2 / scale, node.y - 2 / scale, node.w + 4 / scale, node.h + 4 / scale);
    }
  }
}

function touches(box: { x: number; y: number; w: number; h: number }, sight: Sight): boolean {
  return box.x <= sight.right && box.x + box.w >= sight.left && box.y <= sight.bottom && box.y + box.h >= sight.top;
}
