/** What lies under a point of the picture. */

import { STUB_REACH } from './layout';
import type { Scene, SceneLine } from './scene';

export type Hit =
  | { readonly kind: 'node'; readonly node: number }
  | { readonly kind: 'block'; readonly block: number }
  | { readonly kind: 'link'; readonly link: number };

/**
 * The thing at a place, null none: a mark first (it is what was aimed at), then boxes, then the nearest line.
 *
 * Args: x, y in units; `slack`: how far from a mark or a line still counts, in units.
 */
export function hitAt(scene: Scene, x: number, y: number, slack: number): Hit | null {
  const mark = scene.marks.find((one) => Math.hypot(one.x - x, one.y - y) <= slack);
  if (mark) {
    return 'node' in mark.of
      ? { kind: 'node', node: mark.of.node }
      : 'link' in mark.of
        ? { kind: 'link', link: mark.of.link }
        : { kind: 'block', block: mark.of.block };
  }
  const holds = (box: { x: number; y: number; w: number; h: number }) =>
    x >= box.x && x <= box.x + box.w && y >= box.y && y <= box.y + box.h;
  const node = scene.nodes.find(holds);
  if (node) {
    return { kind: 'node', node: node.node };
  }
  const block = scene.blocks.find(holds);
  if (block) {
    return { kind: 'block', block: block.block };
  }
  const line = nearestLine(scene.lines, x, y, slack);
  return line ? { kind: 'link', link: line.link } : null;
}

/** The nearest line within reach; those of a run or with a mark before others. */
function nearestLine(lines: readonly SceneLine[], x: number, y: number, slack: number): SceneLine | null {
  let found: SceneLine | null = null;
  let least = slack;
  for (const line of lines) {
    const near = line.way === 'stub' ? Math.min(slack, STUB_REACH) : slack;
    const left = Math.min(line.x1, line.x2) - near;
    const right = Math.max(line.x1, line.x2) + near;
    const top = Math.min(line.y1, line.y2) - near - line.bend;
    const bottom = Math.max(line.y1, line.y2) + near;
    if (x < left || x > right || y < top || y > bottom) {
      continue;
    }
    const far = distanceTo(line, x, y) * (line.bold ? 0.5 : 1);
    if (far <= Math.min(least, near)) {
      [found, least] = [line, far];
    }
  }
  return found;
}

const PIECES = 12;

/** How far a point is from a line, or from a curve in pieces. */
export function distanceTo(line: Pick<SceneLine, 'x1' | 'y1' | 'x2' | 'y2' | 'bend'>, x: number, y: number): number {
  const { x1, y1, x2, y2, bend } = line;
  if (!bend) {
    return toSegment(x1, y1, x2, y2, x, y);
  }
  const at = (t: number): [number, number] => {
    const [cx, cy] = [(x1 + x2) / 2, (y1 + y2) / 2 - bend];
    const s = 1 - t;
    return [s * s * x1 + 2 * s * t * cx + t * t * x2, s * s * y1 + 2 * s * t * cy + t * t * y2];
  };
  let least = Infinity;
  for (let i = 0; i < PIECES; i++) {
    least = Math.min(least, toSegment(...at(i / PIECES), ...at((i + 1) / PIECES), x, y));
  }
  return least;
}

function toSegment(x1: number, y1: number, x2: number, y2: number, x: number, y: number): number {
  const [dx, dy] = [x2 - x1, y2 - y1];
  const along = dx || dy ? ((x - x1) * dx + (y - y1) * dy) / (dx * dx + dy * dy) : 0;
  const t = Math.min(1, Math.max(0, along));
  return Math.hypot(x1 + t * dx - x, y1 + t * dy - y);
}
