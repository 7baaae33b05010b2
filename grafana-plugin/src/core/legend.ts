/** What the colours and shapes of a scene mean: as data, and as elements of a page. Only what is in the picture is told. */

import { type Scale, stepColors, type Theme, valueText } from './colors';
import { paintMark } from './marks';
import { type MarkKind, MARKS, type Scene } from './scene';
import type { Run } from './model';

export interface Legend {
  readonly marks: ReadonlyArray<{ readonly kind: MarkKind; readonly color: string; readonly text: string }>;
  readonly scale: {
    readonly colors: readonly string[];
    readonly ticks: readonly string[];
    readonly title: string;
  } | null;
  readonly run: ReadonlyArray<{ readonly dash: 'solid' | 'dashed'; readonly text: string }>;
}

const MEANING: Record<MarkKind, [one: string, many: string]> = {
  vanished: ['host vanished', 'hosts vanished'],
  silent: ['host does not answer', 'hosts do not answer'],
  down: ['link down', 'links down'],
  degraded: ['link below its like', 'links below their like'],
  unsure: ['link not confirmed', 'links not confirmed'],
};

export function legendOf(scene: Scene, scale: Scale | null, run: Run | null): Legend {
  const counts = new Map<MarkKind, number>();
  scene.marks.forEach((mark) => counts.set(mark.kind, (counts.get(mark.kind) ?? 0) + mark.count));
  const marks = MARKS.filter((kind) => counts.has(kind)).map((kind) => {
    const count = counts.get(kind) ?? 0;
    return { kind, color: scene.theme[kind], text: `${count} ${MEANING[kind][count === 1 ? 0 : 1]}` };
  });
  return { marks, scale: scale && scaleLegend(scene.theme, scale), run: run ? runLegend(run) : [] };
}

function scaleLegend(theme: Theme, scale: Scale): Legend['scale'] {
  const middle = scale.kind === 'errors' ? Math.expm1(Math.log1p(scale.max) / 2) : scale.max / 2;
  const ticks = [0, middle, scale.max].map((value) => valueText(scale.kind, value));
  const title = scale.kind === 'errors' ? 'Errors of a link' : 'Traffic of a link, its busier way';
  return { colors: stepColors(theme, scale.kind), ticks, title };
}

function runLegend(run: Run): Legend['run'] {
  const bases = new Set(run.links.values());
  const certain = bases.has('host_link') || bases.has('static');
  return [
    ...(certain ? [{ dash: 'solid' as const, text: `${run.name}: crosses it` }] : []),
    ...(bases.has('possible') ? [{ dash: 'dashed' as const, text: `${run.name}: may cross it` }] : []),
  ];
}

const SWATCH = { width: 22, height: 18 };

/** Fill an element with the legend, anew. */
export function showLegend(element: HTMLElement, legend: Legend, theme: Theme): void {
  const page = element.ownerDocument;
  element.replaceChildren();
  const entry = (text: string, draw: (context: CanvasRenderingContext2D) => void) => {
    const item = page.createElement('span');
    Object.assign(item.style, { display: 'inline-flex', alignItems: 'center', gap: '6px', marginRight: '16px' });
    item.append(swatch(page, draw), text);
    element.append(item);
  };
  Object.assign(element.style, { display: 'flex', flexWrap: 'wrap', color: theme.text, font: `12px ${theme.font}` });
  for (const { kind, color, text } of legend.marks) {
    entry(text, (context) => paintMark(context, { kind, color, count: 1 }, 11, 9, 6.5, theme.background));
  }
  for (const { dash, text } of legend.run) {
    entry(text, (context) => {
      context.strokeStyle = theme.run;
      context.lineWidth = 2.5;
      context.setLineDash(dash === 'dashed' ? [5, 3] : []);
      context.beginPath();
      context.moveTo(0, 9);
      context.lineTo(SWATCH.width, 9);
      context.stroke();
    });
  }
  if (legend.scale) {
    element.append(scaleElement(page, legend.scale));
  }
}

function swatch(page: Document, draw: (context: CanvasRenderingContext2D) => void): HTMLCanvasElement {
  const canvas = page.createElement('canvas');
  const density = page.defaultView?.devicePixelRatio ?? 1;
  canvas.width = SWATCH.width * density;
  canvas.height = SWATCH.height * density;
  Object.assign(canvas.style, { width: `${SWATCH.width}px`, height: `${SWATCH.height}px` });
  canvas.setAttribute('aria-hidden', 'true');
  const context = canvas.getContext('2d');
  if (context) {
    context.scale(density, density);
    draw(context);
  }
  return canvas;
}

function scaleElement(page: Document, scale: NonNullable<Legend['scale']>): HTMLElement {
  const element = page.createElement('span');
  Object.assign(element.style, { display: 'inline-flex', alignItems: 'center', gap: '6px', height: '18px' });
  const bar = page.createElement('span');
  const background = `linear-gradient(to right, ${scale.colors.join(', ')})`;
  Object.assign(bar.style, { width: '120px', height: '10px', borderRadius: '2px', background });
  element.title = scale.title;
  element.append(scale.ticks[0], bar, scale.ticks[scale.ticks.length - 1]);
  return element;
}
