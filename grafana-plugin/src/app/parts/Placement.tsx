import { useStyles2 } from '@grafana/ui';
import React from 'react';

import type { TableAnswer } from '../../datasource/types';
import { useTable, type Told } from '../ask';
import { headOf, textOf } from '../cells';
import { useZone } from '../here';
import { styles } from '../styles';
import { DataTable } from './DataTable';
import { Answer, Facts, Notices, Part } from './Part';

/** What the facts say in words of their own; what a table has beyond that is shown by its name. */
const SAID = [
  'verdict',
  'leaves',
  'leaves_minimum',
  'mean_hops',
  'best_hops',
  'best',
  'levels',
  'levels_minimum',
  'at',
  'to',
  'swaps',
];
const HIDDEN = ['job', 'run', 'fabric', 'hosts'];

/** How a run lay in the fabric, and who would have lain better. */
export function Placement({ run }: { run: string }) {
  const css = useStyles2(styles);
  const told = useTable('placement', { job: run });
  const swaps = useTable('placement_swaps', { job: run });
  return (
    <Part title="Placement">
      <Answer told={told}>
        {(answer) => (
          <>
            <Notices texts={answer.notices} />
            {answer.rows.map((_, i) => (
              <Lay key={i} answer={answer} at={i} />
            ))}
            {answer.rows.length === 0 && answer.notices.length === 0 && <p>How it lay is not known.</p>}
          </>
        )}
      </Answer>
      {hasRows(swaps) && (
        <Answer told={swaps}>
          {({ columns, rows, notices }) => (
            <>
              <h3 className={css.below}>Hosts to exchange, in this order</h3>
              <Notices texts={notices} />
              <DataTable label="Hosts to exchange" columns={columns} rows={rows} hidden={HIDDEN} />
            </>
          )}
        </Answer>
      )}
    </Part>
  );
}

/** Where nobody stands out there is nobody to exchange, and no more to say; a failure is told. */
function hasRows({ value, trouble }: Told<TableAnswer>): boolean {
  return trouble !== '' || (value?.rows.length ?? 0) > 0;
}

function Lay({ answer: { columns, rows }, at }: { answer: TableAnswer; at: number }) {
  const css = useStyles2(styles);
  const zone = useZone();
  const cell = (name: string) => {
    const place = columns.findIndex((column) => column.name === name);
    return place < 0 ? '' : textOf(columns[place], rows[at][place], zone);
  };
  const against = (one: string, best: string, word: string) => one && (best ? `${one}, ${word} ${best}` : one);
  const rest = columns
    .filter(({ name }) => !SAID.includes(name) && !HIDDEN.includes(name))
    .map((column) => [headOf(column), cell(column.name)] as const);
  return (
    <>
      <p className={css.lead}>{cell('verdict')}</p>
      <Facts
        facts={[
          ['Leaf switches', against(cell('leaves'), cell('leaves_minimum'), 'fewest possible')],
          [
            'Mean switches between two hosts',
            against(cell('mean_hops'), cell('best_hops'), 'best') + (cell('best') && ` (${cell('best')})`),
          ],
          ['Levels crossed', against(cell('levels'), cell('levels_minimum'), 'fewest possible')],
          ['It lay so', `${cell('at')} – ${cell('to')}`],
          ...rest,
        ]}
      />
    </>
  );
}
