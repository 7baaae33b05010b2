/** Where a cell leads: to the dashboards that `weft provision` writes, a job to its page of the app, and into Explore. */

import type { DataLink } from '@grafana/data';

import type { WeftQuery } from './types';

/** The data source that a link in Explore asks again. */
export interface Source {
  uid: string;
  name: string;
}

type Ask = readonly [title: string, queryType: WeftQuery['queryType'], text: string];

const VALUE = '${__value.raw}';

/** By the name of the column. */
const ASKS: Record<string, readonly Ask[]> = {
  job: [
    ['Placement', 'table', `placement job=${VALUE}`],
    ['Neighbours', 'table', `job_neighbours job=${VALUE}`],
    ['In the fabric', 'nodes', `nodes job=${VALUE}`],
    ['Log lines', 'logs', `logs job=${VALUE}`],
  ],
  host: [
    ['Jobs', 'table', `jobs host=${VALUE}`],
    ['Log lines', 'logs', `logs host=${VALUE}`],
  ],
  switch: [
    ['Ports', 'table', `ports switch=${VALUE}`],
    ['Around it', 'nodes', `nodes switch=${VALUE}`],
  ],
  cable: [['Where it was', 'table', `cable_history cable=${VALUE}`]],
};

const DASHBOARDS: ReadonlySet<string> = new Set(['host', 'switch', 'cable', 'user', 'partition']);

/** Links of a column's cells; undefined where they lead nowhere. */
export function linksOf(column: string, source: Source): DataLink[] | undefined {
  const asks = (ASKS[column] ?? []).map((ask) => inExplore(ask, source));
  const links = [...placesOf(column, source), ...asks];
  return links.length > 0 ? links : undefined;
}

/** A job's dashboard has a name of its own for each run, which no link can write: its page in the app stands for it. */
function placesOf(column: string, { uid }: Source): DataLink[] {
  if (column === 'job') {
    return [{ title: 'Job', url: `/a/weft-fabric-app/jobs/\${__value.raw:percentencode}?ds=${uid}` }];
  }
  const url = `/d/weft-${column}?var-${column}=\${__value.raw:percentencode}&\${__url_time_range}`;
  return DASHBOARDS.has(column) ? [{ title: 'Dashboard', url }] : [];
}

/** Links of a node of the fabric; its title is the name of a switch or host, both of which log. */
export function linksOfNode(source: Source): DataLink[] {
  return [inExplore(['Log lines', 'logs', 'logs host=${__data.fields.title}'], source)];
}

function inExplore([title, queryType, text]: Ask, { uid, name }: Source): DataLink<WeftQuery> {
  return {
    title,
    url: '',
    internal: { query: { refId: 'A', queryType, text }, datasourceUid: uid, datasourceName: name },
  };
}
