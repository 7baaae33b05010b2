import { fatTree } from '../harness/generate';
import { readFabric } from '../src/core';
import { TREE } from '../src/core/testing/small';
import { Meter, readSeries, rises, type Series, targetsOf } from './measure';

const S = 1000;

function series(name: string, points: Array<[number | null, number]>): Series {
  const [, guid, port] = name.split('.');
  return { name, port: `${guid}/${port}`, points };
}

describe('rates', () => {
  it('are bytes a second between the last two values known: a word has four bytes', () => {
    const meter = new Meter();
    meter.feed([
      series('fabric.aa.1.PortXmitData', [
        [1000, 0],
        [2000, 10 * S],
        [null, 20 * S],
        [5000, 30 * S],
        [null, 40 * S],
      ]),
    ]);
    // 3,000 words of 4 bytes in 20 s.
    expect(meter.byPort(0)).toEqual(new Map([['aa/1', 600]]));
    expect(meter.newestMs).toBe(30 * S);
  });

  it('go on from what was fed before, and count nothing twice', () => {
    const meter = new Meter();
    meter.feed([series('fabric.aa.1.PortXmitData', [[0, 0]])]);
    expect([meter.byPort(0).size, meter.settled]).toEqual([0, false]);
    const later: Array<[number, number]> = [
      [0, 0],
      [100, 10 * S],
    ];
    meter.feed([series('fabric.aa.1.PortXmitData', later)]);
    meter.feed([series('fabric.aa.1.PortXmitData', later)]);
    expect([meter.byPort(0).get('aa/1'), meter.settled]).toEqual([40, true]);
  });

  it('are not known over a reset, and left out when they are old', () => {
    const meter = new Meter();
    meter.feed([
      series('fabric.aa.1.PortXmitData', [
        [500, 0],
        [3, 10 * S],
      ]),
      series('fabric.bb.1.PortXmitData', [
        [0, 0],
        [10, 10 * S],
      ]),
    ]);
    expect([...meter.byPort(0).keys()]).toEqual(['bb/1']);
    expect(meter.byPort(11 * S).size).toBe(0);
  });

  it('of the device and of what OpenSM sums up are one: the higher', () => {
    const meter = new Meter();
    const points = (words: number): Array<[number, number]> => [
      [0, 0],
      [words, 10 * S],
    ];
    meter.feed([
      series('fabric.aa.1.PortXmitData', points(100)),
      series('fabric.aa.1.PortXmitData_perfmgr', points(200)),
    ]);
    expect(meter.byPort(0)).toEqual(new Map([['aa/1', 80]]));
  });
});

it('errors are what the counters of a port rose by together; after a reset the new value counts', () => {
  const found = rises([
    series('fabric.aa.1.SymbolErrorCounter', [
      [5, 0],
      [null, 1],
      [9, 2],
      [2, 3],
      [3, 4],
    ]),
    series('fabric.aa.1.LinkDownedCounter', [
      [1, 0],
      [2, 1],
    ]),
    series('fabric.bb.1.SymbolErrorCounter', [[7, 0]]),
  ]);
  // 4 + 2 + 1 of symbol errors, and one link down; bb counted nothing in this time.
  expect(found).toEqual(
    new Map([
      ['aa/1', 8],
      ['bb/1', 0],
    ])
  );
});

it('passes over series that are no counters of a port', () => {
  const datapoints = [[1, 0]];
  const answer = {
    series: [
      { target: 'fabric.aa.12.PortXmitData', datapoints },
      { target: 'demo.node001.cpu.user', datapoints },
      { target: 'fabric.aa', datapoints },
    ],
  };
  expect(readSeries(answer).map(({ port }) => port)).toEqual(['aa/12']);
  expect(readSeries(null)).toEqual([]);
});

it('asks for all ports at once, and for a large fabric in pieces that the back end takes', () => {
  expect(targetsOf(TREE, 'traffic')).toEqual(['fabric.*.*.{PortXmitData,PortXmitData_perfmgr}']);
  const large = readFabric(fatTree(12000));
  const targets = targetsOf(large, 'traffic');
  const guids = targets.flatMap((target) => (/\{(.*?)\}/.exec(target)?.[1] ?? '').split(','));
  const ends = new Set(large.links.flatMap(({ a, b, gone }) => (gone ? [] : [a.guid, b.guid])));
  expect(new Set(guids)).toEqual(ends);
  expect(guids).toHaveLength(ends.size);
  expect(Math.max(...targets.map((target) => target.length))).toBeLessThan(4096);
});
