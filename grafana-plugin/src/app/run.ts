/** A run as the pages of a job show it. Pure. */

import type { DataFrame } from '@grafana/data';

import type { Cell, Column, TableAnswer } from '../datasource/types';

/** A row of /api/v1/jobs/{job}; times are epoch ms, `elapsed` seconds. */
export interface RunRow {
  readonly job: string;
  readonly user: string | null;
  readonly name: string | null;
  readonly state: string;
  readonly start: number | null;
  readonly end: number | null;
  readonly elapsed: number | null;
  readonly hosts: number | null;
  readonly partition: string | null;
  readonly account: string | null;
  readonly cluster: string;
  readonly exit_code: number | null;
  readonly exit_signal: number | null;
  readonly submit: number | null;
  readonly confirmed: number | null;
  readonly run: string;
}

/** The run that a page is about: the newest that started, as `job.4711` means it; one that waits where none did. */
export function chosenOf(rows: readonly RunRow[]): RunRow | undefined {
  return rows.find(({ start }) => start !== null) ?? rows[0];
}

/** A twentieth of the run's time before its start and after its end, at least a minute: as its dashboard shows it. */
const MARGIN = 20;
const LEAST_MARGIN_MS = 60_000;

/** From when to when a run is shown, as a URL has it. */
export function spanOfRun({ start, end }: Pick<RunRow, 'start' | 'end'>): { from: string; to: string } {
  if (start === null) {
    return { from: 'now-6h', to: 'now' };
  }
  const margin = end === null ? LEAST_MARGIN_MS : Math.max(LEAST_MARGIN_MS, Math.floor((end - start) / MARGIN));
  return { from: String(start - margin), to: end === null ? 'now' : String(end + margin) };
}

/** The node of a job below `job.` among the names of series, which have neither `:` nor `+`. */
export function nodeOf({ cluster, job }: Pick<RunRow, 'cluster' | 'job'>): string {
  return `${cluster}--${job.replace(/^.*:/, '').replace('+', '-')}`;
}

/** Bytes a second of a data counter, which counts words of 4 octets. */
export function rate(path: string): string {
  return `scale(perSecond(${path}), 4)`;
}

/** Mean rates of switch ports, bytes/s by `switch/port`: what the port sent to its host, and what it received. */
export interface Traffic {
  readonly sent: ReadonlyMap<string, number>;
  readonly received: ReadonlyMap<string, number>;
}

/** Means of the series of ports by their tags; points that are not known do not count. */
export function trafficIn(frames: readonly DataFrame[]): Traffic {
  const sent = new Map<string, number>();
  const received = new Map<string, number>();
  for (const { labels, values } of frames.flatMap(({ fields }) => fields)) {
    const known = (values as unknown[]).filter((one): one is number => typeof one === 'number');
    if (labels?.switch && labels.port && known.length > 0) {
      const mean = known.reduce((sum, one) => sum + one, 0) / known.length;
      (labels.what === 'PortRcvData' ? received : sent).set(`${labels.switch}/${labels.port}`, mean);
    }
  }
  return { sent, received };
}

const WAYS = [
  { name: 'to host', doc: 'What the switch port sent, on average over the time shown.', of: 'sent' },
  { name: 'from host', doc: 'What the switch port received, on average over the time shown.', of: 'received' },
] as const;

/** The table of a run's ports with what they carried; a port without a series has nothing there. */
export function withTraffic({ columns, rows, notices }: TableAnswer, traffic: Traffic): TableAnswer {
  const [at, port] = ['switch', 'port'].map((name) => columns.findIndex((column) => column.name === name));
  const more = WAYS.map(({ name, doc }): Column => ({ name, type: 'number', doc, unit: 'Bps' }));
  const place = columns.findIndex(({ name }) => name === 'cable') + 1;
  const put = <T>(old: readonly T[], made: readonly T[]) => [...old.slice(0, place), ...made, ...old.slice(place)];
  return {
    columns: put(columns, more),
    rows: rows.map((row) =>
      put<Cell>(
        row,
        WAYS.map(({ of }) => traffic[of].get(`${row[at]}/${row[port]}`) ?? null)
      )
    ),
    notices,
  };
}
