/** The data sources that lead to a Weft, and which of them is asked. */

import type { DataSourceInstanceSettings } from '@grafana/data';
import { getDataSourceSrv } from '@grafana/runtime';

import type { DataSource } from '../datasource/datasource';

const TYPE = 'weft-fabric-datasource';

/** Where the browser keeps the choice: Grafana's own menu leads to the pages without it. */
const CHOICE = 'weft-fabric-app.source';

export function sources(): DataSourceInstanceSettings[] {
  return getDataSourceSrv().getList({ pluginId: TYPE });
}

/** The one that the URL names, else the one chosen last, else Grafana's default, else the first. */
export function sourceOf(
  all: readonly DataSourceInstanceSettings[],
  uid: string | null
): DataSourceInstanceSettings | undefined {
  const last = window.localStorage.getItem(CHOICE);
  const named = (wanted: string | null) => all.find((one) => one.uid === wanted);
  return named(uid) ?? named(last) ?? all.find((one) => one.isDefault) ?? all[0];
}

export function remember(uid: string): void {
  window.localStorage.setItem(CHOICE, uid);
}

/** The data source itself, as panels have it: what its class knows, pages need not know again. */
export async function sourceWith(uid: string): Promise<DataSource> {
  return (await getDataSourceSrv().get(uid)) as unknown as DataSource;
}
