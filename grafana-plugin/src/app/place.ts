/**
 * Where one is in the app, as its URL says it: the page in the path, all else that a page shows in the query. Pure.
 *
 * There are six pages and one level, so this matches them itself: Grafana shares react-router 5 in 10.1, 6 in the newest,
 * and a page written for one of them does not run in the other.
 */

import { dateMath, dateTime, type DateTime, type RawTimeRange, type TimeRange } from '@grafana/data';

export const APP = '/a/weft-fabric-app';

export type Page =
  | { readonly at: 'jobs' | 'fabric' | 'cables' | 'logs' }
  | { readonly at: 'job'; readonly job: string }
  | { readonly at: 'cable'; readonly cable: string }
  | { readonly at: 'nowhere'; readonly path: string };

const LISTS = ['jobs', 'fabric', 'cables', 'logs'] as const;

/** The page of a path; null: it is none of this app's. A cable may be named by a port, `leaf01/5`, as it stands. */
export function pageOf(pathname: string): Page | null {
  if (pathname !== APP && !pathname.startsWith(`${APP}/`)) {
    return null;
  }
  const [list = '', ...rest] = pathname
    .slice(APP.length)
    .split('/')
    .filter((part) => part !== '');
  const name = decoded(rest.join('/'));
  const known = LISTS.find((one) => one === list);
  if (name === '') {
    return list === '' ? { at: 'jobs' } : known ? { at: known } : { at: 'nowhere', path: pathname };
  }
  return list === 'jobs'
    ? { at: 'job', job: name }
    : list === 'cables'
      ? { at: 'cable', cable: name }
      : { at: 'nowhere', path: pathname };
}

/** What a person typed into the address bar may be no code at all. */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** Values of a query; what is undefined or empty is left out. */
export type Values = Readonly<Record<string, string | undefined>>;

/** What goes along from page to page: which Weft is asked, and in whose time. */
const KEPT = ['ds', 'timezone'] as const;

/** The URL of a page, without what Grafana itself may stand below. */
export function urlOf(page: Page, values: Values = {}, before = new URLSearchParams()): string {
  const query = new URLSearchParams();
  const kept = Object.fromEntries(KEPT.map((key) => [key, before.get(key) ?? undefined]));
  for (const [key, value] of Object.entries({ ...kept, ...values })) {
    if (value) {
      query.set(key, value);
    }
  }
  const text = query.toString();
  return pathOf(page) + (text && `?${text}`);
}

function pathOf(page: Page): string {
  switch (page.at) {
    case 'job':
      return `${APP}/jobs/${encodeURIComponent(page.job)}`;
    case 'cable':
      return `${APP}/cables/${page.cable.split('/').map(encodeURIComponent).join('/')}`;
    case 'nowhere':
      return page.path;
    default:
      return `${APP}/${page.at}`;
  }
}

/** An end of a time range as a URL has it: epoch ms, a moment, or an expression (`now-6h`); null: none of them. */
function timeOf(text: string | null): string | DateTime | null {
  if (!text) {
    return null;
  }
  if (dateMath.isMathString(text)) {
    return dateMath.isValid(text) ? text : null;
  }
  const ms = /^\d+$/.test(text) ? Number(text) : Date.parse(text);
  return Number.isNaN(ms) ? null : dateTime(ms);
}

/** The time range of `from` and `to`; each end that is missing or no time is the page's own. */
export function rangeOf(from: string | null, to: string | null, own: { from: string; to: string }): TimeRange {
  const raw: RawTimeRange = { from: timeOf(from) ?? timeOf(own.from) ?? '', to: timeOf(to) ?? timeOf(own.to) ?? '' };
  const range = {
    from: dateMath.parse(raw.from, false) ?? dateTime(0),
    to: dateMath.parse(raw.to, true) ?? dateTime(),
    raw,
  };
  return range.to.isBefore(range.from) ? { from: range.to, to: range.from, raw } : range;
}

/** A time range as a URL has it. */
export function valuesOf({ raw }: Pick<TimeRange, 'raw'>): { from: string; to: string } {
  const text = (one: string | DateTime) => (typeof one === 'string' ? one : String(one.valueOf()));
  return { from: text(raw.from), to: text(raw.to) };
}

/** The range moved by half its length (`by` = ±0.5), or made twice as long round its middle (`wider` = 2). */
export function shifted(range: TimeRange, { by = 0, wider = 1 }: { by?: number; wider?: number }): TimeRange {
  const [from, to] = [range.from.valueOf(), range.to.valueOf()];
  const middle = (from + to) / 2 + (to - from) * by;
  const half = ((to - from) / 2) * wider;
  const [start, end] = [dateTime(Math.round(middle - half)), dateTime(Math.round(middle + half))];
  return { from: start, to: end, raw: { from: start, to: end } };
}
