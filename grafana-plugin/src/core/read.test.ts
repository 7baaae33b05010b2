import { readFileSync } from 'node:fs';
import path from 'node:path';
import { valuesOfLinks } from './model';
import { readFabric, readRun, type Told, Unreadable } from './read';
import { row } from './testing/small';

function recorded(name: string): unknown {
  return JSON.parse(readFileSync(path.join(__dirname, '../../testdata', `${name}.json`), 'utf8'));
}

function whole(): Told {
  const [fabric, levels, hosts] = ['fabric', 'levels', 'hosts'].map(recorded);
  return { fabric, levels, hosts, vanished: recorded('vanished'), degraded: recorded('degraded') };
}

describe('a fabric recorded from the demo', () => {
  const fabric = readFabric(whole());

  it('has its switches with their levels, and its hosts by name', () => {
    const switches = fabric.nodes.flatMap((node) =>
      node.kind === 'switch' ? [[node.name, node.level, node.role]] : []
    );
    expect(switches).toEqual([
      ['leaf03', 0, 'leaf'],
      ['leaf07', 0, 'leaf'],
      ['leaf12', 0, 'leaf'],
      ['leaf13', 0, 'leaf'],
      ['spine01', 1, 'spine'],
      ['spine02', 1, 'spine'],
      ['spine03', 1, 'spine'],
    ]);
    const hosts = fabric.nodes.filter((node) => node.kind === 'host');
    expect(hosts).toHaveLength(72); // 18 on each of four leaves, one of them gone
    expect(hosts[0]).toMatchObject({ name: 'node037', hcas: ['506b4b0300b00240'], state: 'here' });
    expect(fabric.links.filter((link) => !link.gone)).toHaveLength(95); // 71 hosts, and 4 leaves x 3 spines x 2
  });

  it('shows the host that vanished below the port it hung on, and who was on it', () => {
    const gone = row(fabric, 'node200');
    expect(fabric.nodes[gone]).toMatchObject({ state: 'vanished', jobs: '4772', hcas: ['506b4b0300b00c70'] });
    const links = fabric.links.filter((link) => link.gone);
    expect(links).toHaveLength(1);
    expect(links[0]).toMatchObject({
      a: { node: gone },
      b: { node: row(fabric, 'leaf12'), port: 2 },
      cable: 'c4382a87394',
    });
  });

  it('knows the one link that runs below its like', () => {
    const worse = fabric.links.filter((link) => link.degraded);
    expect(worse).toHaveLength(1);
    expect(worse[0]).toMatchObject({ width: '1X', speed: 'EDR', like: '4X EDR', cable: 'ce3881e2acb' });
  });

  it('has a run with its hosts, and the surest basis of each link', () => {
    const run = readRun(fabric, 'Job 4711', recorded('job_ports'), recorded('job_routes'));
    expect([...run.hosts].map((host) => fabric.nodes[host].name).sort()).toEqual(
      [109, 110, 111, 112, 113, 114, 115, 116, 117, 118, 119, 120, 121, 122, 123]
        .map((n) => `node${n}`)
        .concat('node220')
    );
    const bases = [...run.links.values()];
    expect(bases.filter((basis) => basis === 'host_link')).toHaveLength(16);
    expect(bases.filter((basis) => basis === 'possible')).toHaveLength(12); // two leaves, three spines, two links each
    expect(run.notices).toEqual(['Job 4711: its routes are possible ones: no forwarding tables were read by then.']);
  });
});

describe('a folded fabric recorded from the demo', () => {
  const fabric = readFabric({ fabric: recorded('folded') });

  it('has switches alone, with their hosts as a number, and bundles of links', () => {
    expect(fabric.nodes).toHaveLength(27);
    expect(fabric.nodes[0]).toEqual({
      kind: 'switch',
      id: '7cfe900300a00000',
      name: 'leaf01',
      level: 0,
      role: 'leaf',
      folded: 16,
    });
    expect(fabric.links).toHaveLength(162);
    expect(fabric.links[0]).toMatchObject({ count: 2, down: 0, degraded: 0, width: '4X', speed: 'EDR' });
  });
});

