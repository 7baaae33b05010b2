/** The time bar: a slider from some time ago to now, a field for an exact time, and marks where something changed. */

import type { Change } from './lists';
import { BAR_STEPS, clock, lengthText, type Span, spanOf, stepAt, timeAt, typedTime } from './moments';

/** A slider is asked for many times on its way: the picture follows when it has rested so long. */
const REST_MS = 150;

export interface TimebarParts {
  readonly slider: HTMLInputElement;
  readonly field: HTMLInputElement;
  readonly length: HTMLSelectElement;
  readonly live: HTMLButtonElement;
  readonly marks: HTMLElement;
}

export class Timebar {
  private atMs: number | null = null;
  private firstMs = 0;
  private changes: readonly Change[] = [];
  private rest: ReturnType<typeof setTimeout> | null = null;

  /** `onTime`: another time is chosen, null: now. `onLength`: the bar covers another stretch. */
  constructor(
    private readonly parts: TimebarParts,
    private readonly now: () => number,
    private readonly onTime: (atMs: number | null) => void,
    onLength: () => void
  ) {
    parts.slider.max = String(BAR_STEPS);
    parts.slider.addEventListener('input', () => this.slid());
    parts.field.addEventListener('change', () => this.typed());
    parts.live.addEventListener('click', () => this.choose(null));
    parts.length.addEventListener('change', () => {
      this.draw();
      onLength();
    });
    this.draw();
  }

  get span(): Span {
    return spanOf(this.now(), Number(this.parts.length.value) * 1000, this.firstMs);
  }

  /** When the fabric was first seen. */
  setFirst(firstMs: number): void {
    this.firstMs = firstMs;
    this.draw();
  }

  setChanges(changes: readonly Change[]): void {
    this.changes = changes;
    this.draw();
  }

  choose(atMs: number | null): void {
    this.atMs = atMs;
    this.draw();
    this.onTime(atMs);
  }

  /** Put everything where it belongs; the right end moves with the clock. */
  draw(): void {
    const { slider, field, live, marks } = this.parts;
    const span = this.span;
    slider.value = String(stepAt(span, this.atMs));
    field.value = clock(this.atMs ?? span.toMs);
    field.setCustomValidity('');
    const ago = this.atMs === null ? 'now' : `${clock(this.atMs)}, ${lengthText(span.toMs - this.atMs)} ago`;
    slider.setAttribute('aria-valuetext', ago);
    live.setAttribute('aria-pressed', String(this.atMs === null));
    const page = marks.ownerDocument;
    marks.replaceChildren(
      ...this.changes
        .filter(({ atMs }) => atMs >= span.fromMs)
        .map((change) => {
          const mark = page.createElement('i');
          mark.className = change.severity;
          mark.title = `${clock(change.atMs)}: ${change.text}`;
          mark.style.left = `${(100 * (change.atMs - span.fromMs)) / (span.toMs - span.fromMs)}%`;
          mark.addEventListener('click', () => this.choose(change.atMs));
          return mark;
        })
    );
  }

  private slid(): void {
    this.atMs = timeAt(this.span, Number(this.parts.slider.value));
    this.draw();
    clearTimeout(this.rest ?? undefined);
    this.rest = setTimeout(() => this.onTime(this.atMs), REST_MS);
  }

  private typed(): void {
    const { field } = this.parts;
    const atMs = typedTime(field.value);
    if (atMs === null) {
      field.setCustomValidity('A time as 2026-11-26 05:52 (UTC).');
      field.reportValidity();
      return;
    }
    this.choose(atMs >= this.now() ? null : atMs);
  }
}
