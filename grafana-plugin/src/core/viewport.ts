/** Where the picture stands in the panel: screen = world * scale + (x, y), in CSS pixels. Pure functions. */

import type { Box } from './layout';

export interface Viewport {
  readonly scale: number;
  readonly x: number;
  readonly y: number;
}

export interface Extent {
  readonly width: number;
  readonly height: number;
}

const MARGIN = 12;
/** A host's cell is drawn at most this large, in pixels. */
const LARGEST = 90;
/** The picture can be made this much smaller than the panel. */
const SMALLEST = 0.6;

/** The whole picture in the middle of the panel. */
export function fit(world: Extent, panel: Extent): Viewport {
  const across = (panel.width - 2 * MARGIN) / Math.max(1, world.width);
  const down = (panel.height - 2 * MARGIN) / Math.max(1, world.height);
  const scale = Math.min(LARGEST, Math.max(0.01, Math.min(across, down)));
  return { scale, x: (panel.width - world.width * scale) / 2, y: (panel.height - world.height * scale) / 2 };
}

/** Zoomed about a point of the panel, which stays where it is. */
export function zoomAt(
  view: Viewport,
  factor: number,
  at: { x: number; y: number },
  world: Extent,
  panel: Extent
): Viewport {
  const least = fit(world, panel).scale * SMALLEST;
  const scale = Math.min(LARGEST, Math.max(least, view.scale * factor));
  const real = scale / view.scale;
  return kept({ scale, x: at.x - (at.x - view.x) * real, y: at.y - (at.y - view.y) * real }, world, panel);
}

/** Moved by pixels. */
export function pan(view: Viewport, dx: number, dy: number, world: Extent, panel: Extent): Viewport {
  return kept({ ...view, x: view.x + dx, y: view.y + dy }, world, panel);
}

/** A box in the middle of the panel, large enough to be read. */
export function centreOn(view: Viewport, box: Box, world: Extent, panel: Extent): Viewport {
  const scale = Math.min(LARGEST, Math.max(view.scale, READABLE));
  const x = panel.width / 2 - (box.x + box.w / 2) * scale;
  const y = panel.height / 2 - (box.y + box.h / 2) * scale;
  return kept({ scale, x, y }, world, panel);
}

/** Pixels a unit at which names of hosts can be read. */
const READABLE = 44;

/** With the picture in sight: the middle of the panel always shows a part of it. */
function kept(view: Viewport, world: Extent, panel: Extent): Viewport {
  const x = Math.min(panel.width / 2, Math.max(panel.width / 2 - world.width * view.scale, view.x));
  const y = Math.min(panel.height / 2, Math.max(panel.height / 2 - world.height * view.scale, view.y));
  return { ...view, x, y };
}

export function toWorld(view: Viewport, at: { x: number; y: number }): { x: number; y: number } {
  return { x: (at.x - view.x) / view.scale, y: (at.y - view.y) / view.scale };
}
