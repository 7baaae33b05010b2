import { dateTimeFormat, formattedValueToString, getValueFormat, type TimeRange } from '@grafana/data';
import { config } from '@grafana/runtime';
import { LinkButton, useStyles2 } from '@grafana/ui';
import React, { useMemo } from 'react';

import type { LinesAnswer } from '../../datasource/types';
import { jobBoard } from '../../panel/actions';
import { DEFAULTS } from '../../panel/types';
import { spanOf, useApi, useFrames, useTable } from '../ask';
import { useBoards, type Boards } from '../boards';
import { useHere, useHref, useRange, useZone } from '../here';
import { valuesOf } from '../place';
import { State } from '../parts/DataTable';
import { GraphPart } from '../parts/Graph';
import { Lines } from '../parts/Lines';
import { Answer, Facts, Notices, Part } from '../parts/Part';
import { Picture } from '../parts/Picture';
import { Placement } from '../parts/Placement';
import { Shell } from '../parts/Shell';
import { TablePart, ToldPart } from '../parts/TablePart';
import { chosenOf, nodeOf, rate, spanOfRun, trafficIn, withTraffic, type RunRow } from '../run';
import { styles } from '../styles';

const TABS = { '': 'Overview', network: 'Hosts, ports, cables', neighbours: 'Neighbours', logs: 'Log lines' } as const;
type Tab = keyof typeof TABS;

interface RunProps {
  readonly run: RunRow;
  readonly range: TimeRange;
}

/** One job: what it was, how it lay, what it used and carried, who was near it, what its hosts said. */
export default function Job({ job }: { job: string }) {
  const told = useApi<{ rows: RunRow[]; notices: string[] }>(`/api/v1/jobs/${encodeURIComponent(job)}`);
  const run = told.value && chosenOf(told.value.rows);
  const others = (told.value?.rows ?? []).filter((one) => one !== run);
  const { from, to } = useMemo(() => (run ? spanOfRun(run) : { from: 'now-6h', to: 'now' }), [run]);
  const range = useRange(from, to);
  return (
    <Shell nav={useNav(job, run)} range={range}>
      <Answer told={told}>
        {({ notices }) => (
          <>
            <Notices texts={notices} />
            {run ? (
              <Told key={run.run} run={run} others={others} range={range} />
            ) : (
              <p>Nothing is known of job {job}.</p>
            )}
          </>
        )}
      </Answer>
    </Shell>
  );
}

function useTab(): Tab {
  const tab = useHere().query.get('tab') ?? '';
  return tab in TABS ? (tab as Tab) : '';
}

function useNav(job: string, run: RunRow | undefined) {
  const { query } = useHere();
  const href = useHref();
  const tab = useTab();
  const values = { from: query.get('from') ?? undefined, to: query.get('to') ?? undefined };
  return {
    text: `Job ${run?.job ?? job}`,
    subTitle: run ? [run.name, run.user].filter(Boolean).join(' · ') : undefined,
    url: href({ at: 'job', job }, values),
    parentItem: { text: 'Jobs', url: href({ at: 'jobs' }) },
    children: Object.entries(TABS).map(([name, text]) => ({
      text,
      url: href({ at: 'job', job }, { ...values, tab: name }),
      active: name === tab,
    })),
  };
}

function Told({ run, others, range }: RunProps & { readonly others: readonly RunRow[] }) {
  const css = useStyles2(styles);
  const board = jobBoard(run.run);
  const boards = useBoards([...(board ? [board] : []), DEFAULTS.hostBoard, DEFAULTS.switchBoard, DEFAULTS.cableBoard]);
  const tab = useTab();
  return (
    <div className={css.parts}>
      <Head run={run} others={others} board={board !== null && boards.has(board) ? board : null} range={range} />
      {run.start === null ? (
        <Part title="It has not started">
          <p className={css.soft}>A job has hosts, a place in the fabric and traffic from its start on.</p>
        </Part>
      ) : (
        <>
          {tab === '' && <Overview run={run} range={range} boards={boards} />}
          {tab === 'network' && <Network run={run} range={range} />}
          {tab === 'neighbours' && <Neighbours run={run} />}
          {tab === 'logs' && <Said run={run} range={range} />}
        </>
      )}
    </div>
  );
}

interface HeadProps extends RunProps {
  readonly others: readonly RunRow[];
  readonly board: string | null;
}

