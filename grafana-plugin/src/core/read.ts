/**
 * From the back end's JSON to the model.
 *
 * Members that are not known are passed over, those that are missing but not needed are null; what cannot be read at all
 * is an error that says which answer, which member and what to do.
 */

import {
  BASES,
  type Basis,
  type End,
  type Fabric,
  type FabricNode,
  type Host,
  type Link,
  portKey,
  type Role,
  type Run,
} from './model';

/** An answer that is not what it should be; `fix` says what to do. */
export class Unreadable extends Error {
  constructor(
    readonly what: string,
    readonly fix: string
  ) {
    super(`${what} ${fix}`.trim());
    this.name = 'Unreadable';
  }
}

/**
 * Answers about one fabric at one time, each as it came: `/api/v1/fabric` (whole or `fold=leaf`), and what marks and names
 * come from: `/api/v1/fabric/levels`, `/hosts`, `/fabric/vanished`, `/fabric/degraded`, or the same tables of `/query`.
 */
export interface Told {
  readonly fabric: unknown;
  readonly levels?: unknown;
  readonly hosts?: unknown;
  readonly vanished?: unknown;
  readonly degraded?: unknown;
}

type Row = Readonly<Record<string, unknown>>;

const ROLES: readonly string[] = ['leaf', 'spine', 'core', 'higher', 'mixed', 'apart'];

/** Raises Unreadable. */
export function readFabric(told: Told): Fabric {
  const answer = record(told.fabric, '/api/v1/fabric');
  if (!('nodes' in answer) && typeof answer.message === 'string') {
    throw new Unreadable(answer.message, ''); // an error of the back end, which says what to do itself
  }
  const nodeRows = rowsAt(answer, 'nodes', '/api/v1/fabric');
  const linkRows = rowsAt(answer, 'links', '/api/v1/fabric');
  const owners = ownersOf(nodeRows, told.hosts);
  const nodes: FabricNode[] = [];
  const rowOf = new Map<string, number>();
  addSwitches(nodes, rowOf, nodeRows, told.levels);
  addHosts(nodes, rowOf, nodeRows, owners);
  const worse = worseByCable(told.degraded);
  const links = linkRows.map((row, i) => linkOf(row, i, rowOf, worse));
  addVanished(nodes, rowOf, links, told.vanished);
  return {
    name: textOf(answer.fabric) ?? '',
    atMs: numberOf(answer.at_ms) ?? NaN,
    seenMs: numberOf(answer.seen_ms) ?? NaN,
    lastMs: numberOf(answer.last_ms) ?? NaN,
    nodes,
    links,
    notices: noticesOf(answer),
  };
}

/**
 * A run in a fabric, from `job_ports` and `job_routes`; rows of other fabrics find no port and are left out.
 *
 * Raises Unreadable.
 */
export function readRun(fabric: Fabric, name: string, ports: unknown, routes: unknown): Run {
  const linkAt = new Map<string, number>();
  fabric.links.forEach((link, i) => {
    if (!link.gone) {
      linkAt.set(portKey(link.a.guid, link.a.port), i);
      linkAt.set(portKey(link.b.guid, link.b.port), i);
    }
  });
  const links = new Map<number, Basis>();
  const cross = (guid: string | null, port: number | null, basis: Basis) => {
    const link = linkAt.get(portKey(guid ?? '', port ?? -1));
    const before = link === undefined ? undefined : links.get(link);
    if (link !== undefined && (before === undefined || BASES.indexOf(basis) < BASES.indexOf(before))) {
      links.set(link, basis);
    }
  };
  const byName = new Map(fabric.nodes.flatMap((node, i) => (node.kind === 'host' ? [[node.name, i] as const] : [])));
  const hosts = new Set<number>();
  for (const row of tableRows(ports, 'job_ports')) {
    const host = byName.get(textOf(row.host) ?? '');
    if (host !== undefined) {
      hosts.add(host);
    }
    cross(textOf(row.switch_guid), numberOf(row.port), 'host_link');
  }
  for (const row of tableRows(routes, 'job_routes')) {
    // A basis that this version does not know is no more than a possibility.
    const basis = BASES.find((known) => known === row.basis) ?? 'possible';
    cross(textOf(row.switch_guid), numberOf(row.port), basis);
  }
  const notices = [ports, routes].flatMap((answer) => (isRecord(answer) ? noticesOf(answer) : []));
  return { name, hosts, links, notices: [...new Set(notices)] };
}

