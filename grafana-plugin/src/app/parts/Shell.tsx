import type { NavModelItem, TimeRange } from '@grafana/data';
import { PluginPage } from '@grafana/runtime';
import { RefreshPicker, Select, TimeRangePicker } from '@grafana/ui';
import React, { useEffect } from 'react';

import { change, useHere, useZone } from '../here';
import { shifted, valuesOf } from '../place';
import { remember, sources } from '../source';

interface Props {
  /** Of a page below one of the lists; a list has its title from Grafana's menu. */
  readonly nav?: NavModelItem;
  readonly range: TimeRange;
  readonly children: React.ReactNode;
}

/** Grafana's page around ours, with the data source, the time range and the refresh interval at its head. */
export function Shell({ nav, range, children }: Props) {
  return (
    <PluginPage pageNav={nav} actions={<Tools range={range} />}>
      {children}
    </PluginPage>
  );
}

function Tools({ range }: { range: TimeRange }) {
  const { query, again } = useHere();
  const zone = useZone();
  const go = (next: TimeRange) => change(valuesOf(next));
  return (
    <>
      <SourcePicker />
      <TimeRangePicker
        isOnCanvas
        value={range}
        timeZone={zone}
        onChange={go}
        onChangeTimeZone={(timezone) => change({ timezone })}
        onMoveBackward={() => go(shifted(range, { by: -0.5 }))}
        onMoveForward={() => go(shifted(range, { by: 0.5 }))}
        onZoom={() => go(shifted(range, { wider: 2 }))}
      />
      <RefreshPicker
        isOnCanvas
        intervals={['5s', '10s', '30s', '1m', '5m']}
        value={query.get('refresh') ?? ''}
        tooltip="Refresh"
        onRefresh={again}
        onIntervalChanged={(refresh) => change({ refresh }, true)}
      />
    </>
  );
}

/** Only where there is something to choose. */
function SourcePicker() {
  const { source } = useHere();
  const all = sources();
  useEffect(() => remember(source.uid), [source.uid]);
  if (all.length < 2) {
    return null;
  }
  return (
    <Select
      aria-label="Data source"
      width={24}
      options={all.map(({ uid, name }) => ({ value: uid, label: name }))}
      value={source.uid}
      onChange={({ value }) => change({ ds: value })}
    />
  );
}
