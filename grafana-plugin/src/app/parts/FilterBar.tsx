import type { TimeRange } from '@grafana/data';
import { Alert, useStyles2 } from '@grafana/ui';
import React, { useMemo, useState } from 'react';

import { TableForm } from '../../datasource/components/TableForm';
import { namesOf } from '../../datasource/names';
import { writeRequest } from '../../datasource/request';
import type { Table } from '../../datasource/types';
import { useTables } from '../ask';
import { requestIn, valuesOf } from '../filters';
import { change, useHere } from '../here';
import { styles } from '../styles';
import { Answer } from './Part';

interface Props {
  readonly table: Table;
  readonly range: TimeRange;
}

/** The filters of a list: the parameters of its table, in the form that the query editor has for them. */
export function FilterBar({ table, range }: Props) {
  const css = useStyles2(styles);
  const { source, query } = useHere();
  const names = useMemo(() => namesOf(source, range), [source, range]);
  const told = requestIn(query, table);
  const url = writeRequest(told);
  const [draft, setDraft] = useState({ url, request: told });
  // What one types is kept until it counts; an address that changed meanwhile counts more.
  const request = draft.url === url ? draft.request : told;
  return (
    <div className={css.filters}>
      <TableForm
        table={table}
        request={request}
        names={names}
        onChange={(next) => setDraft({ url, request: next })}
        onCommit={(next) => change(valuesOf(table, next))}
      />
    </div>
  );
}

interface WithTableProps {
  readonly name: string;
  readonly children: (table: Table) => React.ReactNode;
}

/** What needs to know the columns or the parameters of a table. */
export function WithTable({ name, children }: WithTableProps) {
  return (
    <Answer told={useTables()}>
      {(tables) => {
        const table = tables.find((one) => one.name === name);
        return table ? (
          children(table)
        ) : (
          <Alert severity="info" title="This is for operators">
            Weft shows you no table {name}. Whoever runs it names the operators in its settings.
          </Alert>
        );
      }}
    </Answer>
  );
}
