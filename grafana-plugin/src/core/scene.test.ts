import { DARK, LIGHT, stepColors } from './colors';
import { layoutOf } from './layout';
import { legendOf } from './legend';
import { type Basis, type Fabric, type Run, valuesOfLinks } from './model';
import { readFabric } from './read';
import { type Scene, sceneOf, type SceneOptions } from './scene';
import { row, smallFabric, TREE } from './testing/small';

const PLAIN = { folded: 'none', aspect: 1.8 } as const;
const BARE: SceneOptions = { theme: DARK, values: null, run: null };

function draw(fabric: Fabric, options: Partial<SceneOptions> = {}, folded: 'none' | 'all' = 'none'): Scene {
  return sceneOf(fabric, layoutOf(fabric, { ...PLAIN, folded }), { ...BARE, ...options });
}

function traffic(fabric: Fabric, byPort: Record<string, number>, max: number): SceneOptions['values'] {
  return { scale: { kind: 'traffic', max }, ofLinks: valuesOfLinks(fabric, new Map(Object.entries(byPort))) };
}

function runOf(fabric: Fabric, hosts: string[], links: Record<number, Basis>): Run {
  const crossed = Object.entries(links).map(([link, basis]): [number, Basis] => [Number(link), basis]);
  return {
    name: 'Job 7',
    hosts: new Set(hosts.map((host) => row(fabric, host))),
    links: new Map(crossed),
    notices: [],
  };
}

describe('colours', () => {
  const colors = stepColors(DARK, 'traffic');

  it('of links and hosts are those of their traffic', () => {
    const values = traffic(TREE, { 'leaf1/1': 0, 'node2/1': 8, 'leaf1/3': 16, 'spine1/1': 4 }, 16);
    const scene = draw(TREE, { values });
    const host = (name: string) => scene.nodes.find((node) => node.node === row(TREE, name))?.fill;
    expect(host('node1')).toBe(colors[0]);
    expect(host('node2')).toBe(colors[8]);
    expect(host('node3')).toBe(DARK.host); // not known, which is not 0
    expect(scene.lines[4].color).toBe(colors[15]); // 16 up, 4 down: the busier way
    expect(scene.lines[5].color).toBe(DARK.link);
  });

  it('of a theme are used all through', () => {
    const scene = draw(TREE, { theme: LIGHT });
    expect(new Set(scene.lines.map((line) => line.color))).toEqual(new Set([LIGHT.link]));
    expect(scene.nodes.filter((node) => node.kind === 'switch').every((node) => node.fill === LIGHT.switchFill)).toBe(
      true
    );
  });

  it('of a block are those of its busiest host', () => {
    const scene = draw(TREE, { values: traffic(TREE, { 'leaf1/1': 2, 'leaf1/2': 8 }, 16) }, 'all');
    expect(scene.blocks.map((block) => [block.labels[0], block.fill])).toEqual([
      ['2 hosts', colors[8]],
      ['2 hosts', DARK.host],
    ]);
  });
});

describe('marks', () => {
  const fabric = smallFabric({ s: [1, 'spine'], l: [0, 'leaf'] }, [
    'l/1 ok',
    'l/2 slow degraded',
    'l/3 s/1 down',
    'l/4 s/2 unsure',
    'l/5 s/3 degraded',
    'l/6 s/4',
  ]);
  const scene = draw(fabric);

  it('say what is wrong, at the link it is wrong with', () => {
    const told = scene.marks.map(({ kind, of }) => `${kind} ${Object.entries(of).join()}`);
    expect(told).toEqual(['degraded link,1', 'down link,2', 'unsure link,3', 'degraded link,4']);
    const line = scene.lines[2];
    expect(scene.marks[1].x).toBeCloseTo((line.x1 + line.x2) / 2, 5);
    expect(scene.marks[1].y).toBeCloseTo((line.y1 + line.y2) / 2, 5);
  });

  it('come with lines that tell it by dash as well as by colour, above all others', () => {
    const told = scene.lines.map(({ color, dash, bold }) => [color, dash, bold]);
    expect(told).toEqual([
      [DARK.link, 'solid', false],
      [DARK.degraded, 'solid', true],
      [DARK.down, 'dashed', true],
      [DARK.unsure, 'dotted', true],
      [DARK.degraded, 'solid', true],
      [DARK.link, 'solid', false],
    ]);
  });

  it('of hosts that are gone or silent are on hollow, dashed cells', () => {
    const vanished = {
      rows: [
        { host: 'gone', state: 'vanished', port: 'l/2', guids: 'g' },
        { host: 'here', state: 'silent', guids: 'h' },
      ],
    };
    const nodes = [
      { guid: 'l', kind: 'switch', name: 'l' },
      { guid: 'h', kind: 'ca', name: 'here' },
    ];
    const told = readFabric({ fabric: { nodes, links: [{ a: 'h', a_port: 1, b: 'l', b_port: 1 }] }, vanished });
    const drawn = draw(told);
    const cells = drawn.nodes.filter((node) => node.kind === 'host');
    expect(cells.map(({ fill, edge, dashed }) => [fill, edge, dashed])).toEqual([
      [null, DARK.silent, true],
      [null, DARK.vanished, true],
    ]);
    expect(drawn.marks.map((mark) => mark.kind)).toEqual(['silent', 'vanished']);
  });

  it('of folded hosts are counted on their block', () => {
    const folded = draw(
      smallFabric({ l: [0, 'leaf'] }, ['l/1 a degraded', 'l/2 b degraded', 'l/3 c down', 'l/4 d']),
      {},
      'all'
    );
    expect(folded.marks.map(({ kind, count, of }) => [kind, count, of])).toEqual([
      ['down', 1, { block: 0 }],
      ['degraded', 2, { block: 0 }],
    ]);
  });

  it('are in the legend with how many there are, and only those', () => {
    const texts = legendOf(scene, null, null).marks.map((mark) => mark.text);
    expect(texts).toEqual(['1 link down', '2 links below their like', '1 link not confirmed']);
  });
});