function Head({ run, others, board, range }: HeadProps) {
  const css = useStyles2(styles);
  const href = useHref();
  const timeZone = useZone();
  const when = (ms: number | null) => ms !== null && dateTimeFormat(ms, { timeZone });
  const lasted = (s: number | null) => s !== null && formattedValueToString(getValueFormat('dtdhms')(s));
  const { from, to } = valuesOf(range);
  return (
    <Part
      title="What it was"
      aside={
        board && (
          <LinkButton
            size="sm"
            variant="secondary"
            icon="apps"
            href={`${config.appSubUrl}/d/${board}?from=${from}&to=${to}`}
          >
            Its dashboard
          </LinkButton>
        )
      }
    >
      <Facts
        facts={[
          ['State', <State key="state" state={run.state} />],
          [
            'User',
            run.user && (
              <a key="user" className={css.link} href={href({ at: 'jobs' }, { user: run.user })}>
                {run.user}
              </a>
            ),
          ],
          ['Name', run.name],
          ['Hosts', run.hosts],
          ['Start', when(run.start)],
          ['End', when(run.end)],
          ['Took', lasted(run.elapsed)],
          ['Submitted', when(run.submit)],
          ['Exit', exitOf(run)],
          ['Partition', run.partition],
          ['Account', run.account],
          ['Cluster', run.cluster],
          ['Last confirmed', run.end === null && when(run.confirmed)],
        ].map(([name, value]) => [String(name), value === false ? null : value] as const)}
      />
      {others.length > 0 && (
        <Facts
          facts={[
            [
              'Other runs of this job',
              others.map((one) => (
                <div key={one.run}>
                  <a className={css.link} href={href({ at: 'job', job: one.run })}>
                    {when(one.start) || 'not started'}
                  </a>{' '}
                  <State state={one.state} />
                </div>
              )),
            ],
          ]}
        />
      )}
    </Part>
  );
}

function exitOf({ exit_code: code, exit_signal: signal }: RunRow): string | null {
  return code === null ? null : signal ? `${code}, killed by signal ${signal}` : String(code);
}

/** From so many hosts on, a graph has the busiest ports only. */
const MANY_HOSTS = 40;
const BUSIEST = 20;

function Overview({ run, range, boards }: RunProps & { readonly boards: Boards }) {
  const node = nodeOf(run);
  const many = (run.hosts ?? 0) > MANY_HOSTS;
  const graph = (title: string, counter: string, says: string) => {
    const told = rate(`job.${node}.ports.*.*.${counter}`);
    const text = `aliasByTags(${many ? `highestAverage(${told}, ${BUSIEST})` : told}, 'host', 'switch', 'port')`;
    return (
      <GraphPart
        title={title}
        says={many ? `${says} The ${BUSIEST} busiest ports.` : says}
        width={6}
        unit="Bps"
        targets={[{ refId: 'A', queryType: 'series', text }]}
        range={range}
      />
    );
  };
  return (
    <>
      <Placement run={run.run} />
      <Picture
        title="Where it lay, and its routes"
        topology={`fabric job=${run.run}`}
        traffic={rate(`job.${node}.routes.*.*.{PortXmitData,PortRcvData}`)}
        range={range}
        boards={boards}
      />
      {graph('Received by its hosts', 'PortXmitData', 'What the switch ports sent to them.')}
      {graph('Sent by its hosts', 'PortRcvData', 'What the switch ports received from them.')}
    </>
  );
}

/** A mean needs no more points of each port. */
const MEAN_POINTS = 60;

function Network({ run, range }: RunProps) {
  const args = { job: run.run };
  const ports = useTable('job_ports', args);
  const path = `job.${nodeOf(run)}.ports.*.*.{PortXmitData,PortRcvData}`;
  const frames = useFrames([{ refId: 'A', queryType: 'series', text: rate(path) }], range, MEAN_POINTS);
  const { value: carried, trouble } = frames;
  const told = useMemo(() => {
    const { value } = ports;
    const doubts = trouble === '' ? [] : [`What its ports carried is not known: ${trouble}`];
    const traffic = trafficIn(carried?.series ?? []);
    return { ...ports, value: value && withTraffic({ ...value, notices: [...value.notices, ...doubts] }, traffic) };
  }, [ports, carried, trouble]);
  return (
    <>
      <TablePart title="Switches that its hosts hung on" table="job_switches" args={args} hidden={HIDDEN} />
      <ToldPart title="Ports of its hosts" told={told} hidden={HIDDEN} />
      <TablePart title="Cables" table="job_cables" args={args} hidden={HIDDEN} />
      <TablePart title="Ports on its routes" table="job_routes" args={args} hidden={HIDDEN} />
      <TablePart title="Hosts" table="job_hosts" args={args} hidden={HIDDEN} />
    </>
  );
}

/** The job itself is what the page is about. */
const HIDDEN = ['job', 'run', 'guid', 'switch_guid', 'hca_guid', 'fabric'];

function Neighbours({ run }: { run: RunRow }) {
  return (
    <TablePart
      title="Jobs on its hosts, leaf switches and routes at the same time, nearest first"
      table="job_neighbours"
      args={{ job: run.run }}
      opens={(cell) => ({ at: 'job', job: String(cell('run')) })}
    />
  );
}

/** Lines of a page about something else than lines. */
const MOST_LINES = 100;

function Said({ run, range }: RunProps) {
  const css = useStyles2(styles);
  const href = useHref();
  const told = useApi<LinesAnswer>('/api/v1/logs/search', { job: run.run, ...spanOf(range), limit: MOST_LINES });
  return (
    <Part
      title="What its hosts said while it ran"
      aside={
        <LinkButton
          size="sm"
          variant="secondary"
          icon="search"
          href={href({ at: 'logs' }, { job: run.run, ...valuesOf(range) })}
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
              {rows.length < total
                ? `The newest ${rows.length} of ${total.toLocaleString('en')} lines.`
                : rows.length === 0
                  ? 'They said nothing in this time.'
                  : `${rows.length} lines.`}
            </p>
            <Lines label="Log lines of the job" lines={rows} words={[]} />
          </>
        )}
      </Answer>
    </Part>
  );
}
