/** Marks on a canvas: each kind has a shape of its own, and all keep a size at which it can be told. */

import type { Sight } from './paint';
import type { Scene, SceneMark } from './scene';
import type { Viewport } from './viewport';

const COUNT_PX = 10;
/** Pixels of a host's cell from which on its name is drawn. */
export const NAMES_FROM = 20;
const MARK_PX = { least: 6.5, most: 11 };

/** Marks keep a least size, so that they are seen from afar; those of one kind at one place are drawn once. */
export function paintMarks(context: CanvasRenderingContext2D, scene: Scene, view: Viewport, sight: Sight): void {
  const radius = Math.min(MARK_PX.most, Math.max(MARK_PX.least, view.scale * 0.42));
  const halo = scene.theme.background;
  const taken = new Set<string>();
  for (const mark of scene.marks) {
    if (mark.x < sight.left || mark.x > sight.right || mark.y < sight.top || mark.y > sight.bottom) {
      continue;
    }
    const column = view.scale >= NAMES_FROM ? mark.aside : mark.x;
    const [x, y] = [column * view.scale + view.x, mark.y * view.scale + view.y];
    const place = `${mark.kind} ${Math.round(x / radius)} ${Math.round(y / radius)}`;
    if (!taken.has(place)) {
      taken.add(place);
      paintMark(context, mark, x, y, radius, halo);
      if (mark.count > 1) {
        context.font = `bold ${COUNT_PX}px ${scene.theme.font}`;
        context.textAlign = 'left';
        context.fillStyle = scene.theme.text;
        context.fillText(String(mark.count), x + radius + 3, y);
      }
    }
  }
}

/** A cross, a bar, a ring, a triangle, a question mark: each on a disc that parts it from what lies below. */
export function paintMark(
  context: CanvasRenderingContext2D,
  mark: Pick<SceneMark, 'kind' | 'color' | 'count'>,
  x: number,
  y: number,
  radius: number,
  halo: string
): void {
  context.fillStyle = halo;
  context.beginPath();
  context.arc(x, y, radius + 1.5, 0, 2 * Math.PI);
  context.fill();
  context.strokeStyle = context.fillStyle = mark.color;
  context.lineWidth = Math.max(1.5, radius / 4);
  context.beginPath();
  const r = radius * 0.6;
  if (mark.kind === 'degraded') {
    context.moveTo(x, y - radius * 0.95);
    context.lineTo(x + radius * 0.9, y + radius * 0.65);
    context.lineTo(x - radius * 0.9, y + radius * 0.65);
    context.closePath();
    context.fill();
    return;
  }
  context.arc(x, y, radius, 0, 2 * Math.PI);
  if (mark.kind === 'vanished') {
    context.fill();
    context.beginPath();
    context.strokeStyle = halo;
    context.moveTo(x - r, y - r);
    context.lineTo(x + r, y + r);
    context.moveTo(x + r, y - r);
    context.lineTo(x - r, y + r);
  } else if (mark.kind === 'down') {
    context.fill();
    context.beginPath();
    context.strokeStyle = halo;
    context.moveTo(x - r, y);
    context.lineTo(x + r, y);
  } else if (mark.kind === 'unsure') {
    context.moveTo(x - r * 0.6, y - r * 0.3);
    context.quadraticCurveTo(x, y - r * 1.4, x + r * 0.5, y - r * 0.4);
    context.quadraticCurveTo(x, y, x, y + r * 0.4);
    context.moveTo(x, y + r * 0.8);
    context.lineTo(x, y + r);
  }
  context.stroke();
}
