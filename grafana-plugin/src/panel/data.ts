/** What the panel's queries answered, as the drawing core reads it: pure. */

import { FieldType, type DataFrame, type Field } from '@grafana/data';

import { type Fabric, portKey, readFabric, readRun, type Run, Unreadable, type ValueKind } from '../core';

export interface Picture {
  readonly fabric: Fabric;
  readonly run: Run | null;
  /** Key of the run that is shown, `<cluster>:<id>@<start ms>`. */
  readonly runKey: string | null;
}

/** The picture in the frames; null: no query asked for it. Raises Unreadable. */
export function pictureIn(frames: readonly DataFrame[]): Picture | null {
  const frame = frames.find((one) => fieldOf(one, 'part') && fieldOf(one, 'answer'));
  const [parts, answers] = [frame && fieldOf(frame, 'part'), frame && fieldOf(frame, 'answer')];
  if (!frame || !parts || !answers) {
    return null;
  }
  const told = new Map<unknown, unknown>(parts.values.map((part: unknown, i: number) => [part, answers.values[i]]));
  const of = (part: string) => told.get(part) ?? undefined;
  const fabric = readFabric({
    fabric: of('fabric'),
    levels: of('levels'),
    hosts: of('hosts'),
    vanished: of('vanished'),
    degraded: of('degraded'),
  });
  const ports = of('job_ports');
  if (!ports) {
    return { fabric, run: null, runKey: null };
  }
  const job = String((frame.meta?.custom as { job?: unknown } | undefined)?.job ?? '').replace(/@\d+$/, '');
  return { fabric, run: readRun(fabric, `Job ${job}`, ports, of('job_routes')), runKey: keyIn(ports) };
}

function fieldOf(frame: DataFrame, name: string): Field | undefined {
  return frame.fields.find((field) => field.name === name);
}

/** The run of the rows; null where there are several, or none. */
function keyIn(ports: unknown): string | null {
  const { columns, rows } = ports as { columns?: Array<{ name: string }>; rows?: unknown[][] };
  const at = columns?.findIndex(({ name }) => name === 'run') ?? -1;
  const keys = new Set((at < 0 ? [] : (rows ?? [])).map((row) => row[at]));
  const [key] = keys;
  return keys.size === 1 && typeof key === 'string' ? key : null;
}

/**
 * A value for each port, from series: `switch.<name>.<port>.<counter>` by their tags, `fabric.<guid>.<port>.<counter>` by
 * their name. Of traffic the newest value counts, of errors what all of a port rose by; a counter of data is traffic, any
 * other one is errors. Where one port has several series of traffic (sent, received), the highest counts.
 */
export function valuesIn(frames: readonly DataFrame[], fabric: Fabric, kind: ValueKind): Map<string, number> {
  const guids = new Map(
    fabric.nodes.flatMap((node) => (node.kind === 'switch' ? [[node.name, node.id] as const] : []))
  );
  const found = new Map<string, number>();
  for (const field of frames.flatMap(({ fields }) => fields)) {
    const port = field.type === FieldType.number && field.labels ? portOf(field.labels, guids) : null;
    if (!port || port.isData !== (kind === 'traffic')) {
      continue;
    }
    const value = kind === 'traffic' ? newest(field.values) : rise(field.values);
    const before = found.get(port.key);
    if (value !== null) {
      found.set(port.key, before === undefined ? value : kind === 'traffic' ? Math.max(before, value) : before + value);
    }
  }
  return found;
}

function portOf(
  labels: Readonly<Record<string, string>>,
  guids: ReadonlyMap<string, string>
): { key: string; isData: boolean } | null {
  const stored = /^fabric\.([0-9a-f]+)\.(\d+)\.(\w+)$/.exec(labels.name ?? '');
  const guid = stored?.[1] ?? guids.get(labels.switch ?? '');
  const port = Number(stored?.[2] ?? labels.port);
  const counter = stored?.[3] ?? labels.what ?? '';
  return guid && port ? { key: portKey(guid, port), isData: /^Port(Xmit|Rcv)Data/.test(counter) } : null;
}

function newest(values: readonly unknown[]): number | null {
  for (let i = values.length - 1; i >= 0; i--) {
    const value = values[i];
    if (typeof value === 'number' && Number.isFinite(value)) {
      return value;
    }
  }
  return null;
}

function rise(values: readonly unknown[]): number | null {
  const known = values.filter((value): value is number => typeof value === 'number' && Number.isFinite(value));
  return known.length ? known.reduce((sum, value) => sum + Math.max(0, value), 0) : null;
}

/** Why there is nothing to draw. */
export const NO_PICTURE =
  'No query of this panel asks for a topology. Choose the Weft data source and ask for Topology: fabric';

/** What is wrong with an answer, in words for a person. */
export function wordsOf(problem: unknown): string {
  if (problem instanceof Unreadable) {
    return problem.message;
  }
  throw problem;
}