/** Rows of a table as objects, from `{columns, rows: [[...]]}` of /query or `{rows: [{...}]}` of a table's own route. */
function tableRows(answer: unknown, name: string): Row[] {
  if (answer === undefined || answer === null) {
    return [];
  }
  const told = record(answer, name);
  if (!Array.isArray(told.rows)) {
    throw unreadable(name, 'has no list `rows`');
  }
  if (!Array.isArray(told.columns)) {
    return told.rows.map((row, i) => record(row, `${name}, row ${i + 1}`));
  }
  const columns = told.columns.map((column) => textOf(record(column, name).name) ?? '');
  return told.rows.map((row, i) => {
    if (!Array.isArray(row)) {
      throw unreadable(`${name}, row ${i + 1}`, 'is not a list');
    }
    return Object.fromEntries(columns.map((column, k) => [column, row[k] as unknown]));
  });
}

/** GUID of an HCA -> the host it sits in, as far as the back end says so. */
function ownersOf(nodeRows: readonly Row[], hosts: unknown): Map<string, string> {
  const owners = new Map<string, string>();
  for (const row of [...tableRows(hosts, 'hosts'), ...nodeRows]) {
    const [guid, host] = [textOf(row.guid), textOf(row.host)];
    if (guid && host) {
      owners.set(guid, host);
    }
  }
  return owners;
}

function addSwitches(nodes: FabricNode[], rowOf: Map<string, number>, rows: readonly Row[], levels: unknown): void {
  const levelOf = new Map(tableRows(levels, 'levels').map((row) => [textOf(row.guid), row]));
  for (const row of rows) {
    const id = guidOf(row);
    // A whole answer says `switch`, `ca` or `router` for its nodes, a folded one (switches alone) what they are in the tree.
    if (row.kind === 'ca' || row.kind === 'router') {
      continue;
    }
    const { level, kind } = row.kind === 'switch' ? { ...levelOf.get(id) } : row;
    const at = numberOf(level);
    rowOf.set(id, nodes.length);
    nodes.push({
      kind: 'switch',
      id,
      name: textOf(row.name) ?? id,
      level: at,
      role: ROLES.includes(String(kind)) ? (kind as Role) : 'apart',
      folded: numberOf(row.hosts) ?? 0,
    });
  }
}

function addHosts(
  nodes: FabricNode[],
  rowOf: Map<string, number>,
  rows: readonly Row[],
  owners: ReadonlyMap<string, string>
): void {
  const hcas = new Map<string, { name: string; guids: string[] }>();
  for (const row of rows) {
    if (row.kind !== 'ca' && row.kind !== 'router') {
      continue;
    }
    const guid = guidOf(row);
    const owner = owners.get(guid);
    const host = hcas.get(owner ?? guid) ?? { name: owner ?? textOf(row.name) ?? guid, guids: [] };
    host.guids.push(guid);
    hcas.set(owner ?? guid, host);
  }
  for (const [id, { name, guids }] of hcas) {
    guids.forEach((guid) => rowOf.set(guid, nodes.length));
    nodes.push({ kind: 'host', id, name, hcas: guids, state: 'here', lastSeenMs: null, expected: null, jobs: null });
  }
}

/** Mark hosts that do not answer, and add those that are gone below the port they hung on last. */
function addVanished(nodes: FabricNode[], rowOf: Map<string, number>, links: Link[], vanished: unknown): void {
  const switches = new Map<string, number>();
  nodes.forEach((node, i) => node.kind === 'switch' && switches.set(node.name, i));
  const rows = new Map(nodes.map((node, i) => [node.id, i]));
  for (const row of tableRows(vanished, 'vanished')) {
    const name = textOf(row.host);
    if (!name) {
      continue;
    }
    const hcas = (textOf(row.guids) ?? '').split(' ').filter(Boolean);
    const host: Host = {
      kind: 'host',
      id: name,
      name,
      hcas,
      state: row.state === 'silent' ? 'silent' : 'vanished',
      lastSeenMs: numberOf(row.last_seen),
      expected: textOf(row.expected),
      jobs: textOf(row.jobs),
    };
    const known = rows.get(name) ?? hcas.map((guid) => rowOf.get(guid)).find((at) => at !== undefined);
    const old = known === undefined ? undefined : nodes[known];
    if (known !== undefined && old?.kind === 'host') {
      nodes[known] = { ...host, id: old.id, hcas: old.hcas };
    } else {
      nodes.push(host);
      links.push(...linksGone(row, host, nodes, switches));
    }
  }
}

