import { dateTime, type PanelData, type TimeRange } from '@grafana/data';
import { PanelRenderer } from '@grafana/runtime';
import React from 'react';

import type { WeftQuery } from '../../datasource/types';
import { useFrames } from '../ask';
import { change, useZone } from '../here';
import { valuesOf } from '../place';
import { Answer, Notices, Part } from './Part';
import { useWidth } from './useWidth';

interface Drawn {
  /** What a panel of this kind has as `custom` field settings. */
  readonly custom?: Record<string, unknown>;
  readonly unit?: string;
  readonly height?: number;
  /** Colours of series by their name. */
  readonly colors?: Readonly<Record<string, string>>;
}

const HEIGHT = 260;

/** As many points as a graph is wide. */
const POINTS = 600;

interface Props extends Drawn {
  readonly title: string;
  readonly says?: string;
  readonly width?: number;
  readonly targets: readonly WeftQuery[];
  readonly range: TimeRange;
  /** Why there may be no series. */
  readonly empty?: string;
}

/** Series as a graph. */
export function GraphPart({ title, says, width, targets, range, empty, ...drawn }: Props) {
  const told = useFrames(targets, range, POINTS);
  return (
    <Part title={title} width={width}>
      <Answer told={told}>
        {(data) => (
          <>
            <Notices texts={[...(says ? [says] : []), ...noticesIn(data)]} />
            {data.series.some((frame) => frame.length > 0) ? (
              <Graph data={data} {...drawn} />
            ) : (
              <p>{noticesIn(data).length > 0 ? '' : (empty ?? 'No series has a point in this time.')}</p>
            )}
          </>
        )}
      </Answer>
    </Part>
  );
}

/** Grafana's own time series panel: units, legend and colours as everywhere; marking a span sets the page's time. */
export function Graph({ data, custom, unit, height = HEIGHT, colors = {} }: Drawn & { readonly data: PanelData }) {
  const [box, width] = useWidth();
  const zone = useZone();
  return (
    <div ref={box} style={{ height, overflow: 'hidden' }}>
      {width > 0 && (
        <PanelRenderer
          pluginId="timeseries"
          title=""
          width={width}
          height={height}
          data={data}
          timeZone={zone}
          options={OPTIONS}
          fieldConfig={fieldConfigOf(unit, custom, colors)}
          onChangeTimeRange={({ from, to }) =>
            change(valuesOf({ raw: { from: dateTime(Math.round(from)), to: dateTime(Math.round(to)) } }))
          }
        />
      )}
    </div>
  );
}

const OPTIONS = {
  legend: { displayMode: 'list', placement: 'bottom', showLegend: true, calcs: [] },
  tooltip: { mode: 'multi', sort: 'desc' },
};

function fieldConfigOf(unit: string | undefined, custom: Record<string, unknown> = {}, colors: Drawn['colors'] = {}) {
  return {
    defaults: {
      unit,
      color: { mode: 'palette-classic' },
      custom: { lineWidth: 1, fillOpacity: 5, showPoints: 'auto', spanNulls: false, axisSoftMin: 0, ...custom },
    },
    overrides: Object.entries(colors).map(([name, fixedColor]) => ({
      matcher: { id: 'byName', options: name },
      properties: [{ id: 'color', value: { mode: 'fixed', fixedColor } }],
    })),
  };
}

export function noticesIn(data: PanelData | undefined): string[] {
  return (data?.series ?? []).flatMap((frame) => frame.meta?.notices?.map(({ text }) => text) ?? []);
}
