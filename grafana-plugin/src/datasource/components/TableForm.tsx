import type { SelectableValue } from '@grafana/data';
import { InlineField, InlineFieldRow, Input, MultiSelect, Select } from '@grafana/ui';
import React, { useId, useState } from 'react';

import { paramsOf } from '../catalogue';
import { valuesOf, type Names } from '../complete';
import { argument, withArgument, type Request } from '../request';
import type { Param, Table } from '../types';
import { TextField } from './TextField';
import { useCommit } from './useCommit';

interface Props {
  table: Table;
  request: Request;
  names: Names;
  onChange: (request: Request) => void;
  /** A value is chosen, a field is left changed, or Enter. */
  onCommit: (request: Request) => void;
}

/** The parameters of a table, each as its type and its known values allow. */
export function TableForm({ table, request, names, onChange, onCommit }: Props) {
  return (
    <InlineFieldRow>
      {paramsOf(table).map((param) => (
        <ParamField
          key={`${table.name} ${param.name}`}
          param={param}
          value={argument(request, param.name)}
          names={names}
          onChange={(value) => onChange(withArgument(request, param.name, value))}
          onCommit={(value) => onCommit(withArgument(request, param.name, value))}
        />
      ))}
    </InlineFieldRow>
  );
}

interface FieldProps {
  param: Param;
  value: string;
  names: Names;
  onChange: (value: string) => void;
  onCommit: (value: string) => void;
}

function ParamField({ param, value, names, onChange, onCommit }: FieldProps) {
  const id = useId();
  const { onFocus, onBlur, commit } = useCommit(value, onCommit);
  const label = param.required ? `${param.name} *` : param.name;
  const doc = param.doc || undefined;
  if (param.name === 'query') {
    return (
      <InlineField label={label} tooltip={doc} htmlFor={id} grow>
        <TextField
          id={id}
          label={param.name}
          value={value}
          language="logs"
          names={names}
          placeholder="severity:>=err AND host:node001"
          onChange={onChange}
          onCommit={onCommit}
        />
      </InlineField>
    );
  }
  const known = param.choices.length > 0 || param.type === 'boolean' || param.options !== '';
  return (
    <InlineField label={label} tooltip={doc} htmlFor={id} invalid={param.required && value === ''}>
      {known ? (
        <Known id={id} param={param} value={value} names={names} onCommit={onCommit} />
      ) : (
        <Input
          id={id}
          width={20}
          value={value}
          placeholder={param.type === 'time' ? 'now' : param.type}
          onChange={(event) => onChange(event.currentTarget.value)}
          onFocus={onFocus}
          onBlur={onBlur}
          onKeyDown={(event) => event.key === 'Enter' && commit()}
        />
      )}
    </InlineField>
  );
}

/** A parameter whose values are known: chosen, or typed where they are only suggestions (variables, too). */
function Known({ id, param, value, names, onCommit }: Omit<FieldProps, 'onChange'> & { id: string }) {
  const [options, setOptions] = useState<SelectableValue[]>();
  const load = () => {
    valuesOf(param, names).then(
      (found) => setOptions(found.map(optionOf)),
      () => setOptions([]) // one can still type; the query itself says what is wrong
    );
  };
  const chosen = value === '' ? [] : value.split(',').map(optionOf);
  const common = {
    inputId: id,
    'aria-label': param.name,
    options: options ?? [],
    isClearable: true,
    allowCustomValue: true,
    placeholder: param.type === 'list' ? 'any' : 'choose',
    onOpenMenu: load,
    onFocus: load,
  };
  if (param.type === 'list') {
    return (
      <MultiSelect
        {...common}
        width="auto"
        value={chosen}
        onChange={(told) => onCommit(told.map((one) => String(one.value)).join(','))}
      />
    );
  }
  return (
    <Select
      {...common}
      width="auto"
      value={value === '' ? null : optionOf(value)}
      onChange={(told: SelectableValue | null) => onCommit(told === null ? '' : String(told.value))}
    />
  );
}

function optionOf(value: string): SelectableValue<string> {
  return { label: value, value };
}
