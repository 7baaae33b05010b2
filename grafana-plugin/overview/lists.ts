/** What stands beside the picture: jobs, what needs a look, what changed; pure, answers in, rows out. */

import { byName, describe, type Fabric, type Layout, type Run } from '../src/core';

export interface Job {
  /** Asks for this run alone. */
  readonly run: string;
  readonly id: string;
  readonly user: string;
  readonly name: string;
  readonly hosts: number | null;
  readonly startMs: number | null;
}

/** A node or a link that is not as it should be. */
export interface Trouble {
  readonly kind: 'vanished' | 'silent' | 'down' | 'degraded' | 'unsure';
  readonly title: string;
  readonly text: string;
  /** Rows of nodes to look at. */
  readonly nodes: readonly number[];
}

export interface Change {
  readonly atMs: number;
  readonly severity: string;
  readonly text: string;
  /** Names of nodes that it is about, hosts first. */
  readonly nodes: readonly string[];
}

/** A fabric as the status names it. */
export interface Seen {
  readonly name: string;
  readonly firstMs: number;
  readonly lastMs: number;
}

type Row = Readonly<Record<string, unknown>>;

function rowsOf(answer: unknown, member = 'rows'): Row[] {
  const rows: unknown = typeof answer === 'object' && answer !== null ? (answer as Row)[member] : null;
  return Array.isArray(rows) ? rows.filter((row): row is Row => typeof row === 'object' && row !== null) : [];
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

function number(value: unknown): number | null {
  return typeof value === 'number' ? value : null;
}

/** Runs of the table `jobs`, in its order. */
export function jobsOf(answer: unknown): Job[] {
  return rowsOf(answer).map((row) => ({
    run: text(row.run),
    id: text(row.job),
    user: text(row.user),
    name: text(row.name),
    hosts: number(row.hosts),
    startMs: number(row.start),
  }));
}

/** Whether a table has more rows than it answered. */
export function hasMore(answer: unknown): boolean {
  return typeof answer === 'object' && answer !== null && text((answer as Row).cursor) !== '';
}

/** Rows of the table `fabric_changes`. Ports are told as `node044 mlx5_0/1, leaf03/8`. */
export function changesOf(answer: unknown): Change[] {
  return rowsOf(answer).map((row) => {
    const places = [...text(row.ports).split(','), ...text(row.nodes).split(',')].map((place) => place.trim());
    const names = places.filter(Boolean).map((place) => place.split(' ')[0].replace(/\/\d+$/, ''));
    const hosts = places.filter((place) => place.includes(' ')).map((place) => place.split(' ')[0]);
    return {
      atMs: number(row.time) ?? NaN,
      severity: text(row.severity),
      text: text(row.text),
      nodes: [...new Set([...hosts, ...names])],
    };
  });
}

/** The fabrics that the status tells of. */
export function fabricsOf(status: unknown): Seen[] {
  return rowsOf(status, 'fabrics').map((row) => ({
    name: text(row.name),
    firstMs: number(row.first_ms) ?? NaN,
    lastMs: number(row.last_ms) ?? NaN,
  }));
}

const WORST = ['vanished', 'down', 'silent', 'degraded', 'unsure'] as const;
const WHAT: Record<Trouble['kind'], string> = {
  vanished: 'vanished',
  down: 'down',
  silent: 'does not answer',
  degraded: 'below its like',
  unsure: 'not confirmed',
};

/** What is marked in a fabric, the worst first, by name. `when` tells a moment. */
export function troublesOf(fabric: Fabric, layout: Layout, when: (ms: number) => string): Trouble[] {
  const known = { fabric, layout, run: null, values: null, when };
  const found: Trouble[] = [];
  fabric.nodes.forEach((node, i) => {
    if (node.kind === 'host' && node.state !== 'here') {
      const seen = node.lastSeenMs === null ? '' : `last seen ${when(node.lastSeenMs)}`;
      const jobs = node.jobs ? `job ${node.jobs} then` : '';
      const told = [seen, jobs, node.expected ?? ''].filter(Boolean).join(' \u00b7 ');
      found.push({ kind: node.state, title: node.name, text: told, nodes: [i] });
    }
  });
  fabric.links.forEach((link, i) => {
    const kind = link.gone ? null : link.down ? 'down' : link.degraded ? 'degraded' : link.unsure ? 'unsure' : null;
    if (kind) {
      const { title, rows } = describe(known, { kind: 'link', link: i });
      const told = rows.filter(([label]) => label !== 'State').map(([, value]) => value);
      const ends = [link.a.node, link.b.node].sort((a, b) => hostFirst(fabric, a) - hostFirst(fabric, b));
      found.push({ kind, title, text: told.join(' \u00b7 '), nodes: ends });
    }
  });
  return found.sort((a, b) => WORST.indexOf(a.kind) - WORST.indexOf(b.kind) || byName(a.title, b.title));
}

export function troubleWord(kind: Trouble['kind']): string {
  return WHAT[kind];
}

function hostFirst(fabric: Fabric, node: number): number {
  return fabric.nodes[node].kind === 'host' ? 0 : 1;
}

/** What a run does to a picture, in a sentence. */
export function runText(run: Run): string {
  const bases = [...run.links.values()];
  const maybe = bases.filter((basis) => basis === 'possible').length;
  const sure = bases.length - maybe;
  const parts = [sure ? `crosses ${counted(sure, 'link')}` : '', maybe ? `may cross ${counted(maybe, 'link')}` : ''];
  const crossing = parts.filter(Boolean).join(', ') || 'crosses no link that is known';
  return `${counted(run.hosts.size, 'host')} in the picture; ${crossing}`;
}

export function counted(n: number, one: string): string {
  return `${n.toLocaleString('en')} ${one}${n === 1 ? '' : 's'}`;
}

/** Jobs whose id, name or user is what was typed, or begins with it. */
export function findJobs(jobs: readonly Job[], typed: string, limit: number): Job[] {
  const wanted = typed
    .trim()
    .toLowerCase()
    .replace(/^job\s+/, '');
  if (!wanted) {
    return [];
  }
  return jobs
    .filter((job) => [job.id, job.name, job.user].some((word) => word.toLowerCase().startsWith(wanted)))
    .slice(0, limit);
}

/** A value in a table request: in quotes where blanks or quotes would cut it. */
export function quoted(value: string): string {
  return /^[\w.:@/+-]+$/.test(value) ? value : `"${value.replace(/["\\]/g, '\\$&')}"`;
}
