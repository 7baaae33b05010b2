import type { QueryEditorProps } from '@grafana/data';
import { InlineField } from '@grafana/ui';
import React, { useId, useMemo, useState } from 'react';

import type { DataSource } from '../datasource';
import { namesOf } from '../names';
import type { WeftOptions, WeftQuery } from '../types';
import { TextField } from './TextField';

type Props = QueryEditorProps<DataSource, WeftQuery, WeftOptions>;

const DOC =
  'A list (hosts, users, switches), a column of a table (jobs user=alice column=job), the last part of a path ' +
  '(switch.leaf01.*), or values of a tag: tag_values(host, switch=leaf01).';

/** What a variable's values are. */
export function VariableEditor({ datasource, query, range, onChange }: Props) {
  const id = useId();
  const names = useMemo(() => namesOf(datasource, range), [datasource, range]);
  // A variable that somebody wrote by hand may be a bare text.
  const asked: WeftQuery | string | undefined = query;
  const text = typeof asked === 'string' ? asked : (asked?.text ?? '');
  // Grafana asks for the values at every change: what one types is kept here until it is done.
  const [typed, setTyped] = useState(text);
  const write = (next: string) => {
    if (next !== text) {
      onChange({ refId: query?.refId ?? 'variable', queryType: 'variable', text: next });
    }
  };
  return (
    <InlineField label="Values of" tooltip={DOC} htmlFor={id} labelWidth={14} grow>
      <TextField
        id={id}
        label="Values of"
        value={typed}
        language="variable"
        names={names}
        placeholder="hosts"
        onChange={setTyped}
        onCommit={write}
      />
    </InlineField>
  );
}
