import {
  channels,
  DARK,
  LIGHT,
  mix,
  roundUp,
  type Scale,
  scaleFor,
  share,
  stepColors,
  stepOf,
  STEPS,
  type Theme,
  valueText,
} from './colors';

/** Relative luminance and contrast as WCAG 2.2 defines them. */
function luminance(color: string): number {
  const [red, green, blue] = channels(color).map((value) => {
    const part = value / 255;
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

function contrast(a: string, b: string): number {
  const [high, low] = [luminance(a), luminance(b)].sort((x, y) => y - x);
  return (high + 0.05) / (low + 0.05);
}

const TRAFFIC: Scale = { kind: 'traffic', max: 16 };

describe('colours between stops', () => {
  it.each([
    [['#000000', '#ffffff'], 0, '#000000'],
    [['#000000', '#ffffff'], 0.5, '#808080'],
    [['#000000', '#ffffff'], 1, '#ffffff'],
    [['#000000', '#ff0000', '#ff00ff'], 0.5, '#ff0000'],
    [['#000000', '#ff0000', '#ff00ff'], 0.75, '#ff0080'],
  ])('%j at %d', (stops, at, color) => {
    expect(mix(stops, at)).toBe(color);
  });
});

describe('a scale', () => {
  it.each([
    [0, 1],
    [1, 1],
    [1.2, 1.5],
    [9, 10],
    [10, 10],
    [12.4e9, 15e9],
    [731, 800],
    [0.003, 0.003],
    [NaN, 1],
  ])('for %d ends at %d', (value, end) => {
    expect(roundUp(value)).toBeCloseTo(end, 9);
  });

  it('ends at what is asked, whatever the values', () => {
    expect(scaleFor('traffic', Float64Array.of(3, NaN), 100)).toEqual({ kind: 'traffic', max: 100 });
    expect(scaleFor('traffic', Float64Array.of(3, NaN, 4.5))).toEqual({ kind: 'traffic', max: 5 });
    expect(scaleFor('errors', Float64Array.of(NaN))).toEqual({ kind: 'errors', max: 1 });
  });

  it('of traffic is even: 16 steps, 0 the first, the end the last', () => {
    expect([0, 0.99, 1, 8, 15.9, 16, 99].map((value) => stepOf(TRAFFIC, value))).toEqual([0, 0, 1, 8, 15, 15, 15]);
    expect(share(TRAFFIC, 4)).toBe(0.25);
  });

  it('of errors goes by order of magnitude, and no error is no colour', () => {
    const errors: Scale = { kind: 'errors', max: 99 };
    expect(share(errors, 9)).toBeCloseTo(0.5, 9); // log 10 / log 100
    expect([0, 9, 99].map((value) => stepOf(errors, value))).toEqual([-1, 8, 15]);
  });

  it('knows no colour for what is not known', () => {
    expect(stepOf(TRAFFIC, NaN)).toBe(-1);
  });
});

describe.each([
  ['dark', DARK, 1],
  ['light', LIGHT, -1],
] as Array<[string, Theme, number]>)('the %s theme', (_, theme, rises) => {
  it.each(['traffic', 'errors'] as const)('has %s colours that read in grey: each step stands out more', (kind) => {
    const colors = stepColors(theme, kind);
    expect(colors).toHaveLength(STEPS);
    const bright = colors.map(luminance);
    bright.slice(1).forEach((value, i) => expect((value - bright[i]) * rises).toBeGreaterThan(0));
  });

  it('has marks and text that stand out from the ground (WCAG: 3 to 1 for shapes, 4.5 to 1 for text)', () => {
    for (const ground of [theme.background, ...theme.cards]) {
      for (const kind of ['vanished', 'down', 'silent', 'degraded', 'unsure', 'run'] as const) {
        expect(contrast(theme[kind], ground)).toBeGreaterThan(2.99);
      }
      expect(contrast(theme.text, ground)).toBeGreaterThan(4.5);
      expect(contrast(theme.faint, ground)).toBeGreaterThan(4.5);
    }
  });
});

describe('values for people', () => {
  it.each([
    ['traffic', 0, '0 B/s'],
    ['traffic', 999, '999 B/s'],
    ['traffic', 1000, '1 kB/s'],
    ['traffic', 12_340_000_000, '12.3 GB/s'],
    ['traffic', NaN, 'no data'],
    ['errors', 1, '1 error'],
    ['errors', 12_345, '12,300 errors'],
  ] as const)('%s %d', (kind, value, text) => {
    expect(valueText(kind, value)).toBe(text);
  });
});