describe('a run', () => {
  const run = runOf(TREE, ['node1', 'node3'], { 0: 'host_link', 2: 'host_link', 4: 'static', 6: 'possible' });
  const scene = draw(TREE, { run });

  it('has solid lines where it crosses for certain and dashed ones where it may', () => {
    const told = scene.lines.map(({ color, dash, bold, dim }) => [color, dash, bold, dim]);
    const [certain, possible, other] = [
      [DARK.run, 'solid', true, false],
      [DARK.run, 'dashed', true, false],
      [DARK.link, 'solid', false, true],
    ];
    expect(told).toEqual([certain, other, certain, other, certain, other, possible, other]);
  });

  it('stands out: its hosts are framed, the others fade, what is marked stays', () => {
    const hosts = scene.nodes.filter((node) => node.kind === 'host');
    expect(hosts.map(({ ofRun, dim, edge }) => [ofRun, dim, edge])).toEqual([
      [true, false, DARK.run],
      [false, true, null],
      [true, false, DARK.run],
      [false, true, null],
    ]);
    const marked = draw(smallFabric({ l: [0, 'leaf'] }, ['l/1 a', 'l/2 b degraded']), {
      run: { ...run, hosts: new Set() },
    });
    expect(marked.lines[1].dim).toBe(false);
  });

  it('keeps the colours of traffic, so that both can be read', () => {
    const drawn = draw(TREE, { run, values: traffic(TREE, { 'leaf1/1': 16 }, 16) });
    expect(drawn.lines[0].color).toBe(stepColors(DARK, 'traffic')[15]);
    expect(drawn.lines[4].color).toBe(DARK.run);
  });

  it('is counted in blocks', () => {
    expect(draw(TREE, { run }, 'all').blocks.map((block) => block.labels[0])).toEqual(['1 of 2 hosts', '1 of 2 hosts']);
  });

  it('is in the legend by what there is of it', () => {
    expect(legendOf(scene, null, run).run.map(({ dash, text }) => [dash, text])).toEqual([
      ['solid', 'Job 7: crosses it'],
      ['dashed', 'Job 7: may cross it'],
    ]);
    const certain = runOf(TREE, ['node1'], { 0: 'host_link' });
    expect(legendOf(scene, null, certain).run.map((one) => one.dash)).toEqual(['solid']);
    const perhaps = runOf(TREE, ['node1'], { 4: 'possible' });
    expect(legendOf(scene, null, perhaps).run.map((one) => one.dash)).toEqual(['dashed']);
  });
});

describe('labels', () => {
  it('have a short form where the name ends with a number', () => {
    const fabric = smallFabric({ '7': [0, 'leaf'], leaf01: [0, 'leaf'] }, ['leaf01/1 login', '7/1 node012']);
    const labels = draw(fabric).nodes.map((node) => node.labels);
    expect(labels).toEqual([['7'], ['leaf01', '01'], ['login'], ['node012', '012']]);
  });

  it('of the outermost card count what is on it', () => {
    expect(draw(TREE).cards[0].titles).toEqual(['2 spines \u00b7 2 leaves \u00b7 4 hosts', '4 hosts']);
  });
});
