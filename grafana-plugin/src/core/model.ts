/**
 * A fabric at one time, as the picture needs it: plain values, no Grafana, no DOM.
 *
 * Nodes are switches and hosts; the HCAs of a host are folded into it. Links name nodes by their row in `nodes`, so that
 * everything per node or per link can lie in arrays.
 */

/** What a switch is in the tree, as the back end tells it. */
export type Role = 'leaf' | 'spine' | 'core' | 'higher' | 'mixed' | 'apart';

/** A switch. `level`: 0 leaf, 1 spine, 2 core, ...; null: no way to a host. `folded`: hosts on it that are no nodes here. */
export interface Switch {
  readonly kind: 'switch';
  readonly id: string;
  readonly name: string;
  readonly level: number | null;
  readonly role: Role;
  readonly folded: number;
}

/** `vanished`: no HCA of it is there; `silent`: none answers, it may well be there. */
export type HostState = 'here' | 'vanished' | 'silent';

/** A host. `id`: its name, or the GUID of an HCA that names none. `expected`: why Slurm would have it off, if it would. */
export interface Host {
  readonly kind: 'host';
  readonly id: string;
  readonly name: string;
  readonly hcas: readonly string[];
  readonly state: HostState;
  readonly lastSeenMs: number | null;
  readonly expected: string | null;
  /** Jobs that were on it when it went, as the back end labels them. */
  readonly jobs: string | null;
}

export type FabricNode = Switch | Host;

/** One end of a link: a row of `Fabric.nodes`, and the device's GUID and port (0: several, or not told). */
export interface End {
  readonly node: number;
  readonly guid: string;
  readonly port: number;
}

/**
 * A link, or all links between two switches (`count` > 1, then without ports).
 *
 * `gone`: it led to a host that vanished. `down` and `degraded`: how many of `count` are down, or run narrower or slower
 * than their like. `unsure`: the last sweep did not confirm it. `medium`: cable, backplane or internal, null not told.
 */
export interface Link {
  readonly a: End;
  readonly b: End;
  readonly gone: boolean;
  readonly count: number;
  readonly down: number;
  readonly degraded: number;
  readonly unsure: boolean;
  readonly width: string | null;
  readonly speed: string | null;
  readonly like: string | null;
  readonly cable: string | null;
  readonly medium: string | null;
}

/** Times are epoch milliseconds. `seenMs`: the sweep this was seen in; `lastMs`: the fabric's last one. */
export interface Fabric {
  readonly name: string;
  readonly atMs: number;
  readonly seenMs: number;
  readonly lastMs: number;
  readonly nodes: readonly FabricNode[];
  readonly links: readonly Link[];
  readonly notices: readonly string[];
}

/** How sure it is that a run's packets crossed a link; the surest first. */
export const BASES = ['host_link', 'static', 'possible'] as const;
export type Basis = (typeof BASES)[number];

/** A run's hosts (rows of `nodes`) and the links its packets cross, or may cross. */
export interface Run {
  readonly name: string;
  readonly hosts: ReadonlySet<number>;
  readonly links: ReadonlyMap<number, Basis>;
  readonly notices: readonly string[];
}

/** A port in a map's key. */
export function portKey(guid: string, port: number): string {
  return `${guid}/${port}`;
}

const LINKS = new WeakMap<Fabric, readonly number[][]>();

/** The links of each node, as rows of `links`, in their order; found once for a fabric. */
export function linksByNode(fabric: Fabric): readonly number[][] {
  const known = LINKS.get(fabric);
  if (known) {
    return known;
  }
  const found: number[][] = fabric.nodes.map(() => []);
  fabric.links.forEach((link, i) => {
    found[link.a.node].push(i);
    if (link.b.node !== link.a.node) {
      found[link.b.node].push(i);
    }
  });
  LINKS.set(fabric, found);
  return found;
}

/** The other end of a link, seen from a node. */
export function peerOf(link: Link, node: number): End {
  return link.a.node === node ? link.b : link.a;
}

/** The end of a link at a node. */
export function endAt(link: Link, node: number): End {
  return link.a.node === node ? link.a : link.b;
}

/** Whether two fabrics are drawn in the same places: the same nodes and cabling, whatever their states are. */
export function sameShape(before: Fabric, after: Fabric): boolean {
  return (
    before.nodes.length === after.nodes.length &&
    before.links.length === after.links.length &&
    before.nodes.every((node, i) => sameNode(node, after.nodes[i])) &&
    before.links.every(({ a, b, gone }, i) => {
      const other = after.links[i];
      return gone === other.gone && sameEnd(a, other.a) && sameEnd(b, other.b);
    })
  );
}

function sameNode(a: FabricNode, b: FabricNode): boolean {
  if (a.id !== b.id || a.name !== b.name) {
    return false;
  }
  return a.kind === 'switch'
    ? b.kind === 'switch' && a.level === b.level && a.folded === b.folded
    : b.kind === 'host' && (a.state === 'vanished') === (b.state === 'vanished');
}

function sameEnd(a: End, b: End): boolean {
  return a.node === b.node && a.port === b.port;
}

/**
 * A number for each link: the higher of what its two ports send (bytes/s), or count (errors), NaN where neither is known.
 *
 * Bundles of links have no ports: their values come keyed by the two switches, `<guid>-<guid>`.
 */
export function valuesOfLinks(fabric: Fabric, byPort: ReadonlyMap<string, number>): Float64Array {
  return Float64Array.from(fabric.links, (link) => {
    if (link.gone) {
      return NaN; // another host may hang on its port by now
    }
    const bundle = !link.a.port && !link.b.port;
    const one = byPort.get(bundle ? `${link.a.guid}-${link.b.guid}` : portKey(link.a.guid, link.a.port)) ?? NaN;
    const other = byPort.get(bundle ? `${link.b.guid}-${link.a.guid}` : portKey(link.b.guid, link.b.port)) ?? NaN;
    return Number.isNaN(one) ? other : Number.isNaN(other) ? one : Math.max(one, other);
  });
}

/** Names as people sort them: node2 before node10. Ties by code unit, so that the order is the same everywhere. */
export function byName(a: string, b: string): number {
  return COLLATOR.compare(a, b) || (a < b ? -1 : a > b ? 1 : 0);
}

const COLLATOR = new Intl.Collator('en', { numeric: true, sensitivity: 'base' });
