/**
 * What belongs together in the picture: a tree of groups, found from levels and links.
 *
 * A group is a row of switches with all that hangs below them and nowhere else: the cores with the pods, a pod's spines
 * with its leaves, a leaf with its hosts. It is found by taking the highest switches away and looking what still hangs
 * together; so it needs no tree: a torus is a group of leaves without anything above, islands are groups side by side.
 */

import { byName, type Fabric, linksByNode, peerOf } from './model';

/**
 * Rows of `Fabric.nodes`: `tops` the switches above, `children` what is below. `hosts` are in groups without children:
 * those of a leaf, those that hang above the leaves, those that hang nowhere.
 */
export interface Group {
  tops: number[];
  hosts: number[];
  children: Group[];
  /** True where the children are linked with each other and nothing is above them: a ring, a torus, a dragonfly. */
  mesh: boolean;
}

/** Two leaves stand together (rails of the same hosts) when they share at least this part of the hosts of one. */
const SHARED_HOSTS = 0.5;
/** Leaves without a level above are a cluster when they have at least this part of their neighbours in common. */
const SAME_NEIGHBOURS = 0.6;

/**
 * Levels where the back end told none: links to the nearest switch with hosts, as the back end counts them.
 *
 * Returns the level of each node by row: hosts -1, switches without a way to a host null.
 */
export function levelsOf(fabric: Fabric): Array<number | null> {
  const { nodes } = fabric;
  const level = nodes.map((node) => (node.kind === 'host' ? -1 : node.level));
  if (nodes.some((node) => node.kind === 'switch' && node.level !== null)) {
    return level;
  }
  const links = linksByNode(fabric);
  const isHost = (node: number) => nodes[node].kind === 'host';
  const hasHosts = (node: number) => links[node].some((i) => isHost(peerOf(fabric.links[i], node).node));
  let edge = nodes.flatMap((node, i) => (node.kind === 'switch' && (node.folded > 0 || hasHosts(i)) ? [i] : []));
  for (let far = 0; edge.length; far++) {
    edge.forEach((node) => (level[node] = far));
    const next = edge.flatMap((node) => links[node].map((i) => peerOf(fabric.links[i], node).node));
    edge = [...new Set(next)].filter((node) => level[node] === null);
  }
  return level;
}

/** Where each host hangs: the switches of its links, that of the first link first; by row, [] for switches. */
export function switchesOfHosts(fabric: Fabric): number[][] {
  const links = linksByNode(fabric);
  return fabric.nodes.map((node, i) => {
    if (node.kind === 'switch') {
      return [];
    }
    const found: number[] = [];
    for (const link of links[i]) {
      const peer = peerOf(fabric.links[link], i).node;
      if (fabric.nodes[peer].kind === 'switch' && !found.includes(peer)) {
        found.push(peer);
      }
    }
    return found;
  });
}

/** The groups of a fabric, the largest first; hosts that hang nowhere are a last group without switches. */
export function groupsOf(fabric: Fabric): Group[] {
  const level = levelsOf(fabric);
  const switches = fabric.nodes.flatMap((node, i) => (node.kind === 'switch' ? [i] : []));
  const hangs = switchesOfHosts(fabric);
  const ties = tiesOf(fabric, hangs);
  const hostsAt = new Map<number, number[]>();
  const loose: number[] = [];
  hangs.forEach((on, host) => {
    if (on.length) {
      add(hostsAt, on[0], host);
    } else if (fabric.nodes[host].kind === 'host') {
      loose.push(host);
    }
  });
  const found = split(switches, { level, hostsAt, ...ties }, true);
  const size = (group: Group): number =>
    group.tops.length + group.hosts.length + group.children.reduce((sum, child) => sum + size(child), 0);
  const sized = found.map((group) => ({ group, size: size(group) }));
  sized.sort((a, b) => b.size - a.size || byName(firstName(fabric, a.group), firstName(fabric, b.group)));
  const groups = sized.map((one) => one.group);
  return loose.length ? [...groups, { tops: [], hosts: loose, children: [], mesh: false }] : groups;
}

/** The name of the first switch of a group, or of what is below. */
export function firstName(fabric: Fabric, group: Group): string {
  const own = [...group.tops, ...group.hosts].map((node) => fabric.nodes[node].name).sort(byName);
  return own[0] ?? (group.children.length ? firstName(fabric, group.children[0]) : '');
}

function add(into: Map<number, number[]>, key: number, value: number): void {
  const known = into.get(key);
  if (known) {
    known.push(value);
  } else {
    into.set(key, [value]);
  }
}

interface Ties {
  /** Switches linked with each switch. */
  readonly near: ReadonlyMap<number, readonly number[]>;
  /** Leaves that share hosts with each leaf. */
  readonly rails: ReadonlyMap<number, readonly number[]>;
}