/** The links a vanished host had: to `leaf12/2`, several with blanks between; the cable is told where there was one. */
function linksGone(row: Row, host: Host, nodes: readonly FabricNode[], switches: ReadonlyMap<string, number>): Link[] {
  const ports = (textOf(row.port) ?? '').split(' ').filter(Boolean);
  return ports.flatMap((port, i) => {
    const cut = port.lastIndexOf('/');
    const at = switches.get(port.slice(0, cut));
    if (at === undefined) {
      return [];
    }
    const a: End = { node: nodes.length - 1, guid: host.hcas[i] ?? host.hcas[0] ?? '', port: 0 };
    const b: End = { node: at, guid: nodes[at].id, port: Number(port.slice(cut + 1)) || 0 };
    const cable = ports.length === 1 ? textOf(row.cable) : null;
    const told = { count: 1, down: 0, degraded: 0, unsure: false, width: null, speed: null, like: null, medium: null };
    return [{ a, b, gone: true, cable, ...told }];
  });
}

/** Cable -> what the best of its kind run, for links that run below that. */
function worseByCable(degraded: unknown): Map<string, string | null> {
  const worse = new Map<string, string | null>();
  for (const row of tableRows(degraded, 'degraded')) {
    const cable = textOf(row.cable);
    if (cable) {
      worse.set(cable, textOf(row.like));
    }
  }
  return worse;
}

function linkOf(
  row: Row,
  i: number,
  rowOf: ReadonlyMap<string, number>,
  worse: ReadonlyMap<string, string | null>
): Link {
  const end = (side: 'a' | 'b'): End => {
    const guid = textOf(row[side]);
    const node = guid === null ? undefined : rowOf.get(guid);
    if (guid === null || node === undefined) {
      throw unreadable(`/api/v1/fabric, link ${i + 1}`, `has no known node as its end \`${side}\``);
    }
    return { node, guid, port: numberOf(row[`${side}_port`]) ?? 0 };
  };
  const cable = textOf(row.cable);
  const isWorse = cable !== null && worse.has(cable);
  return {
    a: end('a'),
    b: end('b'),
    gone: false,
    count: numberOf(row.links) ?? 1,
    down: numberOf(row.down) ?? (row.up === false ? 1 : 0),
    degraded: numberOf(row.degraded) ?? (isWorse ? 1 : 0),
    unsure: row.unsure === true,
    width: textOf(row.width),
    speed: textOf(row.speed),
    like: isWorse ? (worse.get(cable) ?? null) : null,
    cable,
    medium: textOf(row.medium),
  };
}

function guidOf(row: Row): string {
  const guid = textOf(row.guid);
  if (!guid) {
    throw unreadable('/api/v1/fabric', 'has a node without `guid`');
  }
  return guid;
}

function rowsAt(answer: Row, member: string, name: string): Row[] {
  const rows = answer[member];
  if (!Array.isArray(rows)) {
    throw unreadable(name, `has no list \`${member}\``);
  }
  return rows.map((row, i) => record(row, `${name}, ${member} ${i + 1}`));
}

function record(value: unknown, name: string): Row {
  if (!isRecord(value)) {
    throw unreadable(name, 'is not an object');
  }
  return value;
}

function isRecord(value: unknown): value is Row {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function unreadable(name: string, what: string): Unreadable {
  return new Unreadable(`The answer of ${name} ${what}.`, 'Check that its address is that of a Weft server.');
}

function noticesOf(answer: Row): string[] {
  return Array.isArray(answer.notices) ? answer.notices.filter((one): one is string => typeof one === 'string') : [];
}

function textOf(value: unknown): string | null {
  return typeof value === 'string' && value !== '' ? value : null;
}

function numberOf(value: unknown): number | null {
  return typeof value === 'number' && Number.isFinite(value) ? value : null;
}
