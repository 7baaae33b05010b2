/** Finding nodes by what people type: a name, a part of it, a GUID. */

import { byName, type Fabric } from './model';

/** Rows of nodes: those whose name is the text first, then those whose name begins with it, then those that hold it. */
export function search(fabric: Fabric, text: string, limit: number): number[] {
  const wanted = text.trim().toLowerCase();
  if (!wanted) {
    return [];
  }
  const ranked: Array<{ node: number; rank: number }> = [];
  fabric.nodes.forEach((node, i) => {
    const guids = node.kind === 'host' ? node.hcas : [node.id];
    const ranks = [node.name, ...guids].map((name) => rankOf(name.toLowerCase(), wanted));
    const rank = Math.min(...ranks);
    if (rank < 3) {
      ranked.push({ node: i, rank });
    }
  });
  ranked.sort((a, b) => a.rank - b.rank || byName(fabric.nodes[a.node].name, fabric.nodes[b.node].name));
  return ranked.slice(0, limit).map((one) => one.node);
}

function rankOf(name: string, wanted: string): number {
  return name === wanted ? 0 : name.startsWith(wanted) ? 1 : name.includes(wanted) ? 2 : 3;
}
