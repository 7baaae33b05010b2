import { BAR_STEPS, clock, lengthText, spanOf, stepAt, timeAt, typedTime } from './moments';

const NOW = Date.UTC(2026, 10, 26, 6, 0, 0);
const DAY = 86_400_000;

it('tells a time and a length as people read them', () => {
  expect(clock(NOW)).toBe('2026-11-26 06:00:00');
  expect([23_000, 119_000, 120_000, 5_400_000, 3 * 3_600_000, 2 * DAY, -5].map(lengthText)).toEqual([
    '23 s',
    '119 s',
    '2 min',
    '90 min',
    '3 h',
    '2 d',
    '0 s',
  ]);
});

it('has a bar from a time ago, but not from before anything was seen, to now', () => {
  expect(spanOf(NOW, DAY, NOW - 7 * DAY)).toEqual({ fromMs: NOW - DAY, toMs: NOW });
  expect(spanOf(NOW, DAY, NOW - 3_600_000)).toEqual({ fromMs: NOW - 3_600_000, toMs: NOW });
  expect(spanOf(NOW, 0, NOW - 30 * DAY)).toEqual({ fromMs: NOW - 30 * DAY, toMs: NOW });
  expect(spanOf(NOW, DAY, NOW)).toEqual({ fromMs: NOW - 60_000, toMs: NOW });
});

it('means now by the right end of the bar, and by no other step', () => {
  const span = { fromMs: NOW - DAY, toMs: NOW };
  expect(timeAt(span, BAR_STEPS)).toBeNull();
  expect(timeAt(span, 0)).toBe(NOW - DAY);
  expect(timeAt(span, 500)).toBe(NOW - DAY / 2);
  expect([stepAt(span, null), stepAt(span, NOW - DAY / 2), stepAt(span, NOW), stepAt(span, 0)]).toEqual([
    BAR_STEPS,
    500,
    BAR_STEPS - 1,
    0,
  ]);
});

it('reads a typed time as UTC', () => {
  expect(typedTime('2026-11-26 06:00')).toBe(NOW);
  expect(typedTime(' 2026-11-26T06:00:30Z ')).toBe(NOW + 30_000);
  expect([typedTime('yesterday'), typedTime('2026-13-40 99:00'), typedTime('')]).toEqual([null, null, null]);
});
