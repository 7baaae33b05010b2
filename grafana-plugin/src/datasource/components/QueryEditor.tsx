import type { QueryEditorProps, SelectableValue } from '@grafana/data';
import { Alert, InlineField, InlineFieldRow, RadioButtonGroup, Select } from '@grafana/ui';
import React, { useEffect, useId, useMemo, useState } from 'react';

import { said } from '../api';
import { askedOf, isWhole, kindOf, KINDS, tableOf, toldOf, type Kind } from '../catalogue';
import type { Language } from '../complete';
import type { DataSource } from '../datasource';
import { namesOf } from '../names';
import { parseRequest, writeRequest } from '../request';
import type { Table, WeftOptions, WeftQuery } from '../types';
import { TableForm } from './TableForm';
import { TextField } from './TextField';

type Props = QueryEditorProps<DataSource, WeftQuery, WeftOptions>;

const PLACEHOLDERS: Partial<Record<Kind, string>> = {
  series: 'perSecond(switch.leaf01.*.PortXmitData)',
  annotations: 'jobs user=alice, changes kind=link_down, logs severity:>=err; empty: jobs and changes',
  cypher: 'MATCH (h:Host)-[:JOBCLIENT]->(j:Job) WHERE h.name IN $host RETURN h, j',
};

const LANGUAGES: Partial<Record<Kind, Language>> = { series: 'series', cypher: 'cypher' };

/** The editor writes a text and reads it again: what one builds can be typed, and the other way round. */
export function QueryEditor({ datasource, query, range, onChange, onRunQuery }: Props) {
  const id = useId();
  const { tables, trouble } = useTables(datasource);
  const names = useMemo(() => namesOf(datasource, range), [datasource, range]);
  const [typed, setTyped] = useState(false);

  const text = query.text ?? '';
  const told = kindOf(query, tables);
  // "Table" stays chosen while its table would make another kind of it.
  const [picked, setPicked] = useState<Kind>();
  const kind = picked !== undefined && toldOf(picked).tables && toldOf(told).tables ? picked : told;
  const { tables: offers } = toldOf(kind);

  const write = (next: string) => onChange({ ...query, text: next });
  /** What lacks something is not asked: the form shows what. */
  const run = (next: string) => {
    const asked = tableOf(next, tables);
    if (asked === undefined || isWhole(asked, next)) {
      onRunQuery();
    }
  };
  const commit = (next: string) => {
    if (next !== text) {
      write(next);
    }
    run(next);
  };
  const choose = (next: Kind) => {
    const { how, begin } = toldOf(next);
    const keep = toldOf(kind).tables !== undefined && toldOf(next).tables !== undefined;
    const table = tableOf(begin, tables);
    const begun = keep && table ? askedOf(table, text) : begin;
    setPicked(next);
    onChange({ ...query, queryType: how, text: begun });
    if (begun !== '') {
      run(begun);
    }
  };

  // Log texts and node graphs are of one table each; the others choose theirs.
  const table =
    tableOf(text, tables) ?? (kind === 'logs' || kind === 'fabric' ? tableOf(toldOf(kind).begin, tables) : undefined);
  const request = parseRequest(text || (table?.name ?? ''));
  const built = offers !== undefined || kind === 'logs' || kind === 'fabric';
  // A text that the catalogue does not explain is shown as it is.
  const explained = table === undefined ? text === '' && tables.length > 0 : request !== null;
  const form = built && !typed && explained;

  return (
    <div>
      {trouble && (
        <Alert severity="warning" title="Tables cannot be listed">
          {trouble} A query can be typed all the same.
        </Alert>
      )}
      <InlineFieldRow>
        <InlineField label="Ask for" htmlFor={`${id}-kind`} labelWidth={10}>
          <Select
            inputId={`${id}-kind`}
            aria-label="Ask for"
            width={22}
            options={KINDS.map(({ kind, label, doc }) => ({ value: kind, label, description: doc }))}
            value={kind}
            onChange={(told: SelectableValue<Kind>) => told.value && choose(told.value)}
          />
        </InlineField>
        {form && offers && (
          <InlineField label="Table" htmlFor={`${id}-table`} tooltip={table?.doc}>
            <Select
              inputId={`${id}-table`}
              aria-label="Table"
              width={28}
              placeholder="Choose a table"
              options={tables.filter(offers).map(({ name, doc }) => ({ value: name, label: name, description: doc }))}
              value={table?.name ?? null}
              onChange={(told: SelectableValue<string>) => {
                const next = tables.find((one) => one.name === told.value);
                if (next) {
                  commit(askedOf(next, text));
                }
              }}
            />
          </InlineField>
        )}
        {built && (
          <RadioButtonGroup
            aria-label="How to write the query"
            options={[
              { value: 'form', label: 'Form' },
              { value: 'text', label: 'Text' },
            ]}
            value={form ? 'form' : 'text'}
            disabledOptions={explained ? [] : ['form']}
            onChange={(how) => setTyped(how === 'text')}
          />
        )}
      </InlineFieldRow>
      {form && table && request && (
        <TableForm
          table={table}
          request={request}
          names={names}
          onChange={(next) => write(writeRequest(next))}
          onCommit={(next) => commit(writeRequest(next))}
        />
      )}
      {!form && (
        <InlineField label="Query" htmlFor={`${id}-text`} labelWidth={10} grow>
          <TextField
            id={`${id}-text`}
            label="Query"
            value={text}
            language={LANGUAGES[kind] ?? 'table'}
            names={names}
            placeholder={PLACEHOLDERS[kind] ?? table?.example ?? 'jobs state=running'}
            rows={kind === 'cypher' ? 4 : 1}
            onChange={write}
            onCommit={commit}
          />
        </InlineField>
      )}
    </div>
  );
}

/** The catalogue, or why it cannot be had. */
function useTables(datasource: DataSource): { tables: readonly Table[]; trouble: string } {
  const [told, setTold] = useState<{ tables: readonly Table[]; trouble: string }>({ tables: [], trouble: '' });
  useEffect(() => {
    let here = true;
    datasource.tables().then(
      (tables) => here && setTold({ tables, trouble: '' }),
      (error: unknown) => here && setTold({ tables: [], trouble: said(error) })
    );
    return () => {
      here = false;
    };
  }, [datasource]);
  return told;
}
