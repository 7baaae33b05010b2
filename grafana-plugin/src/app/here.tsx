/** What every part of a page knows of its place: whom it asks, what its URL says, and how to change that. */

import { getTimeZone, type TimeRange } from '@grafana/data';
import { config, locationService } from '@grafana/runtime';
import type { TimeZone } from '@grafana/schema';
import React, { createContext, useContext, useState, useSyncExternalStore } from 'react';

import type { DataSource } from '../datasource/datasource';
import { rangeOf, urlOf, type Page, type Values } from './place';

export interface Here {
  readonly source: DataSource;
  readonly query: URLSearchParams;
  /** Rises when a person, or the refresh interval, wants all of it asked again. */
  readonly asked: number;
  readonly again: () => void;
}

const Context = createContext<Here | null>(null);

export function HereProvider({ here, children }: { here: Here; children: React.ReactNode }) {
  return <Context.Provider value={here}>{children}</Context.Provider>;
}

export function useHere(): Here {
  const here = useContext(Context);
  if (here === null) {
    throw new Error('A part of a page stands outside of its app.');
  }
  return here;
}

/** Grafana's location, which outlives every version of its router. */
export function useLocation() {
  return useSyncExternalStore(
    (changed) => locationService.getHistory().listen(changed),
    () => locationService.getLocation()
  );
}

/** Another value in the URL; undefined takes it away. A step of its own in the browser's history, unless `silent`. */
export function change(values: Values, silent = false): void {
  locationService.partial(
    Object.fromEntries(Object.entries(values).map(([key, value]) => [key, value || undefined])),
    silent
  );
}

/** The address of a page for a link: it works in a new tab too, and Grafana follows it without loading itself again. */
export function useHref(): (page: Page, values?: Values) => string {
  const { query } = useHere();
  return (page, values) => config.appSubUrl + urlOf(page, values, query);
}

export function useZone(): TimeZone {
  return useHere().query.get('timezone') ?? getTimeZone();
}

/** The page's time range; one that ends now moves on when the page is asked again. */
export function useRange(from: string, to = 'now'): TimeRange {
  const { query, asked } = useHere();
  const [start, end] = [query.get('from'), query.get('to')];
  const key = [start, end, from, to, asked].join(' ');
  const [held, setHeld] = useState(() => ({ key, range: rangeOf(start, end, { from, to }) }));
  if (held.key === key) {
    return held.range;
  }
  const range = rangeOf(start, end, { from, to });
  setHeld({ key, range });
  return range;
}