function tiesOf(fabric: Fabric, hangs: readonly number[][]): Ties {
  const near = new Map<number, number[]>();
  const linked = new Set<number>();
  for (const { a, b } of fabric.links) {
    const pair = Math.min(a.node, b.node) * fabric.nodes.length + Math.max(a.node, b.node);
    const switches = fabric.nodes[a.node].kind === 'switch' && fabric.nodes[b.node].kind === 'switch';
    if (switches && a.node !== b.node && !linked.has(pair)) {
      linked.add(pair);
      add(near, a.node, b.node);
      add(near, b.node, a.node);
    }
  }
  const count = new Map<number, number>();
  const shared = new Map<number, Map<number, number>>();
  for (const on of hangs) {
    for (const a of on) {
      count.set(a, (count.get(a) ?? 0) + 1);
      for (const b of on.length > 1 ? on : []) {
        if (a !== b) {
          const shares = shared.get(a) ?? new Map<number, number>();
          shared.set(a, shares.set(b, (shares.get(b) ?? 0) + 1));
        }
      }
    }
  }
  const rails = new Map<number, number[]>();
  for (const [a, shares] of shared) {
    for (const [b, hosts] of shares) {
      if (hosts >= SHARED_HOSTS * Math.min(count.get(a) ?? 0, count.get(b) ?? 0)) {
        add(rails, a, b);
      }
    }
  }
  return { near, rails };
}

interface Known extends Ties {
  readonly level: ReadonlyArray<number | null>;
  readonly hostsAt: ReadonlyMap<number, readonly number[]>;
}

/**
 * The groups that these switches make when only links between them are looked at. `linked`: also those between leaves,
 * which tell islands apart, but below spines are no reason to draw two leaves as one.
 */
function split(switches: readonly number[], known: Known, linked: boolean): Group[] {
  const levelOf = (node: number) => known.level[node] ?? 0;
  return parts(switches, known, linked).map((part) => {
    const high = Math.max(...part.map(levelOf));
    if (high === 0) {
      const clusters = alike(part, known).map((cluster) => unitsOf(cluster, known));
      return clusters.length > 1 ? { tops: [], hosts: [], children: clusters, mesh: true } : clusters[0];
    }
    const tops = part.filter((node) => levelOf(node) === high);
    const rest = part.filter((node) => levelOf(node) !== high);
    const above = tops.flatMap((node) => known.hostsAt.get(node) ?? []);
    const below = split(
      rest,
      known,
      rest.some((node) => levelOf(node) > 0)
    );
    const children = above.length ? [...below, { tops: [], hosts: above, children: [], mesh: false }] : below;
    return { tops, hosts: [], children, mesh: false };
  });
}

/** Leaves that are linked with each other: each with its hosts, or those that share them together. */
function unitsOf(leaves: readonly number[], known: Known): Group {
  const units = parts(leaves, known, false).map((unit) => unitOf(unit, known));
  return units.length > 1 ? { tops: [], hosts: [], children: units, mesh: true } : units[0];
}

/** Leaves in clusters whose members are linked with nearly the same ones, as in a group of a dragonfly. */
function alike(leaves: readonly number[], known: Known): number[][] {
  const around = new Map(leaves.map((node) => [node, new Set([node, ...(known.near.get(node) ?? [])])]));
  const similar = new Map<number, number[]>();
  for (const [a, near] of around) {
    for (const b of near) {
      const other = around.get(b);
      const shared = other ? [...near].filter((node) => other.has(node)).length : 0;
      if (other && shared >= SAME_NEIGHBOURS * (near.size + other.size - shared)) {
        add(similar, a, b);
      }
    }
    known.rails.get(a)?.forEach((b) => add(similar, a, b));
  }
  return parts(leaves, { near: similar, rails: similar }, true);
}

function unitOf(leaves: readonly number[], known: Known): Group {
  return {
    tops: [...leaves],
    hosts: leaves.flatMap((node) => known.hostsAt.get(node) ?? []),
    children: [],
    mesh: false,
  };
}

/** Parts of these switches that hang together: by rails, and by links as well where `linked`. */
function parts(switches: readonly number[], known: Ties, linked: boolean): number[][] {
  const left = new Set(switches);
  const found: number[][] = [];
  for (const first of switches) {
    if (!left.delete(first)) {
      continue;
    }
    const part = [first];
    for (const node of part) {
      for (const next of [...(linked ? (known.near.get(node) ?? []) : []), ...(known.rails.get(node) ?? [])]) {
        if (left.delete(next)) {
          part.push(next);
        }
      }
    }
    found.push(part);
  }
  return found;
}
