import { dateTime } from '@grafana/data';

import { pageOf, rangeOf, shifted, urlOf, valuesOf, type Page } from './place';

const APP = '/a/weft-fabric-app';

describe('a path', () => {
  test.each<[string, Page | null]>([
    ['', { at: 'jobs' }],
    ['/', { at: 'jobs' }],
    ['/jobs', { at: 'jobs' }],
    ['/jobs/', { at: 'jobs' }],
    ['/jobs/4711', { at: 'job', job: '4711' }],
    ['/jobs/demo%3A4711%401795661200000', { at: 'job', job: 'demo:4711@1795661200000' }],
    ['/fabric', { at: 'fabric' }],
    ['/cables/c601b411f06', { at: 'cable', cable: 'c601b411f06' }],
    ['/cables/leaf01/17', { at: 'cable', cable: 'leaf01/17' }],
    ['/cables/leaf01%2F17', { at: 'cable', cable: 'leaf01/17' }],
    ['/jobs/%zz', { at: 'job', job: '%zz' }],
    ['/logs', { at: 'logs' }],
    ['/logs/old', { at: 'nowhere', path: `${APP}/logs/old` }],
    ['/elsewhere', { at: 'nowhere', path: `${APP}/elsewhere` }],
  ])('%s is its page', (path, page) => expect(pageOf(APP + path)).toEqual(page));

  test.each(['/', '/dashboards', '/a/weft-fabric-app2/jobs'])('%s is none of ours', (path) =>
    expect(pageOf(path)).toBeNull()
  );

  test.each<Page>([
    { at: 'jobs' },
    { at: 'job', job: '4711_5' },
    { at: 'job', job: 'alps:4711+1' },
    { at: 'cable', cable: 'leaf01/17' },
    { at: 'cable', cable: 'a b%c' },
    { at: 'logs' },
  ])('of %j leads back to it', (page) => expect(pageOf(urlOf(page))).toEqual(page));
});

test('a link keeps which Weft is asked and the time zone, and nothing else that it does not say', () => {
  const before = new URLSearchParams('ds=weft2&timezone=utc&from=now-1h&find=x');
  expect(urlOf({ at: 'jobs' }, { user: 'alice', state: undefined, host: '' }, before)).toBe(
    `${APP}/jobs?ds=weft2&timezone=utc&user=alice`
  );
  expect(urlOf({ at: 'logs' }, { query: 'a & b' })).toBe(`${APP}/logs?query=a+%26+b`);
});

describe('a time range', () => {
  const OWN = { from: 'now-6h', to: 'now' };

  test('of epoch milliseconds is absolute', () => {
    const range = rangeOf('1795661200000', '1795668400000', OWN);
    expect([range.from.valueOf(), range.to.valueOf()]).toEqual([1795661200000, 1795668400000]);
    expect(valuesOf(range)).toEqual({ from: '1795661200000', to: '1795668400000' });
  });

  test('of expressions stays one, and has its length', () => {
    const range = rangeOf('now-1h', 'now', OWN);
    expect(range.raw).toEqual({ from: 'now-1h', to: 'now' });
    expect(range.to.valueOf() - range.from.valueOf()).toBeCloseTo(3_600_000, -3);
  });

  test('may begin at a moment and end now, as a running job does', () => {
    const range = rangeOf(null, null, { from: '1795661200000', to: 'now' });
    expect(range.from.valueOf()).toBe(1795661200000);
    expect(valuesOf(range)).toEqual({ from: '1795661200000', to: 'now' });
  });

  test('of ISO 8601 is understood', () => {
    expect(rangeOf('2026-11-26T00:00:00Z', 'now', OWN).from.valueOf()).toBe(Date.UTC(2026, 10, 26));
  });

  test.each([
    [null, null],
    ['', 'x'],
    ['now-', 'nowhere'],
  ])("of %p to %p is the page's own", (from, to) => expect(rangeOf(from, to, OWN).raw).toEqual(OWN));

  test('the wrong way round is turned', () => {
    const range = rangeOf('2000', '1000', OWN);
    expect([range.from.valueOf(), range.to.valueOf()]).toEqual([1000, 2000]);
  });

  test('moves by half of itself, and grows round its middle', () => {
    const [from, to] = [dateTime(1000), dateTime(2000)];
    const range = { from, to, raw: { from, to } };
    const ends = (one: typeof range) => [one.from.valueOf(), one.to.valueOf()];
    expect(ends(shifted(range, { by: -0.5 }) as typeof range)).toEqual([500, 1500]);
    expect(ends(shifted(range, { by: 0.5 }) as typeof range)).toEqual([1500, 2500]);
    expect(ends(shifted(range, { wider: 2 }) as typeof range)).toEqual([500, 2500]);
  });
});
