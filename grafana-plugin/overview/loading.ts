/** What the page asks for, a function for each thing it shows. All raise Refused, or Unreadable of the core. */

import { type Fabric, readFabric, readRun, type Run } from '../src/core';
import type { Api } from './api';
import { type Change, changesOf, hasMore, type Job, jobsOf } from './lists';
import { Meter, readSeries, rises, targetsOf } from './measure';

/** How far back counters are asked for until most ports have a rate: sites read them every few seconds to minutes. */
const WINDOWS_MS = [120_000, 900_000, 3_600_000];
export const ERRORS_MS = 3_600_000;
/** A later piece begins so long before the newest value: counters of a slow sweep arrive late. */
const OVERLAP_MS = 60_000;
const MOST_JOBS = 200;
const MOST_CHANGES = 500;

/** The fabric at a time, null now; the one of that name, or the site's own. */
export async function loadFabric(api: Api, name: string | null, atMs: number | null): Promise<Fabric> {
  const params = { fabric: name, at: atMs };
  // The first one alone: where it is refused, so are the others.
  const fabric = await api.get('fabric', params);
  const limit = 100_000;
  const [levels, hosts, vanished, degraded] = await Promise.all(
    ['fabric/levels', 'hosts', 'fabric/vanished', 'fabric/degraded'].map((path) => api.get(path, { ...params, limit }))
  );
  return readFabric({ fabric, levels, hosts, vanished, degraded });
}

/** A run in a fabric: its ports and routes over its whole life. */
export async function loadRun(api: Api, fabric: Fabric, job: Job): Promise<Run> {
  const ask = (table: string) => api.get('query', { q: table, job: job.run, limit: 100_000 });
  const [ports, routes] = await Promise.all([ask('job_ports'), ask('job_routes')]);
  return readRun(fabric, `Job ${job.id}`, ports, routes);
}

/** Jobs that run now, or ran at a time; the newest first. */
export async function loadJobs(api: Api, atMs: number | null): Promise<{ jobs: Job[]; more: boolean }> {
  const when: Record<string, string | number> = atMs === null ? { state: 'running' } : { from: atMs, to: atMs };
  const answer = await api.get('jobs', { ...when, limit: MOST_JOBS });
  return { jobs: jobsOf(answer), more: hasMore(answer) };
}

/** What changed in a stretch of time, the newest first. */
export async function loadChanges(api: Api, fabric: string, fromMs: number): Promise<Change[]> {
  return changesOf(await api.get('fabric/changes', { fabric, from: Math.round(fromMs), limit: MOST_CHANGES }));
}

/** Bytes a second by port: what is new is added to the meter; `nowMs`: the moment that is shown. */
export async function loadTraffic(api: Api, fabric: Fabric, meter: Meter, nowMs: number): Promise<Map<string, number>> {
  const longest = WINDOWS_MS[WINDOWS_MS.length - 1];
  const starts = meter.settled ? [meter.newestMs - OVERLAP_MS] : WINDOWS_MS.map((length) => nowMs - length);
  for (const fromMs of starts) {
    for (const target of targetsOf(fabric, 'traffic')) {
      meter.feed(readSeries(await api.ask(target, Math.max(fromMs, nowMs - longest), nowMs)));
    }
    if (meter.settled) {
      break;
    }
  }
  return meter.byPort(nowMs - longest);
}

/** Errors by port in the hour before the moment that is shown. */
export async function loadErrors(api: Api, fabric: Fabric, nowMs: number): Promise<Map<string, number>> {
  const found = new Map<string, number>();
  for (const target of targetsOf(fabric, 'errors')) {
    const series = readSeries(await api.ask(target, nowMs - ERRORS_MS, nowMs));
    rises(series).forEach((count, port) => found.set(port, (found.get(port) ?? 0) + count));
  }
  return found;
}
