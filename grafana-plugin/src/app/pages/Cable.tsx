import { dateTimeFormat, type TimeRange } from '@grafana/data';
import { config } from '@grafana/runtime';
import { Alert, LinkButton, useStyles2 } from '@grafana/ui';
import React from 'react';

import type { LinesAnswer, Table } from '../../datasource/types';
import { DEFAULTS } from '../../panel/types';
import { spanOf, useApi, useTable, useTables } from '../ask';
import { useBoards } from '../boards';
import { historyIn, lastOf, notesOn, portOf, type Place } from '../cable';
import { useHref, useRange, useZone } from '../here';
import { State } from '../parts/DataTable';
import { GraphPart } from '../parts/Graph';
import { Lines } from '../parts/Lines';
import { Answer, Facts, Notices, Part } from '../parts/Part';
import { Shell } from '../parts/Shell';
import { TablePart } from '../parts/TablePart';
import { valuesOf } from '../place';
import { rate } from '../run';
import { styles } from '../styles';

interface CableProps {
  readonly history: readonly Place[];
  readonly range: TimeRange;
}

/** One cable, followed through its moves: where it was, what was counted at its ends, whom that met. */
export default function Cable({ cable }: { cable: string }) {
  const css = useStyles2(styles);
  const href = useHref();
  const range = useRange('now-24h');
  const told = useTable('cable_history', { cable });
  const nav = {
    text: `Cable ${cable}`,
    url: href({ at: 'cable', cable }),
  };
  return (
    <Shell nav={nav} range={range}>
      <Answer told={told}>
        {(answer) => {
          const history = historyIn(answer);
          return (
            <>
              <Notices texts={answer.notices} />
              {history.length === 0 && answer.notices.length === 0 && <p>Nothing is known of it.</p>}
              {history.length > 0 && (
                <div className={css.parts}>
                  <Head history={history} range={range} />
                  <History history={history} />
                  <More cable={history[0].cable} />
                  <Counted history={history} range={range} />
                  <Met history={history} range={range} />
                </div>
              )}
            </>
          );
        }}
      </Answer>
    </Shell>
  );
}

function Head({ history, range }: CableProps) {
  const css = useStyles2(styles);
  const timeZone = useZone();
  const href = useHref();
  const now = lastOf(history);
  const when = (ms: number | null) => ms !== null && dateTimeFormat(ms, { timeZone });
  const boards = useBoards([DEFAULTS.cableBoard]);
  const { from, to } = valuesOf(range);
  const degraded = useTable('degraded', { at: range.to.valueOf() });
  const flapping = useTable('flapping', {}, spanOf(range));
  const notes = notesOn(now.cable, degraded.value, flapping.value);
  const facts: ReadonlyArray<readonly [string, React.ReactNode]> = [
    ['Cable', now.cable],
    ['Identity', <State key="identity" state={now.identity} />],
    [now.to === null ? 'Plugged in' : 'Was in', `${now.a} – ${now.b}`],
    ['Since', when(now.from)],
    ['Until', when(now.to)],
    ['Last confirmed', when(now.confirmed)],
    ['Moves', history.filter(({ reading }) => reading === now.reading).length - 1],
  ];
  return (
    <Part
      title="This cable"
      aside={
        boards.has(DEFAULTS.cableBoard) && (
          <LinkButton
            size="sm"
            variant="secondary"
            icon="apps"
            href={`${config.appSubUrl}/d/${DEFAULTS.cableBoard}?var-cable=${now.cable}&from=${from}&to=${to}`}
          >
            Its dashboard
          </LinkButton>
        )
      }
    >
      <Facts facts={facts.map(([name, value]) => [name, value === false ? null : value] as const)} />
      {now.or_cable !== null && (
        <Alert severity="warning" title="It may be another cable">
          What was seen can be read in two ways; in the other one this is{' '}
          <a className={css.link} href={href({ at: 'cable', cable: now.or_cable })}>
            {now.or_cable}
          </a>
          . Both are told below, and whatever is counted along a cable is only as sure as that.
        </Alert>
      )}
      <Notices texts={[...notes, degraded.trouble, flapping.trouble].filter((text) => text !== '')} />
    </Part>
  );
}

