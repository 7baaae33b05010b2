import type { TimeRange } from '@grafana/data';
import { LinkButton, useStyles2 } from '@grafana/ui';
import React from 'react';

import type { Cell, Table } from '../../datasource/types';
import { useApi, spanOf } from '../ask';
import { argsIn, matching } from '../filters';
import { useHere, useHref, useRange } from '../here';
import { DataTable } from '../parts/DataTable';
import { FilterBar, WithTable } from '../parts/FilterBar';
import { FindInput } from '../parts/FindInput';
import { Answer, Notices } from '../parts/Part';
import { Shell } from '../parts/Shell';
import { styles } from '../styles';

/** Runs in a page of the list. */
const PAGE = 100;

const HIDDEN = ['run', 'cluster', 'submit', 'confirmed', 'exit_signal'];

interface JobsAnswer {
  rows: Array<Record<string, Cell>>;
  notices: string[];
  cursor: string | null;
}

/** In Grafana's menu this page is the app's own entry, by the app's name. */
const NAV = { text: 'Jobs' };

/** Jobs that ran in the time range, newest first. */
export default function Jobs() {
  const range = useRange('now-24h');
  return (
    <Shell nav={NAV} range={range}>
      <WithTable name="jobs">
        {(table) => (
          <>
            <FilterBar table={table} range={range} />
            <List table={table} range={range} />
          </>
        )}
      </WithTable>
    </Shell>
  );
}

function List({ table, range }: { table: Table; range: TimeRange }) {
  const css = useStyles2(styles);
  const { query } = useHere();
  const args = argsIn(query, table);
  const told = useApi<JobsAnswer>('/api/v1/jobs', { ...args, ...spanOf(range), limit: PAGE });
  return (
    <>
      <div className={css.bar}>
        <FindInput placeholder="Find a text among these jobs" />
        <span className={css.grow} />
        <Paging cursor={told.value?.cursor ?? null} />
      </div>
      <Answer told={told}>
        {({ rows, notices, cursor }) => {
          const found = matching(rows, query.get('find') ?? '', Object.values);
          return (
            <>
              {rows.length > 0 && <Notices texts={cursor === null ? notices : paged(notices)} />}
              <DataTable
                label="Jobs"
                columns={table.columns}
                rows={found.map((row) => table.columns.map(({ name }) => row[name] ?? null))}
                hidden={HIDDEN}
                opens={(cell) => ({ at: 'job', job: String(cell('run') ?? cell('job')) })}
                empty={
                  rows.length > 0
                    ? `None of these ${rows.length} jobs has '${query.get('find')}' in it. Older ones are on the next page.`
                    : `${notices.join(' ')} Choose a longer time, or fewer filters.`
                }
              />
            </>
          );
        }}
      </Answer>
    </>
  );
}

/** That only the newest are listed is what the pages say already. */
function paged(notices: readonly string[]): string[] {
  return notices.filter((text) => !/^Only the newest \S+ runs are listed/.test(text));
}

function Paging({ cursor }: { cursor: string | null }) {
  const { query } = useHere();
  const href = useHref();
  const { cursor: at, ...rest } = Object.fromEntries(query);
  return (
    <>
      {at && (
        <LinkButton variant="secondary" fill="outline" icon="angle-left" href={href({ at: 'jobs' }, rest)}>
          Newest
        </LinkButton>
      )}
      {cursor !== null && (
        <LinkButton variant="secondary" fill="outline" href={href({ at: 'jobs' }, { ...rest, cursor })}>
          Older jobs
        </LinkButton>
      )}
    </>
  );
}
