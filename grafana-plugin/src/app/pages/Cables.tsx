import type { TimeRange } from '@grafana/data';
import { RadioButtonGroup, useStyles2 } from '@grafana/ui';
import React from 'react';

import type { Cell, Table, TableAnswer } from '../../datasource/types';
import { spanOf, useTable } from '../ask';
import { argsIn, matching } from '../filters';
import { change, useHere, useRange } from '../here';
import { DataTable } from '../parts/DataTable';
import { FilterBar, WithTable } from '../parts/FilterBar';
import { FindInput } from '../parts/FindInput';
import { Answer, Notices } from '../parts/Part';
import { Shell } from '../parts/Shell';
import { styles } from '../styles';

/** A fabric of 12,000 hosts has 36,000 cables; those that moved are found among all. */
const MOST_CABLES = 100_000;

const ONLY = [
  { value: '', label: 'All' },
  { value: 'moved', label: 'Moved' },
  { value: 'gone', label: 'Not plugged in' },
];

/** Cables that were plugged in the time range. */
export default function Cables() {
  const range = useRange('now-7d');
  return (
    <Shell range={range}>
      <WithTable name="cables">
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
  const only = query.get('only') ?? '';
  const told = useTable('cables', argsIn(query, table), spanOf(range), MOST_CABLES);
  return (
    <>
      <div className={css.bar}>
        <FindInput placeholder="Find a cable, port or host" />
        <RadioButtonGroup
          aria-label="Which cables"
          options={ONLY}
          value={only}
          onChange={(value) => change({ only: value })}
        />
      </div>
      <Answer told={told}>
        {(answer) => {
          const rows = matching(chosen(answer, only), query.get('find') ?? '', (row) => row);
          return (
            <>
              <Notices texts={answer.notices} />
              <p className={css.soft} role="status">
                {`${rows.length.toLocaleString('en')} of ${answer.rows.length.toLocaleString('en')} cables`}
              </p>
              <DataTable
                label="Cables"
                columns={answer.columns}
                rows={rows}
                hidden={['fabric']}
                opens={(cell) => ({ at: 'cable', cable: String(cell('cable')) })}
                empty={EMPTY[only] ?? 'No cable is like that. Choose a longer time, or fewer filters.'}
              />
            </>
          );
        }}
      </Answer>
    </>
  );
}

const EMPTY: Partial<Record<string, string>> = {
  moved: 'No cable that is like that was in more than one place in this time.',
  gone: 'Every cable that is like that is plugged in.',
};

/** `places`: in how many the cable was; `to`: until when it was plugged, nothing: it is. */
function chosen({ columns, rows }: TableAnswer, only: string): ReadonlyArray<readonly Cell[]> {
  const at = (name: string) => columns.findIndex((column) => column.name === name);
  switch (only) {
    case 'moved':
      return rows.filter((row) => Number(row[at('places')]) > 1);
    case 'gone':
      return rows.filter((row) => row[at('to')] !== null);
    default:
      return rows;
  }
}
