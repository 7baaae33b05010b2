/** What is said about the thing under the pointer: a title and rows of label and text, for a tooltip in any framework. */

import { valueText, type ValueKind } from './colors';
import type { Hit } from './hit';
import type { Layout } from './layout';
import { type Basis, type Fabric, type Host, type Link, linksByNode, type Run } from './model';

export interface Told {
  readonly title: string;
  readonly rows: ReadonlyArray<readonly [string, string]>;
}

export interface Known {
  readonly fabric: Fabric;
  readonly layout: Layout;
  readonly run: Run | null;
  readonly values: { readonly kind: ValueKind; readonly ofLinks: Float64Array } | null;
  /** A moment as the reader's clock shows it. */
  readonly when: (ms: number) => string;
}

/** Links of a host are told with it up to this many. */
const MOST_LINKS = 8;

export function describe(known: Known, hit: Hit): Told {
  if (hit.kind === 'link') {
    return aboutLink(known, hit.link);
  }
  if (hit.kind === 'block') {
    return aboutBlock(known, hit.block);
  }
  const node = known.fabric.nodes[hit.node];
  return node.kind === 'host' ? aboutHost(known, node, hit.node) : aboutSwitch(known, hit.node);
}

const BASIS: Record<Basis, string> = {
  host_link: 'crosses it for certain: a link of its hosts',
  static: 'crosses it by the forwarding tables',
  possible: 'may cross it',
};

function aboutLink(known: Known, i: number): Told {
  const { fabric, run } = known;
  const link = fabric.links[i];
  const rows: Array<[string, string]> = [['State', stateOf(link)]];
  const rate = [link.width, link.speed].filter(Boolean).join(' ');
  if (rate) {
    rows.push(['Runs', link.like ? `${rate}, its like ${link.like}` : rate]);
  }
  if (known.values) {
    rows.push([
      known.values.kind === 'errors' ? 'Errors' : 'Traffic',
      valueText(known.values.kind, known.values.ofLinks[i]),
    ]);
  }
  if (link.cable) {
    rows.push(['Cable', link.medium && link.medium !== 'cable' ? `${link.cable} (${link.medium})` : link.cable]);
  }
  const basis = run?.links.get(i);
  if (run && basis) {
    rows.push([run.name, BASIS[basis]]);
  }
  return { title: `${endText(fabric, link, 'a')} \u2013 ${endText(fabric, link, 'b')}`, rows };
}

function stateOf(link: Link): string {
  if (link.gone) {
    return 'led to a host that vanished';
  }
  const of = link.count > 1 ? ` of ${link.count}` : '';
  const parts = [
    link.down ? (of ? `${link.down}${of} down` : 'down') : '',
    link.degraded ? (of ? `${link.degraded}${of} degraded` : 'degraded') : '',
    link.unsure ? 'not confirmed by the last sweep' : '',
  ].filter(Boolean);
  return parts.join(', ') || (of ? `${link.count} links up` : 'up');
}

function endText(fabric: Fabric, link: Link, which: 'a' | 'b'): string {
  const end = link[which];
  return end.port ? `${fabric.nodes[end.node].name}/${end.port}` : fabric.nodes[end.node].name;
}

function aboutHost(known: Known, host: Host, row: number): Told {
  const { fabric, run } = known;
  const rows: Array<[string, string]> = [['State', hostState(known, host)]];
  if (host.jobs) {
    rows.push(['Jobs then', host.jobs]);
  }
  if (run?.hosts.has(row)) {
    rows.push([run.name, 'runs here']);
  }
  const links = linksByNode(fabric)[row];
  for (const i of links.slice(0, MOST_LINKS)) {
    const told = aboutLink({ ...known, run: null }, i);
    rows.push([told.title, told.rows.map(([, text]) => text).join(' \u00b7 ')]);
  }
  if (links.length > MOST_LINKS) {
    rows.push(['', `and ${links.length - MOST_LINKS} more links`]);
  }
  return { title: host.name, rows };
}

function hostState(known: Known, host: Host): string {
  if (host.state === 'here') {
    return 'there';
  }
  const seen = host.lastSeenMs === null ? '' : `, last seen ${known.when(host.lastSeenMs)}`;
  const why = host.expected ? ` (${host.expected})` : '';
  return `${host.state === 'silent' ? 'does not answer' : 'vanished'}${seen}${why}`;
}

function aboutSwitch(known: Known, row: number): Told {
  const { fabric, values } = known;
  const node = fabric.nodes[row];
  const links = linksByNode(fabric)[row];
  const count = (of: (link: Link) => number) => links.reduce((sum, i) => sum + of(fabric.links[i]), 0);
  const rows: Array<[string, string]> = [];
  if (node.kind === 'switch') {
    const hosts = new Set(
      links.flatMap((i) => [fabric.links[i].a.node, fabric.links[i].b.node]).filter((end) => isHere(fabric, end))
    );
    rows.push(['Switch', node.role], ['Hosts', String(node.folded + hosts.size)]);
  }
  const [all, down, degraded] = [
    count((link) => (link.gone ? 0 : link.count)),
    count((link) => link.down),
    count((link) => link.degraded),
  ];
  rows.push([
    'Links',
    [`${all}`, down ? `${down} down` : '', degraded ? `${degraded} degraded` : ''].filter(Boolean).join(', '),
  ]);
  const told = values ? links.map((i) => values.ofLinks[i]).filter((value) => !Number.isNaN(value)) : [];
  if (values && told.length) {
    const busiest = valueText(values.kind, Math.max(...told));
    rows.push([values.kind === 'errors' ? 'Most errors on a link' : 'Busiest link', busiest]);
  }
  rows.push(['GUID', node.id]);
  return { title: node.name, rows };
}

function isHere(fabric: Fabric, row: number): boolean {
  const node = fabric.nodes[row];
  return node.kind === 'host' && node.state !== 'vanished';
}

function aboutBlock(known: Known, at: number): Told {
  const block = known.layout.blocks[at];
  const names = block.leaves.map((leaf) => known.fabric.nodes[leaf].name).join(', ');
  const away = block.hosts
    .map((row) => known.fabric.nodes[row])
    .filter((node): node is Host => node.kind === 'host' && node.state !== 'here');
  const rows: Array<[string, string]> = [['Hosts', String(block.count)]];
  for (const host of away.slice(0, MOST_LINKS)) {
    rows.push([host.name, hostState(known, host)]);
  }
  return { title: `Hosts on ${names}`, rows };
}
