/** What links carry and count, from counters as they are stored: pure, points in, a number for each port out. */

import { type Fabric, portKey } from '../src/core';

/** Counters of one port: `[value, epoch ms]`, null where nothing was stored. */
export interface Series {
  readonly name: string;
  readonly port: string;
  readonly points: ReadonlyArray<readonly [number | null, number]>;
}

/** PortXmitData counts words of 4 octets (InfiniBand specification, volume 1, 16.1.3.5). */
const WORD_BYTES = 4;
/** OpenSM's own sums of a counter are stored beside the device's, under this name. */
const SENT = '{PortXmitData,PortXmitData_perfmgr}';
/** Counters whose rise points at a link: those that accuse somebody in the back end's `fabric/counters.py`. */
const ERRORS =
  '{ExcessiveBufferOverrunErrors,LinkDownedCounter,LinkErrorRecoveryCounter,LocalLinkIntegrityErrors,' +
  'PortRcvErrors,SymbolErrorCounter}';
/** A request may match 50,000 series and be 4,096 letters long, unless a site allows more. */
const MOST_PORTS = 20_000;
const MOST_GUIDS = 200;

/** The targets that ask for every port of a fabric: one, or several where one would match too much. */
export function targetsOf(fabric: Fabric, kind: 'traffic' | 'errors'): string[] {
  const counters = kind === 'traffic' ? SENT : ERRORS;
  if (2 * fabric.links.length <= MOST_PORTS) {
    return [`fabric.*.*.${counters}`];
  }
  const guids = [...new Set(fabric.links.flatMap(({ a, b, gone }) => (gone ? [] : [a.guid, b.guid])))].sort();
  return Array.from({ length: Math.ceil(guids.length / MOST_GUIDS) }, (_, i) => {
    const some = guids.slice(i * MOST_GUIDS, (i + 1) * MOST_GUIDS);
    return `fabric.{${some.join(',')}}.*.${counters}`;
  });
}

/** The series of an answer of /query; what is not named `fabric.<guid>.<port>.<counter>` is passed over. */
export function readSeries(answer: unknown): Series[] {
  const list: unknown = typeof answer === 'object' && answer !== null && 'series' in answer ? answer.series : [];
  return (Array.isArray(list) ? list : []).flatMap((one: { target?: unknown; datapoints?: Series['points'] }) => {
    const [root, guid, port] = typeof one.target === 'string' ? one.target.split('.') : [];
    return root === 'fabric' && port && one.datapoints
      ? [{ name: one.target as string, port: portKey(guid, Number(port)), points: one.datapoints }]
      : [];
  });
}

interface Sample {
  readonly value: number;
  readonly atMs: number;
}

/** Rates of counters that are fed piece by piece; a rate is that between the last two values known. */
export class Meter {
  private readonly last = new Map<string, Sample & { readonly port: string; readonly rate: number }>();

  /** Newest time of a value, -Infinity while there is none: the next piece begins a little before it. */
  newestMs = -Infinity;

  feed(series: readonly Series[]): void {
    for (const { name, port, points } of series) {
      let before = this.last.get(name) ?? null;
      for (const [value, atMs] of points) {
        if (value !== null && !(before && atMs <= before.atMs)) {
          before = { value, atMs, port, rate: before ? rateOf(before, { value, atMs }) : NaN };
        }
      }
      if (before) {
        this.last.set(name, before);
        this.newestMs = Math.max(this.newestMs, before.atMs);
      }
    }
  }

  /** Bytes a second that each port sends; ports without two values since `sinceMs` are left out. */
  byPort(sinceMs: number): Map<string, number> {
    const rates = new Map<string, number>();
    for (const { port, rate, atMs } of this.last.values()) {
      if (atMs >= sinceMs && !Number.isNaN(rate)) {
        rates.set(port, Math.max(rates.get(port) ?? 0, rate));
      }
    }
    return rates;
  }

  /** Whether most ports that told anything told enough for a rate. */
  get settled(): boolean {
    const known = [...this.last.values()].filter(({ rate }) => !Number.isNaN(rate)).length;
    return this.last.size > 0 && 2 * known >= this.last.size;
  }
}

/** Bytes a second between two values; NaN where the counter was reset between them. */
function rateOf(before: Sample, after: Sample): number {
  const words = after.value - before.value;
  return words < 0 ? NaN : (WORD_BYTES * words * 1000) / (after.atMs - before.atMs);
}

/** What the counters of each port rose by in their points, all together; after a reset the new value counts. */
export function rises(series: readonly Series[]): Map<string, number> {
  const found = new Map<string, number>();
  for (const { port, points } of series) {
    let before: number | null = null;
    let sum = found.get(port) ?? 0;
    for (const [value] of points) {
      if (value !== null) {
        sum += before === null ? 0 : value >= before ? value - before : value;
        before = value;
      }
    }
    found.set(port, sum);
  }
  return found;
}
