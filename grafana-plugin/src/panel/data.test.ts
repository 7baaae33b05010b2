import { FieldType, type DataFrame } from '@grafana/data';

import { TREE } from '../core/testing/small';
import { pictureIn, valuesIn } from './data';
import { topologyFrame } from './testing/frames';

function series(labels: Record<string, string>, values: Array<number | null>): DataFrame {
  const time = { name: 'time', type: FieldType.time, config: {}, values: values.map((_, i) => i) };
  return {
    length: values.length,
    fields: [time, { name: 'value', type: FieldType.number, config: {}, labels, values }],
  };
}

describe('the picture', () => {
  it('is read from the frame of a topology, whatever else the panel asks', () => {
    const picture = pictureIn([series({ switch: 'leaf1' }, [1]), topologyFrame('demo:4711@1795648500000')]);
    expect(picture?.fabric.nodes).toHaveLength(79); // 7 switches, 71 hosts and one that is gone
    expect(picture?.run?.name).toBe('Job demo:4711');
    expect(picture?.run?.hosts.size).toBe(16);
    expect(picture?.runKey).toBe('demo:4711@1795648500000');
  });

  it('has no run where none is asked, and is none where no topology is', () => {
    expect(pictureIn([topologyFrame('')])).toMatchObject({ run: null, runKey: null });
    expect(pictureIn([series({}, [1])])).toBeNull();
  });

  it('says what is wrong with an answer that is none', () => {
    const frame = topologyFrame('');
    frame.fields[1].values[0] = { nodes: [], links: [{ a: 'x', b: 'y' }] };
    expect(() => pictureIn([frame])).toThrow(
      'The answer of /api/v1/fabric, link 1 has no known node as its end `a`. Check that its address is that of a Weft server.'
    );
  });
});

describe('values of ports', () => {
  const sent = { switch: 'leaf1', port: '1', what: 'PortXmitData' };

  it('are the newest of traffic, the higher of what is sent and received', () => {
    const frames = [
      series(sent, [1, 8, null]),
      series({ ...sent, what: 'PortRcvData' }, [9, 7]),
      series({ ...sent, port: '2' }, [null]),
      series({ ...sent, what: 'SymbolErrorCounter' }, [100]),
      series({ ...sent, switch: 'unknown' }, [3]),
    ];
    expect(valuesIn(frames, TREE, 'traffic')).toEqual(new Map([['leaf1/1', 8]]));
  });

  it('are all rises of all errors', () => {
    const frames = [
      series({ ...sent, what: 'SymbolErrorCounter' }, [1, null, 2, -1]),
      series({ ...sent, what: 'LinkDownedCounter' }, [1]),
      series(sent, [50]),
    ];
    expect(valuesIn(frames, TREE, 'errors')).toEqual(new Map([['leaf1/1', 4]]));
  });

  it('are found by the stored name as well', () => {
    const frames = [series({ name: 'fabric.7cfe900300a00000.12.PortXmitData' }, [4])];
    expect(valuesIn(frames, TREE, 'traffic')).toEqual(new Map([['7cfe900300a00000/12', 4]]));
  });
});
