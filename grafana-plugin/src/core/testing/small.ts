/** Small fabrics for tests, written as people would draw them. */

import type { Fabric, FabricNode, Link, Role } from '../model';

/** `leaf1/3 node1` is a link from port 3 of leaf1; what comes after the two ends is what is wrong with it. */
export function smallFabric(switches: Record<string, [number | null, Role]>, cables: readonly string[]): Fabric {
  const nodes: FabricNode[] = Object.entries(switches).map(([name, [level, role]]) => ({
    kind: 'switch',
    id: name,
    name,
    level,
    role,
    folded: 0,
  }));
  const rowOf = (name: string) => {
    const known = nodes.findIndex((node) => node.name === name);
    if (known >= 0) {
      return known;
    }
    const host = { state: 'here', lastSeenMs: null, expected: null, jobs: null } as const;
    return nodes.push({ kind: 'host', id: name, name, hcas: [name], ...host }) - 1;
  };
  const links = cables.map((text, i): Link => {
    const [first, second, wrong] = text.split(' ');
    const end = (told: string) => {
      const [name, port] = told.split('/');
      return { node: rowOf(name), guid: name, port: Number(port ?? 1) };
    };
    const [a, b] = [end(first), end(second)];
    return {
      a,
      b,
      gone: wrong === 'gone',
      count: 1,
      down: wrong === 'down' ? 1 : 0,
      degraded: wrong === 'degraded' ? 1 : 0,
      unsure: wrong === 'unsure',
      width: '4X',
      speed: 'EDR',
      like: wrong === 'degraded' ? '4X EDR' : null,
      cable: `cable${i + 1}`,
      medium: null,
    };
  });
  return { name: 'ib', atMs: 0, seenMs: 0, lastMs: 0, nodes, links, notices: [] };
}

/** Two spines over two leaves with two hosts each. */
export const TREE = smallFabric(
  { spine1: [1, 'spine'], spine2: [1, 'spine'], leaf1: [0, 'leaf'], leaf2: [0, 'leaf'] },
  [
    'leaf1/1 node1',
    'leaf1/2 node2',
    'leaf2/1 node3',
    'leaf2/2 node4',
    'leaf1/3 spine1/1',
    'leaf1/4 spine2/1',
    'leaf2/3 spine1/2',
    'leaf2/4 spine2/2',
  ]
);

export function row(fabric: Fabric, name: string): number {
  return fabric.nodes.findIndex((node) => node.name === name);
}
