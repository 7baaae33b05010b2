/**
 * Colours: two themes, and scales for traffic and errors.
 *
 * No two meanings differ by hue alone: marks have shapes, links that are down or possible are dashed. The scales rise in
 * lightness (dark theme) or fall (light theme), so that they read without colour vision and in grey; the marks' colours
 * are those that Okabe and Ito chose for every kind of it (jfly.uni-koeln.de/color).
 */

export interface Theme {
  readonly background: string;
  /** The ground under groups, by depth; the last one for all below. */
  readonly cards: readonly string[];
  readonly cardEdge: string;
  readonly text: string;
  readonly faint: string;
  readonly switchFill: string;
  readonly switchEdge: string;
  readonly host: string;
  readonly link: string;
  readonly run: string;
  readonly vanished: string;
  readonly silent: string;
  readonly down: string;
  readonly degraded: string;
  readonly unsure: string;
  readonly traffic: readonly string[];
  readonly errors: readonly string[];
  readonly font: string;
}

const FONT = 'Inter, "Helvetica Neue", Arial, sans-serif';

export const DARK: Theme = {
  background: '#111217',
  cards: ['#15171d', '#1b1e26', '#21252f'],
  cardEdge: '#2c313d',
  text: '#d8dbe6',
  faint: '#8e94a6',
  switchFill: '#3a4358',
  switchEdge: '#66718c',
  host: '#566078',
  link: '#7c859c',
  run: '#56b4e9',
  vanished: '#ff6f3c',
  silent: '#ff6f3c',
  down: '#ff6f3c',
  degraded: '#f0c000',
  unsure: '#cc79a7',
  traffic: ['#34425e', '#2c6d8e', '#25938a', '#7ec95b', '#fde725'],
  errors: ['#6b4630', '#b3592b', '#ee7733', '#ffb380', '#fff0e0'],
  font: FONT,
};

export const LIGHT: Theme = {
  background: '#ffffff',
  cards: ['#fafbfc', '#f2f4f7', '#e9edf2'],
  cardEdge: '#d5dae2',
  text: '#24292e',
  faint: '#5f6773',
  switchFill: '#c3cbd8',
  switchEdge: '#8792a5',
  host: '#a9b3c2',
  link: '#8b95a5',
  run: '#0072b2',
  vanished: '#d55e00',
  silent: '#d55e00',
  down: '#d55e00',
  degraded: '#b87a00',
  unsure: '#a8497e',
  traffic: ['#cfd8e3', '#8fc6c1', '#3f9c94', '#2b668c', '#3a1f63'],
  errors: ['#f2ddcf', '#efb48a', '#dd7033', '#a83a10', '#5c1600'],
  font: FONT,
};

export type ValueKind = 'traffic' | 'errors';

/** Colours of a scale; a picture has no more than these, so that what has one colour can be drawn at once. */
export const STEPS = 16;

/** From 0 to `max`: traffic in bytes/s, evenly; errors in the window, by their order of magnitude. */
export interface Scale {
  readonly kind: ValueKind;
  readonly max: number;
}

/** The scale for these values (NaN: unknown): up to the next round number, or `max` where it is given. */
export function scaleFor(kind: ValueKind, values: Float64Array, max?: number): Scale {
  if (max !== undefined && max > 0) {
    return { kind, max };
  }
  const most = values.reduce((high, value) => (value > high ? value : high), 0);
  return { kind, max: roundUp(most) };
}

const ROUND = [1, 1.5, 2, 3, 4, 5, 6, 8, 10];

/** The next round number (1, 1.5, 2, 3, 4, 5, 6, 8, 10, 15, ...) that is not below; 1 for 0. */
export function roundUp(value: number): number {
  if (!(value > 0)) {
    return 1;
  }
  const power = 10 ** Math.floor(Math.log10(value));
  return (ROUND.find((one) => value <= one * power * (1 + 1e-9)) ?? 10) * power;
}

/** How far up the scale a value lies: 0 to 1, clipped; NaN for an unknown one. */
export function share(scale: Scale, value: number): number {
  const part = scale.kind === 'errors' ? Math.log1p(Math.max(0, value)) / Math.log1p(scale.max) : value / scale.max;
  return Math.min(1, Math.max(0, part));
}

/** The step of a value, 0 to STEPS - 1; -1: unknown, or no error at all, which is no colour of the scale. */
export function stepOf(scale: Scale, value: number): number {
  if (Number.isNaN(value) || (scale.kind === 'errors' && value <= 0)) {
    return -1;
  }
  return Math.min(STEPS - 1, Math.floor(share(scale, value) * STEPS));
}

/** The colours of a scale's steps, lowest first. */
export function stepColors(theme: Theme, kind: ValueKind): string[] {
  return Array.from({ length: STEPS }, (_, step) => mix(theme[kind], step / (STEPS - 1)));
}

/** A colour between stops, at 0 to 1. */
export function mix(stops: readonly string[], at: number): string {
  const place = at * (stops.length - 1);
  const below = Math.min(stops.length - 2, Math.floor(place));
  const [from, to] = [channels(stops[below]), channels(stops[below + 1])];
  const part = place - below;
  const mixed = from.map((value, i) => Math.round(value + (to[i] - value) * part));
  return `#${mixed.map((value) => value.toString(16).padStart(2, '0')).join('')}`;
}

/** Red, green and blue of `#rrggbb`, 0 to 255. */
export function channels(color: string): number[] {
  return [1, 3, 5].map((at) => parseInt(color.slice(at, at + 2), 16));
}

const PREFIXES = ['', 'k', 'M', 'G', 'T', 'P'];

/** A value for people: `1.25 GB/s`, `12 errors`; `no data` for an unknown one. */
export function valueText(kind: ValueKind, value: number): string {
  if (Number.isNaN(value)) {
    return 'no data';
  }
  if (kind === 'errors') {
    return value === 1 ? '1 error' : `${Number(value.toPrecision(3)).toLocaleString('en')} errors`;
  }
  const power = value >= 1 ? Math.min(PREFIXES.length - 1, Math.floor(Math.log10(value) / 3 + 1e-9)) : 0;
  return `${Number((value / 1000 ** power).toPrecision(3))} ${PREFIXES[power]}B/s`;
}
