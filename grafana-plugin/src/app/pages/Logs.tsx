import type { TimeRange } from '@grafana/data';
import { LinkButton, useStyles2 } from '@grafana/ui';
import React, { useState } from 'react';

import { searchWords, term, toggled } from '../../datasource/lucene';
import { withArgument, writeRequest } from '../../datasource/request';
import type { LinesAnswer, Table } from '../../datasource/types';
import { spanOf, useApi, useFrames, type Told } from '../ask';
import { argsIn, requestIn } from '../filters';
import { change, useHere, useHref, useRange } from '../here';
import { FilterBar, WithTable } from '../parts/FilterBar';
import { Graph, noticesIn } from '../parts/Graph';
import { FilterButtons, LEVEL_COLORS, Lines } from '../parts/Lines';
import { Answer, Notices, Part, Trouble } from '../parts/Part';
import { Shell } from '../parts/Shell';
import { styles } from '../styles';

/** Lines in a page of the list. */
const PAGE = 200;

const BARS = 120;

/** Fields that are open at first; the times and identities of lines have no commonest values. */
const OPEN = ['severity', 'host', 'program'];
const NO_VALUES = ['time', 'id', 'message'];
const MOST_VALUES = 8;

interface Props {
  readonly table: Table;
  readonly range: TimeRange;
}

/** Log lines that are looked for: how many over time, what they have in common, what they say. */
export default function Logs() {
  const range = useRange('now-1h');
  return (
    <Shell range={range}>
      <WithTable name="logs">
        {(table) => (
          <>
            <FilterBar table={table} range={range} />
            <View table={table} range={range} />
          </>
        )}
      </WithTable>
    </Shell>
  );
}

function View({ table, range }: Props) {
  const css = useStyles2(styles);
  const { query } = useHere();
  const found = useApi<LinesAnswer>('/api/v1/logs/search', { ...argsIn(query, table), ...spanOf(range), limit: PAGE });
  if (found.trouble !== '') {
    return <Trouble text={found.trouble} />; // of the query, mostly: fields and bars would say it again
  }
  return (
    <div className={css.columns}>
      <div>
        <Fields table={table} range={range} />
      </div>
      <div style={{ minWidth: 0 }}>
        <Histogram table={table} range={range} />
        <Found told={found} />
      </div>
    </div>
  );
}

function Histogram({ table, range }: Props) {
  const { query } = useHere();
  const request = withArgument(requestIn(query, table), 'cursor', '');
  const told = useFrames([{ refId: 'A', queryType: 'volume', text: writeRequest(request) }], range, BARS);
  return (
    <Answer told={told}>
      {(data) => (
        <>
          <Notices texts={noticesIn(data)} />
          {data.series.length > 0 && <Graph data={data} custom={BAR} colors={LEVEL_COLORS} height={150} />}
        </>
      )}
    </Answer>
  );
}

const BAR = {
  drawStyle: 'bars',
  fillOpacity: 70,
  lineWidth: 0,
  barAlignment: 1,
  showPoints: 'never',
  stacking: { mode: 'normal', group: 'A' },
};

function Found({ told }: { told: Told<LinesAnswer> }) {
  const css = useStyles2(styles);
  const { query } = useHere();
  const href = useHref();
  const { cursor: at, ...rest } = Object.fromEntries(query);
  return (
    <Answer told={told}>
      {({ rows, total, at_least, cursor, notices }) => (
        <>
          <div className={css.bar}>
            <span className={css.soft} role="status">
              {totalOf(total, at_least)}
            </span>
            <span className={css.grow} />
            {at && (
              <LinkButton size="sm" variant="secondary" fill="outline" href={href({ at: 'logs' }, rest)}>
                Newest
              </LinkButton>
            )}
            {cursor !== null && rows.length === PAGE && (
              <LinkButton size="sm" variant="secondary" fill="outline" href={href({ at: 'logs' }, { ...rest, cursor })}>
                Older lines
              </LinkButton>
            )}
          </div>
          <Notices texts={notices} />
          {rows.length === 0 && notices.length === 0 && <p>No line matches in this time.</p>}
          <Lines
            label="Log lines"
            lines={rows}
            words={searchWords(query.get('query') ?? '')}
            onFilter={filter(query)}
          />
        </>
      )}
    </Answer>
  );
}

function totalOf(total: number, atLeast: boolean): string {
  const lines = `${total.toLocaleString('en')} ${total === 1 ? 'line matches' : 'lines match'}`;
  return atLeast ? `More than ${lines}` : lines;
}

/** Puts a condition into the query of the URL, or takes it out where it is there. */
function filter(query: URLSearchParams) {
  return (field: string, value: string, out: boolean) => {
    const condition = `${out ? 'NOT ' : ''}${term(field, value)}`;
    change({ query: toggled(query.get('query') ?? '', condition), cursor: undefined });
  };
}

/** Fields of the lines that match, each with its commonest values. */
function Fields({ table, range }: Props) {
  const { query } = useHere();
  const { cursor: _, ...args } = argsIn(query, table);
  const params = { ...args, ...spanOf(range) };
  const told = useApi<{ rows: Array<{ name: string; type: string }> }>('/api/v1/logs/fields', params);
  return (
    <Part title="Fields">
      <Answer told={told}>
        {({ rows }) => (
          <>
            {rows
              .filter(({ name }) => !NO_VALUES.includes(name))
              .map(({ name }) => (
                <Field key={name} name={name} params={params} />
              ))}
          </>
        )}
      </Answer>
    </Part>
  );
}

interface FieldProps {
  readonly name: string;
  readonly params: Parameters<typeof useApi>[1];
}

function Field({ name, params }: FieldProps) {
  const css = useStyles2(styles);
  const [open, setOpen] = useState(OPEN.includes(name));
  return (
    <details className={css.field} open={open} onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>{name}</summary>
      {open && <TopValues name={name} params={params} />}
    </details>
  );
}

interface ValuesAnswer {
  rows: Array<{ value: string; lines: number }>;
  lines: number;
  notices: string[];
}

function TopValues({ name, params }: FieldProps) {
  const css = useStyles2(styles);
  const { query } = useHere();
  const path = `/api/v1/logs/fields/${encodeURIComponent(name)}`;
  const told = useApi<ValuesAnswer>(path, { ...params, limit: MOST_VALUES });
  return (
    <Answer told={told}>
      {({ rows, lines, notices }) => (
        <>
          <Notices texts={notices} />
          {rows.length === 0 && <span className={css.small}>No line has it.</span>}
          {rows.map(({ value, lines: count }) => (
            <div key={value} className={css.value}>
              <span className={css.cut} title={value}>
                {value}
              </span>
              <span className={css.soft}>{percent(count, lines)}</span>
              <span>
                <FilterButtons field={name} value={value} onFilter={filter(query)} />
              </span>
              <span className={css.share} style={{ width: `${(100 * count) / lines}%` }} />
            </div>
          ))}
        </>
      )}
    </Answer>
  );
}

function percent(count: number, of: number): string {
  const share = (100 * count) / of;
  return share > 0 && share < 0.1 ? '<0.1%' : `${share.toFixed(share < 10 ? 1 : 0)}%`;
}
