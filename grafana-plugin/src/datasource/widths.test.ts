import { FieldType, type Field } from '@grafana/data';

import { readable } from './widths';

const field = (name: string, type: FieldType, values: unknown[], unit = ''): Field => ({ name, type, values, config: unit ? { unit } : {} }); // prettier-ignore
const widths = (fields: Field[]) => readable(fields).map(({ config }) => config);

const NOON = 1795672800000;

// 8 px a letter, and 38 px around them.
test('columns are as wide as what is in them, the widest text has the rest, and what Grafana knows of them stays', () => {
  const made = widths([
    field('a', FieldType.string, ['node001', null]),
    field('lines', FieldType.number, [1400169, 2]),
    field('elapsed', FieldType.number, [1400169], 's'),
    field('over', FieldType.number, [12.25, null]),
    field('text', FieldType.string, ['short', 'x'.repeat(20)]),
    field('longer than what is in it', FieldType.boolean, [true]),
  ]);
  expect(made).toEqual([
    { custom: { width: 94 } },
    { custom: { width: 94 } },
    { unit: 's', custom: { width: 94 } },
    { custom: { width: 86 } },
    { custom: { minWidth: 198 } },
    { custom: { width: 238 } },
  ]);
});

test('times have room for what Grafana writes: milliseconds where all lie within a minute, nothing where none is known', () => {
  const made = widths([
    field('from', FieldType.time, [NOON, NOON + 59_000]),
    field('to', FieldType.time, [NOON, NOON + 60_000]),
    field('seen', FieldType.time, [NOON]),
    field('end', FieldType.time, [null]),
  ]);
  expect(made.map(({ custom }) => custom.width)).toEqual([200, 170, 170, 62]);
});

test('one long text leaves room for the others, and can be looked at whole', () => {
  const made = widths([field('host', FieldType.string, ['n1']), field('text', FieldType.string, ['x'.repeat(1000)])]);
  expect(made.map(({ custom }) => custom)).toEqual([{ width: 70 }, { minWidth: 450, inspect: true }]);
  expect(readable([])).toEqual([]);
});
