import type { TimeRange } from '@grafana/data';
import { PanelRenderer } from '@grafana/runtime';
import { useTheme2 } from '@grafana/ui';
import React, { useMemo } from 'react';

import { DEFAULTS, type Options } from '../../panel/types';
import { useFrames } from '../ask';
import type { Boards } from '../boards';
import { useZone } from '../here';
import { shifted } from '../place';
import { noticesIn } from './Graph';
import { Answer, Notices, Part } from './Part';
import { useWidth } from './useWidth';

interface Props {
  readonly title: string;
  readonly width?: number;
  readonly height?: number;
  /** What is drawn: `fabric`, `fabric job=4711`. */
  readonly topology: string;
  /** The series that colour its links. */
  readonly traffic: string;
  /** The picture is that of its end. */
  readonly range: TimeRange;
  readonly boards: Boards;
}

/** A link's colour is its newest value: this much of the range's end is asked for it. */
const TRAFFIC_MS = 15 * 60_000;
const TRAFFIC_POINTS = 5;

/** The topology panel in a page: its drawing and its code, which Grafana loads once for both. */
export function Picture({ title, width, height = 560, topology, traffic, range, boards }: Props) {
  const [box, wide] = useWidth();
  const zone = useZone();
  const theme = useTheme2();
  const end = useMemo(() => endOf(range), [range]);
  const told = useFrames(
    [
      { refId: 'A', queryType: 'topology', text: topology },
      { refId: 'B', queryType: 'series', text: traffic },
    ],
    end,
    TRAFFIC_POINTS
  );
  return (
    <Part title={title} width={width}>
      <div ref={box}>
        <Answer told={told}>
          {(data) => (
            <>
              <Notices texts={noticesIn(data)} />
              {wide > 0 && (
                <PanelRenderer
                  key={theme.name}
                  pluginId="weft-topology-panel"
                  title=""
                  width={wide}
                  height={height}
                  data={data}
                  timeZone={zone}
                  options={optionsWith(boards)}
                  fieldConfig={FIELDS}
                />
              )}
            </>
          )}
        </Answer>
      </div>
    </Part>
  );
}

const FIELDS = { defaults: {}, overrides: [] };

/** There are no variables to set here, and only dashboards that there are can be opened. */
function optionsWith(boards: Boards): Options {
  const board = (uid: string) => (boards.has(uid) ? uid : '');
  return {
    ...DEFAULTS,
    hostVariable: '',
    switchVariable: '',
    cableVariable: '',
    hostBoard: board(DEFAULTS.hostBoard),
    switchBoard: board(DEFAULTS.switchBoard),
    cableBoard: board(DEFAULTS.cableBoard),
  };
}

function endOf(range: TimeRange): TimeRange {
  const ms = range.to.valueOf() - range.from.valueOf();
  return ms <= TRAFFIC_MS ? range : shifted(range, { by: 0.5 - TRAFFIC_MS / ms / 2, wider: TRAFFIC_MS / ms });
}
