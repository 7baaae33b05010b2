/** How wide a table's columns are, so that they can be read: Grafana gives each the same share, and cuts what is longer. */

import { FieldType, type Field } from '@grafana/data';

const LETTER_PX = 8;
/** Around a text, with what Grafana keeps free for its filters and links. */
const PADDING_PX = 38;
const TIME_PX = 170;
/** Where Grafana writes milliseconds too: all of a column lie within a minute. */
const FINE_TIME_PX = 200;
const MINUTE_MS = 60_000;
/** Numbers with a unit are written short. */
const NUMBER_PX = 90;
const MOST_PX = 450;
/** Rows that are looked at. */
const MOST_ROWS = 500;

/** The columns as wide as what is in them; the widest text takes what is left of the panel. */
export function readable(fields: readonly Field[]): Field[] {
  const wide = fields.map(widthOf);
  const texts = wide.map((px, place) => (fields[place].type === FieldType.string ? px : 0));
  const most = Math.max(0, ...texts);
  const widest = most > 0 ? texts.indexOf(most) : -1;
  return fields.map((field, place) => {
    const width = place === widest ? { minWidth: most } : { width: wide[place] };
    // What is cut all the same can be looked at whole.
    const custom = wide[place] === MOST_PX ? { ...width, inspect: true } : width;
    return { ...field, config: { ...field.config, custom: { ...field.config.custom, ...custom } } };
  });
}

function widthOf({ name, type, values, config }: Field): number {
  const head = pixels(name);
  const known: unknown[] = values.slice(0, MOST_ROWS).filter((value: unknown) => value !== null);
  if (known.length === 0) {
    return head;
  }
  if (type === FieldType.time) {
    const [first, last] = [Number(values[0]), Number(values[values.length - 1])];
    return Math.max(head, values.length > 1 && Math.abs(last - first) < MINUTE_MS ? FINE_TIME_PX : TIME_PX);
  }
  if (type === FieldType.number && config.unit) {
    return Math.max(head, NUMBER_PX);
  }
  const shown = known.map((value) => (typeof value === 'number' && value % 1 !== 0 ? value.toFixed(3) : value));
  return Math.min(MOST_PX, Math.max(head, ...shown.map(pixels)));
}

function pixels(text: unknown): number {
  return String(text).length * LETTER_PX + PADDING_PX;
}