describe('answers', () => {
  const nodes = [
    { guid: 's1', kind: 'switch', name: 'leaf1' },
    { guid: 'h1', kind: 'ca', name: 'node1 mlx5_0' },
    { guid: 'h2', kind: 'ca', name: 'node1 mlx5_1' },
  ];
  const link = (a: string, b: string, more: object = {}) => ({ a, a_port: 1, b, b_port: 2, up: true, ...more });

  it('fold the HCAs of a host into it where the back end says whose they are, and never guess it', () => {
    const hosts = { rows: nodes.slice(1).map(({ guid }) => ({ guid, host: 'node1' })) };
    const fabric = { nodes, links: [link('h1', 's1'), link('h2', 's1')] };
    const told = readFabric({ fabric, hosts });
    expect(told.nodes.map((node) => node.name)).toEqual(['leaf1', 'node1']);
    expect(told.links.map(({ a }) => [a.node, a.guid])).toEqual([
      [1, 'h1'],
      [1, 'h2'],
    ]);
    expect(readFabric({ fabric }).nodes.map((node) => node.name)).toEqual(['leaf1', 'node1 mlx5_0', 'node1 mlx5_1']);
  });

  it('may have members nobody knows yet', () => {
    const fabric = {
      nodes: nodes.map((node) => ({ ...node, colour: 'red' })),
      links: [link('h1', 's1', { x: [1] })],
      y: 1,
    };
    expect(readFabric({ fabric }).links).toHaveLength(1);
  });

  it('mark a host that does not answer where it is', () => {
    const vanished = { rows: [{ host: 'node1', state: 'silent', guids: 'h1', port: 'leaf1/2', last_seen: 5 }] };
    const told = readFabric({ fabric: { nodes: nodes.slice(0, 2), links: [link('h1', 's1')] }, vanished });
    expect(told.nodes[1]).toMatchObject({ name: 'node1', state: 'silent', lastSeenMs: 5, hcas: ['h1'] });
    expect(told.links).toHaveLength(1);
  });

  it('give a port to the host that hangs on it now, not to the one that vanished from it', () => {
    const vanished = { rows: [{ host: 'node9', state: 'vanished', guids: 'h9', port: 'leaf1/2' }] };
    const fabric = readFabric({ fabric: { nodes: nodes.slice(0, 2), links: [link('h1', 's1')] }, vanished });
    const run = readRun(fabric, 'Job 1', { rows: [{ host: 'node1', switch_guid: 's1', port: 2 }] }, null);
    expect([...run.links]).toEqual([[0, 'host_link']]);
    expect([...valuesOfLinks(fabric, new Map([['s1/2', 7]]))]).toEqual([7, NaN]);
  });

  it('tell a link by its surest basis, in whatever order they come', () => {
    const fabric = readFabric({ fabric: { nodes, links: [link('h1', 's1')] } });
    const bases = ['possible', 'host_link', 'static'];
    for (const order of [bases, [...bases].reverse()]) {
      const rows = order.map((basis) => ({ switch_guid: 's1', port: 2, basis }));
      expect([...readRun(fabric, 'Job 1', null, { rows }).links]).toEqual([[0, 'host_link']]);
    }
  });

  it('take a basis that is not known for no more than a possibility', () => {
    const fabric = readFabric({ fabric: { nodes, links: [link('h1', 's1')] } });
    const run = readRun(fabric, 'Job 1', null, { rows: [{ switch_guid: 's1', port: 2, basis: 'dreamt' }] });
    expect([...run.links.values()]).toEqual(['possible']);
  });

  it.each([
    [null, 'The answer of /api/v1/fabric is not an object.'],
    ['<html>', 'The answer of /api/v1/fabric is not an object.'],
    [{}, 'The answer of /api/v1/fabric has no list `nodes`.'],
    [{ nodes: [], links: 7 }, 'The answer of /api/v1/fabric has no list `links`.'],
    [{ nodes: [7], links: [] }, 'The answer of /api/v1/fabric, nodes 1 is not an object.'],
    [{ nodes: [{ name: 'x' }], links: [] }, 'The answer of /api/v1/fabric has a node without `guid`.'],
    [
      { nodes, links: [link('h1', 'nobody')] },
      'The answer of /api/v1/fabric, link 1 has no known node as its end `b`.',
    ],
  ])('that cannot be read are refused with what is wrong: %j', (fabric, what) => {
    let caught: unknown;
    try {
      readFabric({ fabric });
    } catch (error) {
      caught = error;
    }
    expect(caught).toBeInstanceOf(Unreadable);
    expect((caught as Unreadable).what).toBe(what);
    expect((caught as Unreadable).fix).toBe('Check that its address is that of a Weft server.');
  });

  it('that are errors of the back end are told in its words', () => {
    const fabric = { message: 'No sweep was read. Import one.', error: 'unknown_name' };
    expect(() => readFabric({ fabric })).toThrow(new Error('No sweep was read. Import one.'));
  });

  it('that were cut or changed anywhere end in a fabric or in Unreadable', () => {
    const text = JSON.stringify(whole());
    for (let i = 0; i < 200; i++) {
      const at = (i * 7919) % text.length;
      const garbled = text.slice(0, at) + ['0', '"', 'null', '{', ','][i % 5] + text.slice(at + 1);
      let told: Told;
      try {
        told = JSON.parse(garbled) as Told;
      } catch {
        continue; // not JSON: never reaches the reader
      }
      try {
        readFabric(told);
      } catch (error) {
        expect(error).toBeInstanceOf(Unreadable);
      }
    }
  });
});

describe('values of links', () => {
  it('are the busier of both ways, and unknown where neither is known', () => {
    const nodes = ['a', 'b', 'c'].map((guid) => ({ guid, kind: 'switch', name: guid }));
    const links = [
      { a: 'a', a_port: 1, b: 'b', b_port: 1 },
      { a: 'b', a_port: 2, b: 'c', b_port: 1 },
      { a: 'a', a_port: 2, b: 'c', b_port: 2 },
    ];
    const fabric = readFabric({ fabric: { nodes, links } });
    const byPort = new Map([
      ['a/1', 5],
      ['b/1', 9],
      ['c/1', 3],
    ]);
    expect([...valuesOfLinks(fabric, byPort)]).toEqual([9, 3, NaN]);
  });

  it('of bundles come by their two switches', () => {
    const fabric = readFabric({ fabric: recorded('folded') });
    const byPort = new Map([['7cfe900300a00480-7cfe900300a00000', 4]]);
    expect([...valuesOfLinks(fabric, byPort)].slice(0, 2)).toEqual([4, NaN]);
  });
});
