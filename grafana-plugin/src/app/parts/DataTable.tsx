import { locationService } from '@grafana/runtime';
import { Button, useStyles2, useTheme2 } from '@grafana/ui';
import React, { useState } from 'react';

import type { Cell, Column } from '../../datasource/types';
import { headOf, leadsTo, textOf, toneOf } from '../cells';
import { useHere, useHref, useZone } from '../here';
import { urlOf, type Page } from '../place';
import { styles } from '../styles';

export interface Rows {
  readonly columns: readonly Column[];
  readonly rows: ReadonlyArray<readonly Cell[]>;
}

interface Props extends Rows {
  readonly label: string;
  /** Columns that are not shown. */
  readonly hidden?: readonly string[];
  /** The page that a row opens, beside what its cells lead to. */
  readonly opens?: (cell: (name: string) => Cell) => Page | null;
  /** Columns without any value are left out. */
  readonly lean?: boolean;
  /** In a narrow place: cells take several lines. */
  readonly compact?: boolean;
  /** Why there is no row. */
  readonly empty?: string;
}

/** Rows that are drawn at once: a browser stays quick with so many. */
const STEP = 100;

/** Columns whose texts are sentences, which may take several lines. */
const SENTENCES = ['text', 'verdict', 'doubts', 'doubt', 'story', 'swaps', 'shared', 'message', 'changes', 'best'];

/**
 * A table as HTML has it, read by screen readers and walked through by the Tab key, its cells links where they name
 * something. Grafana's InteractiveTable changed what it takes between 10.1 and now, and opens no rows.
 */
export function DataTable({ label, columns, rows, hidden = [], opens, lean = false, compact = false, empty }: Props) {
  const css = useStyles2(styles);
  const { query } = useHere();
  const [most, setMost] = useState(STEP);
  const shown = columns
    .map((column, place) => ({ column, place }))
    .filter(
      ({ column, place }) => !hidden.includes(column.name) && !(lean && rows.every((row) => (row[place] ?? '') === ''))
    );
  const cellOf = (row: readonly Cell[]) => (name: string) => row[columns.findIndex((one) => one.name === name)] ?? null;
  if (rows.length === 0) {
    return <p className={css.soft}>{empty ?? 'There is nothing.'}</p>;
  }
  return (
    <div className={css.scroll}>
      <table className={compact ? `${css.table} ${css.compact}` : css.table} aria-label={label}>
        <thead>
          <tr>
            {shown.map(({ column }) => (
              <th key={column.name} scope="col" title={column.doc || undefined} className={classOf(css, column)}>
                {headOf(column)}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.slice(0, most).map((row, i) => {
            const page = opens?.(cellOf(row)) ?? null;
            // The first cell's link is the way of the keyboard; a click anywhere else in the row is a shorter one.
            const open = (event: React.MouseEvent<HTMLElement>) =>
              page !== null &&
              !(event.target instanceof Element && event.target.closest('a, button')) &&
              locationService.push(urlOf(page, {}, query));
            return (
              <tr key={i} className={page ? css.opens : undefined} onClick={open}>
                {shown.map(({ column, place }) => (
                  <td key={column.name} className={classOf(css, column)}>
                    <CellShown column={column} cell={row[place]} run={cellOf(row)('run')} />
                  </td>
                ))}
              </tr>
            );
          })}
        </tbody>
      </table>
      {rows.length > most && (
        <Button fill="text" size="sm" onClick={() => setMost(most + STEP)}>
          {`Show more: ${most} of ${rows.length.toLocaleString('en')} rows are shown`}
        </Button>
      )}
    </div>
  );
}

function classOf(css: ReturnType<typeof styles>, { name, type }: Column): string | undefined {
  const kind = SENTENCES.includes(name) ? 'text' : type;
  return { number: css.number, time: css.time, text: css.text, string: undefined, boolean: undefined }[kind];
}

function CellShown({ column, cell, run }: { column: Column; cell: Cell; run: Cell }) {
  const css = useStyles2(styles);
  const href = useHref();
  const text = textOf(column, cell, useZone());
  if (text === '') {
    return null;
  }
  if (column.name === 'state') {
    return <State state={text} />;
  }
  // A host may have held several jobs; what stands in other cells is one thing.
  const [name, things] = column.name === 'jobs' ? ['job', text.split(/,\s*/)] : [column.name, [text]];
  return (
    <>
      {things.map((thing, i) => {
        const leads = leadsTo(name, thing, run);
        return (
          <React.Fragment key={thing}>
            {i > 0 && ', '}
            {leads ? (
              <a className={css.link} href={href(leads.page, leads.values)}>
                {thing}
              </a>
            ) : (
              thing
            )}
          </React.Fragment>
        );
      })}
    </>
  );
}

/** A state with a dot in its colour; the word says it too. */
export function State({ state }: { state: string }) {
  const css = useStyles2(styles);
  const { colors } = useTheme2();
  const color = {
    good: colors.success.text,
    bad: colors.error.text,
    going: colors.primary.text,
    none: colors.text.secondary,
  }[toneOf(state)];
  return (
    <span className={css.state} style={{ color }}>
      {state.toLowerCase().replace(/_/g, ' ')}
    </span>
  );
}
