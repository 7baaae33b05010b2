/** Times for people, and the time bar: pure. */

/** `2026-11-26 05:52:50`, UTC. */
export function clock(ms: number): string {
  return new Date(ms).toISOString().slice(0, 19).replace('T', ' ');
}

const UNITS: ReadonlyArray<readonly [number, string]> = [
  [86_400_000, 'd'],
  [3_600_000, 'h'],
  [60_000, 'min'],
];

/** A length of time in its largest unit of which there are two: `23 s`, `90 min`, `5 h`. */
export function lengthText(ms: number): string {
  const whole = Math.max(0, ms);
  const [unit, name] = UNITS.find(([size]) => whole >= 2 * size) ?? [1000, 's'];
  return `${Math.floor(whole / unit)} ${name}`;
}

/** The stretch of time that the bar covers; its right end is now. */
export interface Span {
  readonly fromMs: number;
  readonly toMs: number;
}

/** Steps of the bar, from its left end to now. */
export const BAR_STEPS = 1000;

/** The bar's stretch: so long before now (0: all that is known), but not from before anything was seen. */
export function spanOf(nowMs: number, lengthMs: number, firstMs: number): Span {
  const from = lengthMs ? nowMs - lengthMs : firstMs;
  return { fromMs: Math.min(nowMs - 60_000, Math.max(from, firstMs)), toMs: nowMs };
}

/** The time of a step of the bar; null: its right end, which follows the clock. */
export function timeAt(span: Span, step: number): number | null {
  return step >= BAR_STEPS ? null : Math.round(span.fromMs + ((span.toMs - span.fromMs) * step) / BAR_STEPS);
}

/** The step nearest to a time. */
export function stepAt(span: Span, ms: number | null): number {
  if (ms === null) {
    return BAR_STEPS;
  }
  const share = (ms - span.fromMs) / (span.toMs - span.fromMs);
  return Math.min(BAR_STEPS - 1, Math.max(0, Math.round(share * BAR_STEPS)));
}

/** A time typed as `2026-11-26 05:52`, with seconds or without, UTC. Null: not a time. */
export function typedTime(text: string): number | null {
  const match = /^(\d{4}-\d\d-\d\d)[ T](\d\d:\d\d(?::\d\d)?)(?:\.\d+)?Z?$/.exec(text.trim());
  const ms = match ? Date.parse(`${match[1]}T${match[2]}Z`) : NaN;
  return Number.isNaN(ms) ? null : ms;
}
