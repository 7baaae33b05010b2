/**
 * One picture, drawn as the address asks: `?fabric=fat&hosts=3000&theme=dark&values=traffic&run=1&fold=1`. What a script
 * needs to look at it and to drive it hangs on `window.harness`.
 */

import { DARK, type Fabric, LIGHT, readFabric, readRun, showLegend, TopologyView, type ValueKind } from '../src/core';
import { type Answers, dragonfly, fatTree, islands, rails, torus } from './generate';

const FABRICS: Record<string, (hosts: number) => Answers> = {
  fat: fatTree,
  torus: () => torus(8, 8, 4),
  dragonfly: () => dragonfly(9, 8, 4),
  rails: () => rails(4, 32),
  islands,
};

const asked = new URLSearchParams(location.search);
const theme = asked.get('theme') === 'light' ? LIGHT : DARK;
const answers = FABRICS[asked.get('fabric') ?? 'fat'](Number(asked.get('hosts') ?? 324));
const text = JSON.stringify(answers);
const stage = document.getElementById('stage');
const legend = document.getElementById('legend');
if (!stage || !legend) {
  throw new Error('The page lacks its stage or its legend.');
}
document.body.style.background = theme.background;

const frames: number[] = [];
const view = new TopologyView(stage, theme, {
  onFrame: (ms) => frames.push(ms),
  onScene: (_, told) => showLegend(legend, told, theme),
});

/** From the answers as text, as they come over the network, to a picture on the screen. */
async function firstPicture(): Promise<{ fabric: Fabric; firstMs: number; readMs: number }> {
  const start = performance.now();
  const told = JSON.parse(text) as Answers;
  const fabric = readFabric(told);
  const readMs = performance.now() - start;
  view.setFabric(fabric);
  const kind = asked.get('values') as ValueKind | null;
  if (kind) {
    view.setValues({ kind, byPort: new Map(told[kind]) });
  }
  if (asked.has('run')) {
    view.setRun(readRun(fabric, 'Job 4711', told.ports, told.routes));
  }
  if (asked.has('fold')) {
    view.setFolded('all');
  }
  await nextFrame();
  await nextFrame(); // the one after it begins when the first one is on the screen
  return { fabric, firstMs: performance.now() - start, readMs };
}

function nextFrame(): Promise<number> {
  return new Promise((resolve) => requestAnimationFrame(resolve));
}

/** Zoom in, move about, zoom out; script milliseconds of each frame, and milliseconds from frame to frame. */
async function drive(steps: number): Promise<{ script: number[]; between: number[] }> {
  frames.length = 0;
  const between: number[] = [];
  let last = await nextFrame();
  for (let step = 0; step < steps; step++) {
    const t = step / steps;
    if (t < 0.35) {
      view.zoomBy(1.05, { x: 500, y: 400 });
    } else if (t < 0.65) {
      view.panBy(Math.cos(t * 40) * 25, Math.sin(t * 30) * 18);
    } else {
      view.zoomBy(1 / 1.05, { x: 700, y: 350 });
    }
    const now = await nextFrame();
    between.push(now - last);
    last = now;
  }
  return { script: [...frames], between };
}

const ready = firstPicture();
const harness = { view, ready, drive };
export type Harness = typeof harness;
Object.assign(window, { harness });