/** Each reading as a list of places, newest first. */
function History({ history }: Pick<CableProps, 'history'>) {
  const css = useStyles2(styles);
  const timeZone = useZone();
  const when = (ms: number | null) => (ms === null ? '' : dateTimeFormat(ms, { timeZone }));
  const readings = [...new Set(history.map(({ reading }) => reading))];
  return (
    <Part title="Where it was" width={readings.length > 1 ? 12 : 6}>
      {readings.map((reading) => (
        <div key={reading}>
          {readings.length > 1 && <h3 className={css.title}>{`Reading: ${reading}`}</h3>}
          <ol className={css.history}>
            {history
              .filter((one) => one.reading === reading)
              .reverse()
              .map((place) => (
                <li key={`${place.a} ${place.from}`}>
                  <b>{`${place.a} – ${place.b}`}</b>
                  <div className={css.small}>{`${when(place.from)} – ${when(place.to) || 'now'}`}</div>
                  <div>{place.story}</div>
                </li>
              ))}
          </ol>
        </div>
      ))}
    </Part>
  );
}

const aboutCables = (table: Table) =>
  table.name !== 'cable_history' && table.params.some(({ name, required }) => name === 'cable' && required);

/** Whatever else the back end answers about one cable: a table that it has tomorrow is shown without a new plugin. */
function More({ cable }: { cable: string }) {
  const { value: tables = [] } = useTables();
  return (
    <>
      {tables.filter(aboutCables).map(({ name, doc }) => (
        <TablePart key={name} title={doc.replace(/\.$/, '')} table={name} args={{ cable }} />
      ))}
    </>
  );
}

function Counted({ history, range }: CableProps) {
  const path = `cable.${history[0].cable}.*`;
  const series = (text: string) => [{ refId: 'A', queryType: 'series' as const, text }];
  return (
    <>
      <GraphPart
        title="Errors at its ends"
        says="Counters that point at a link; what they rose by in each step. The series follow the cable."
        width={6}
        targets={series(`aliasByNode(removeBelowValue(nonNegativeDerivative(${path}.${ERRORS}), 1), 2, 3)`)}
        range={range}
        empty="Nothing was counted at its ends in this time."
      />
      <GraphPart
        title="Sent into it"
        says="At its end a, and at its end b."
        width={6}
        unit="Bps"
        targets={series(`aliasByNode(${rate(`${path}.PortXmitData`)}, 2)`)}
        range={range}
      />
      <GraphPart
        title="Congestion at its ends"
        says="XmitWait a second, in ticks of the device: time with data to send and no credit."
        width={6}
        unit="short"
        targets={series(`aliasByNode(perSecond(${path}.PortXmitWait), 2)`)}
        range={range}
      />
    </>
  );
}

/** Counters that point at a link, as the cable's dashboard has them. */
const ERRORS =
  '{ExcessiveBufferOverrunErrors,LinkDownedCounter,LinkErrorRecoveryCounter,LocalLinkIntegrityErrors,PortRcvErrors,SymbolErrorCounter}';

const MOST_LINES = 50;

/** Jobs that crossed it where it is, and what both ends said. */
function Met({ history, range }: CableProps) {
  const css = useStyles2(styles);
  const href = useHref();
  const link = portOf(lastOf(history));
  const span = spanOf(range);
  const told = useApi<LinesAnswer>('/api/v1/logs/search', { link, ...span, limit: MOST_LINES });
  return (
    <>
      <TablePart
        title={`Jobs that crossed ${link}, or may have`}
        table="link_runs"
        args={{ link }}
        span={span}
        opens={(cell) => ({ at: 'job', job: String(cell('run')) })}
      />
      <Part
        title="What both its ends said"
        aside={
          <LinkButton
            size="sm"
            variant="secondary"
            icon="search"
            href={href({ at: 'logs' }, { link, ...valuesOf(range) })}
          >
            Search them
          </LinkButton>
        }
      >
        <Answer told={told}>
          {({ rows, total, notices }) => (
            <>
              <Notices texts={notices} />
              <p className={css.soft}>
                {rows.length === 0
                  ? 'Nothing in this time.'
                  : `The newest ${rows.length} of ${total.toLocaleString('en')}.`}
              </p>
              <Lines label="Log lines of both ends" lines={rows} words={[]} />
            </>
          )}
        </Answer>
      </Part>
    </>
  );
}
