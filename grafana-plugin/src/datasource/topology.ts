/** The fabric at a time for the topology panel: the back end's answers as they came, one a row. */

import { FieldType, type DataFrame } from '@grafana/data';
import { catchError, forkJoin, map, of, type Observable } from 'rxjs';

import { said, type Api } from './api';
import { noticesOf } from './frames';
import { argument, parseRequest } from './request';

/** The columns of the frame; `answer` holds objects. */
export const TOPOLOGY_FIELDS = ['part', 'answer'] as const;

/** What Explore draws it with; where Grafana cannot (up to 10.0), it shows the parts as a table. */
const PANEL = 'weft-topology-panel';

/** Hosts of a large fabric are more than the rows that a table answers by itself. */
const MOST_ROWS = 100_000;

const PARTS = {
  fabric: '/api/v1/fabric',
  levels: '/api/v1/fabric/levels',
  hosts: '/api/v1/hosts',
  vanished: '/api/v1/fabric/vanished',
  degraded: '/api/v1/fabric/degraded',
} as const;
const JOB_PARTS = ['job_ports', 'job_routes'] as const;

interface Part {
  readonly part: string;
  readonly answer: unknown;
  readonly notices: readonly string[];
}

/** `fabric`, `fabric fabric=ib`, `fabric job=4711`: a job that cannot be had is told beside the fabric. */
export function topology(api: Api, text: string, refId: string, toMs: number): Observable<DataFrame[]> {
  const request = parseRequest(text);
  const strange = request?.args.find(([key]) => key !== 'fabric' && key !== 'job');
  if (request?.name !== 'fabric' || strange) {
    throw new Error(`'${text}' asks for no topology. Write: fabric, or fabric job=4711`);
  }
  const [fabric, job] = [argument(request, 'fabric'), argument(request, 'job')];
  const whole = Object.entries(PARTS).map(([part, path]) =>
    api.get<unknown>(path, { at: toMs, fabric, limit: part === 'fabric' ? undefined : MOST_ROWS }).pipe(map(told(part)))
  );
  const ofJob = (job ? JOB_PARTS : []).map((part) =>
    api.get<unknown>('/api/v1/query', { q: part, job, limit: MOST_ROWS }).pipe(
      map(told(part)),
      catchError((error: unknown) => of<Part>({ part, answer: null, notices: [said(error)] }))
    )
  );
  return forkJoin([...whole, ...ofJob]).pipe(map((parts) => [frameOf(parts, job, refId)]));
}

function told(part: string): (answer: unknown) => Part {
  return (answer) => {
    const notices: unknown = typeof answer === 'object' && answer && 'notices' in answer ? answer.notices : [];
    const texts = Array.isArray(notices) ? notices.filter((one): one is string => typeof one === 'string') : [];
    // What a table says of its own emptiness is no news beside a picture.
    return { part, answer, notices: part === 'fabric' || part.startsWith('job_') ? texts : [] };
  };
}

function frameOf(parts: readonly Part[], job: string, refId: string): DataFrame {
  const values = { part: parts.map(({ part }) => part), answer: parts.map(({ answer }) => answer) };
  const notices = noticesOf(
    parts.flatMap(({ notices }) => notices),
    'info'
  );
  return {
    refId,
    name: 'topology',
    fields: TOPOLOGY_FIELDS.map((name) => ({
      name,
      type: name === 'part' ? FieldType.string : FieldType.other,
      config: {},
      values: values[name],
    })),
    length: parts.length,
    meta: { custom: { job }, preferredVisualisationPluginId: PANEL, ...(notices.length > 0 && { notices }) },
  };
}
