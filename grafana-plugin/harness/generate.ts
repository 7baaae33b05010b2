/** Fabrics as the back end would answer for them, the same ones every time: for the harness and for tests of size. */

export interface Answers {
  readonly fabric: { readonly nodes: NodeRow[]; readonly links: LinkRow[]; readonly [member: string]: unknown };
  readonly levels: { readonly rows: object[] };
  readonly hosts: { readonly rows: object[] };
  readonly vanished: { readonly rows: object[] };
  readonly degraded: { readonly rows: object[] };
  readonly ports: { readonly rows: object[] };
  readonly routes: { readonly rows: object[] };
  /** Bytes/s that each port sends. */
  readonly traffic: ReadonlyArray<readonly [string, number]>;
  /** Errors that each port counted. */
  readonly errors: ReadonlyArray<readonly [string, number]>;
}

interface NodeRow {
  readonly guid: string;
  readonly kind: 'switch' | 'ca';
  readonly name: string;
  readonly description: string;
  readonly lid: number;
}

interface LinkRow {
  readonly a: string;
  readonly a_port: number;
  readonly b: string;
  readonly b_port: number;
  up: boolean;
  unsure: boolean;
  width: string;
  readonly speed: string;
  readonly cable: string;
}

interface SwitchTold {
  readonly guid: string;
  readonly name: string;
  readonly level: number;
  readonly role: string;
}

const CAPACITY = 12.5e9;

