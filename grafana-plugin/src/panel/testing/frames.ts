/** Frames as the data source makes them, of answers recorded from the demo. */

import { readFileSync } from 'node:fs';
import path from 'node:path';

import { FieldType, type DataFrame } from '@grafana/data';

function recorded(name: string): unknown {
  return JSON.parse(readFileSync(path.join(__dirname, '../../../testdata', `${name}.json`), 'utf8'));
}

const PARTS = ['fabric', 'levels', 'hosts', 'vanished', 'degraded'];

export function topologyFrame(job: string): DataFrame {
  const parts = [...PARTS, ...(job ? ['job_ports', 'job_routes'] : [])];
  return {
    refId: 'A',
    name: 'topology',
    length: parts.length,
    meta: { custom: { job } },
    fields: [
      { name: 'part', type: FieldType.string, config: {}, values: parts },
      { name: 'answer', type: FieldType.other, config: {}, values: parts.map(recorded) },
    ],
  };
}

/** Traffic of the first uplink of a leaf of the recorded fabric: bytes/s. */
export function trafficFrame(leaf: string, port: number, value: number): DataFrame {
  const labels = { switch: leaf, port: String(port), what: 'PortXmitData' };
  return {
    refId: 'B',
    length: 1,
    fields: [
      { name: 'time', type: FieldType.time, config: {}, values: [0] },
      { name: 'value', type: FieldType.number, config: {}, labels, values: [value] },
    ],
  };
}
