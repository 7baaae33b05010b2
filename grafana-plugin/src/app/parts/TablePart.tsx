import React from 'react';

import type { Params } from '../../datasource/api';
import type { Cell, TableAnswer } from '../../datasource/types';
import { useTable, type Span, type Told } from '../ask';
import type { Page } from '../place';
import { DataTable } from './DataTable';
import { Answer, Notices, Part } from './Part';

/** Columns for programs, which people do not read. */
const RAW = ['switch_guid', 'hca_guid', 'guid', 'guids', 'fabric', 'run', 'cluster', 'connection'];

interface Looks {
  readonly title: string;
  readonly width?: number;
  readonly hidden?: readonly string[];
  readonly aside?: React.ReactNode;
  readonly opens?: (cell: (name: string) => Cell) => Page | null;
  readonly compact?: boolean;
  /** Why there is nothing, where the answer does not say it. */
  readonly empty?: string;
}

interface Props extends Looks {
  readonly table: string;
  readonly args: Params;
  readonly span?: Span;
}

/** A table of the catalogue as a part of a page: what it has in columns tomorrow is shown too. */
export function TablePart({ table, args, span, ...looks }: Props) {
  return <ToldPart told={useTable(table, args, span)} {...looks} />;
}

export function ToldPart({
  told,
  title,
  width,
  aside,
  hidden = RAW,
  opens,
  compact,
  empty,
}: Looks & { told: Told<TableAnswer> }) {
  return (
    <Part title={title} width={width} aside={aside}>
      <Answer told={told}>
        {({ columns, rows, notices }) => (
          <>
            {rows.length > 0 && <Notices texts={notices} />}
            <DataTable
              label={title}
              columns={columns}
              rows={rows}
              hidden={hidden}
              opens={opens}
              lean
              compact={compact}
              empty={notices.join(' ') || empty}
            />
          </>
        )}
      </Answer>
    </Part>
  );
}