/** Numbers from 0 to 1 that look random and are the same in every run (mulberry32). */
function numbers(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

/** Nodes and links being wired up. */
class Wiring {
  readonly nodes: NodeRow[] = [];
  readonly links: LinkRow[] = [];
  readonly switches: SwitchTold[] = [];
  readonly hosts: Array<{ host: string; guid: string }> = [];
  private readonly nextPort = new Map<string, number>();

  addSwitch(name: string, level: number, role: string): SwitchTold {
    const guid = `7cfe9003${(this.switches.length + 1).toString(16).padStart(8, '0')}`;
    this.nodes.push({ guid, kind: 'switch', name, description: name, lid: this.nodes.length + 1 });
    const told = { guid, name, level, role };
    this.switches.push(told);
    return told;
  }

  addHca(host: string, rail: number): string {
    const guid = `506b4b03${(this.hosts.length + 1).toString(16).padStart(8, '0')}`;
    const name = `${host} mlx5_${rail}`;
    this.nodes.push({ guid, kind: 'ca', name, description: name, lid: this.nodes.length + 1 });
    this.hosts.push({ host, guid });
    return guid;
  }

  cable(a: string, b: string): LinkRow {
    const [a_port, b_port] = [this.port(a), this.port(b)];
    const cable = `c${(this.links.length + 1).toString(16).padStart(6, '0')}`;
    const link = { a, a_port, b, b_port, up: true, unsure: false, width: '4X', speed: 'EDR', cable };
    this.links.push(link);
    return link;
  }

  private port(guid: string): number {
    const port = (this.nextPort.get(guid) ?? 0) + 1;
    this.nextPort.set(guid, port);
    return port;
  }
}

const HOSTS_A_LEAF = 18;
const LEAVES_A_POD = 18;

/**
 * A fat tree of 36-port switches: two levels up to 324 hosts, three above. With what operators look for in it: hosts gone,
 * links down, degraded and unsure, a busy pod, and a run of 64 hosts on four leaves.
 */
export function fatTree(hosts: number): Answers {
  const wiring = new Wiring();
  const leaves = Math.ceil(hosts / HOSTS_A_LEAF);
  const pods = Math.ceil(leaves / LEAVES_A_POD);
  const width = String(leaves).length;
  for (let leaf = 0; leaf < leaves; leaf++) {
    wiring.addSwitch(`leaf${String(leaf + 1).padStart(width, '0')}`, 0, 'leaf');
  }
  const leafRows = [...wiring.switches];
  for (let host = 0; host < hosts; host++) {
    const guid = wiring.addHca(`node${String(host + 1).padStart(String(hosts).length, '0')}`, 0);
    wiring.cable(guid, leafRows[Math.floor(host / HOSTS_A_LEAF)].guid);
  }
  if (pods === 1) {
    const spines = Array.from({ length: 9 }, (_, i) =>
      wiring.addSwitch(`spine${String(i + 1).padStart(2, '0')}`, 1, 'spine')
    );
    leafRows.forEach((leaf) => spines.forEach((spine) => [0, 1].forEach(() => wiring.cable(leaf.guid, spine.guid))));
    return told(wiring);
  }
  const parallel = pods > 18 ? 1 : 2;
  const coresEach = 18 / parallel;
  const cores = Array.from({ length: 18 * coresEach }, (_, i) =>
    wiring.addSwitch(`core${String(i + 1).padStart(3, '0')}`, 2, 'core')
  );
  for (let pod = 0; pod < pods; pod++) {
    for (let k = 0; k < 18; k++) {
      const spine = wiring.addSwitch(`spine${String(pod * 18 + k + 1).padStart(3, '0')}`, 1, 'spine');
      leafRows
        .slice(pod * LEAVES_A_POD, (pod + 1) * LEAVES_A_POD)
        .forEach((leaf) => wiring.cable(leaf.guid, spine.guid));
      for (let core = 0; core < coresEach; core++) {
        for (let one = 0; one < parallel; one++) {
          wiring.cable(spine.guid, cores[k * coresEach + core].guid);
        }
      }
    }
  }
  return told(wiring);
}

/** A torus of `across` x `down` switches with hosts on each: no level above another. */
export function torus(across: number, down: number, hostsEach: number): Answers {
  const wiring = new Wiring();
  const at: SwitchTold[][] = Array.from({ length: down }, (_, row) =>
    Array.from({ length: across }, (__, column) => wiring.addSwitch(`sw-${row + 1}-${column + 1}`, 0, 'mixed'))
  );
  at.flat().forEach((one, i) => {
    for (let host = 0; host < hostsEach; host++) {
      wiring.cable(wiring.addHca(`node${i * hostsEach + host + 1}`, 0), one.guid);
    }
  });
  at.forEach((row, r) =>
    row.forEach((one, c) => {
      wiring.cable(one.guid, row[(c + 1) % across].guid);
      wiring.cable(one.guid, at[(r + 1) % down][c].guid);
    })
  );
  return told(wiring);
}

/** Groups of switches, all linked in a group, and every group with every other. */
export function dragonfly(groups: number, switchesEach: number, hostsEach: number): Answers {
  const wiring = new Wiring();
  const at = Array.from({ length: groups }, (_, group) =>
    Array.from({ length: switchesEach }, (__, i) => wiring.addSwitch(`g${group + 1}s${i + 1}`, 0, 'mixed'))
  );
  at.flat().forEach((one, i) => {
    for (let host = 0; host < hostsEach; host++) {
      wiring.cable(wiring.addHca(`node${i * hostsEach + host + 1}`, 0), one.guid);
    }
  });
  at.forEach((group, g) => {
    group.forEach((one, i) => group.slice(i + 1).forEach((other) => wiring.cable(one.guid, other.guid)));
    for (let other = g + 1; other < groups; other++) {
      wiring.cable(group[other % switchesEach].guid, at[other][g % switchesEach].guid);
    }
  });
  return told(wiring);
}

/** Hosts with eight rails, each to a leaf of its own in its unit, all leaves of a rail to the spines of that rail. */
export function rails(units: number, hostsEach: number): Answers {
  const wiring = new Wiring();
  const spines = Array.from({ length: 16 }, (_, i) => wiring.addSwitch(`spine${i + 1}`, 1, 'spine'));
  for (let unit = 0; unit < units; unit++) {
    const leaves = Array.from({ length: 8 }, (_, rail) => wiring.addSwitch(`su${unit + 1}-r${rail + 1}`, 0, 'leaf'));
    for (let host = 0; host < hostsEach; host++) {
      leaves.forEach((leaf, rail) => wiring.cable(wiring.addHca(`gpu${unit * hostsEach + host + 1}`, rail), leaf.guid));
    }
    leaves.forEach((leaf) => spines.forEach((spine) => wiring.cable(leaf.guid, spine.guid)));
  }
  return told(wiring);
}

/** Two fabrics that have no link between them, in one answer, and hosts whose links are all down. */
export function islands(): Answers {
  const wiring = new Wiring();
  for (const [island, leaves] of [
    ['a', 8],
    ['b', 4],
  ] as const) {
    const spines = [1, 2, 3].map((i) => wiring.addSwitch(`${island}-spine${i}`, 1, 'spine'));
    for (let leaf = 1; leaf <= leaves; leaf++) {
      const one = wiring.addSwitch(`${island}-leaf${leaf}`, 0, 'leaf');
      for (let host = 1; host <= 12; host++) {
        wiring.cable(wiring.addHca(`${island}${leaf}n${host}`, 0), one.guid);
      }
      spines.forEach((spine) => wiring.cable(one.guid, spine.guid));
    }
  }
  [1, 2, 3, 4, 5].forEach((i) => wiring.addHca(`dark${i}`, 0));
  return told(wiring);
}

/** The answers, with marks, values and a run spread over what was wired. */
function told(wiring: Wiring): Answers {
  const random = numbers(wiring.links.length);
  const { nodes, links, switches, hosts } = wiring;
  const nameOf = new Map(nodes.map((node) => [node.guid, node.name]));
  const isHca = (guid: string) => guid.startsWith('506b');
  const hostLinks = links.filter((link) => isHca(link.a));
  const between = links.filter((link) => !isHca(link.a));
  const some = <T>(from: readonly T[], count: number) =>
    Array.from({ length: Math.min(count, from.length) }, () => from[Math.floor(random() * from.length)]);
  const gone = new Set(some(hostLinks, Math.min(3, Math.floor(hostLinks.length / 40))));
  const worse = [...some(hostLinks, 3), ...some(between, 2)].filter((link) => !gone.has(link));
  worse.forEach((link) => (link.width = '1X'));
  some(between, 2).forEach((link) => (link.up = false));
  some(between, 1).forEach((link) => (link.unsure = true));
  const lost = new Set([...gone].map((link) => link.a));
  const here = links.filter((link) => !gone.has(link));
  const from = Math.floor(hostLinks.length * 0.3);
  const runLinks = hostLinks.slice(from, from + 64).filter((link) => !gone.has(link));
  const runLeaves = new Set(runLinks.map((link) => link.b));
  const ownerOf = new Map(hosts.map(({ host, guid }) => [guid, host]));
  return {
    fabric: {
      fabric: 'ib',
      at_ms: 1795667736749,
      seen_ms: 1795667710000,
      last_ms: 1795667710000,
      nodes: nodes.filter((node) => !lost.has(node.guid)),
      links: here,
      notices: [],
    },
    levels: { rows: switches.map(({ guid, name, level, role }) => ({ switch: name, guid, level, kind: role })) },
    hosts: { rows: hosts.filter(({ guid }) => !lost.has(guid)) },
    vanished: {
      rows: [...gone].map((link) => ({
        host: ownerOf.get(link.a),
        state: 'vanished',
        last_seen: 1795663390000,
        port: `${nameOf.get(link.b)}/${link.b_port}`,
        guids: link.a,
        cable: link.cable,
        jobs: '4772',
      })),
    },
    degraded: { rows: worse.map((link) => ({ cable: link.cable, runs: '1X EDR', like: '4X EDR' })) },
    ports: {
      rows: runLinks.map((link) => ({ host: ownerOf.get(link.a), switch_guid: link.b, port: link.b_port })),
    },
    routes: {
      rows: between
        .filter((link) => link.up && (runLeaves.has(link.a) || runLeaves.has(link.b)))
        .map((link, i) => ({ switch_guid: link.a, port: link.a_port, basis: i % 3 ? 'possible' : 'static' })),
    },
    traffic: here.flatMap((link, i) => {
      const busy = i % here.length < here.length * 0.12 ? 0.55 : 0;
      const sent = () => Math.round(CAPACITY * Math.min(1, busy * random() + 0.4 * random() ** 4));
      return [[`${link.a}/${link.a_port}`, sent()] as const, [`${link.b}/${link.b_port}`, sent()] as const];
    }),
    errors: here.map((link) => [`${link.b}/${link.b_port}`, random() < 0.995 ? 0 : Math.ceil(10 ** (3.5 * random()))]),
  };
}
