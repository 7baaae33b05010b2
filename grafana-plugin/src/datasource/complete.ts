/** What can stand where one types: names of tables and parameters, nodes of the tree, functions, tags, fields of lines. */

import { paramsOf } from './catalogue';
import { words } from './request';
import type { Param, Table } from './types';

/** What a text is. */
export type Language = 'series' | 'table' | 'logs' | 'variable' | 'cypher';

/** One thing that can stand there; `text` replaces what is typed. */
export interface Suggestion {
  readonly text: string;
  readonly label: string;
  readonly doc: string;
}

/** Suggestions for the text between `from` and the cursor. */
export interface Completion {
  readonly from: number;
  readonly to: number;
  readonly items: readonly Suggestion[];
}

/** A Graphite function as the back end describes it. */
export interface FunctionTold {
  readonly name: string;
  readonly function: string;
  readonly description: string;
}

/** Where suggestions come from. */
export interface Names {
  tables(): Promise<readonly Table[]>;
  functions(): Promise<readonly FunctionTold[]>;
  /** Nodes of the tree that a pattern finds, with whether they are series. */
  nodes(pattern: string): Promise<ReadonlyArray<{ text: string; leaf: boolean }>>;
  /** Names of tags that begin so, or values of one, of the series that meet the expressions. */
  tags(prefix: string, expressions: readonly string[]): Promise<readonly string[]>;
  tagValues(tag: string, prefix: string, expressions: readonly string[]): Promise<readonly string[]>;
  /** Values of a list: hosts, users. */
  list(name: string): Promise<readonly string[]>;
  fields(): Promise<ReadonlyArray<{ name: string; type: string }>>;
  fieldValues(field: string): Promise<readonly string[]>;
}

const MOST = 100;

/** What can stand at the cursor. Rejects as the back end does. */
export async function complete(language: Language, text: string, cursor: number, names: Names): Promise<Completion> {
  const before = text.slice(0, cursor);
  const made = await {
    series: () => ofSeries(before, names),
    table: () => ofTable(before, names),
    logs: () => ofLogs(before, names),
    variable: () => ofVariable(before, names),
    cypher: async () => ({ from: cursor, items: [] }),
  }[language]();
  return { from: made.from, to: cursor, items: made.items.slice(0, MOST) };
}

interface Made {
  from: number;
  items: Suggestion[];
}

const plain = (text: string, doc = '', label = text): Suggestion => ({ text, label, doc });

const startsLike = (name: string, typed: string) => name.toLowerCase().startsWith(typed.toLowerCase());

async function ofSeries(before: string, names: Names): Promise<Made> {
  const tagged = /seriesByTag\(([^)]*)$/.exec(before);
  if (tagged !== null) {
    return ofTags(before, tagged[1], names);
  }
  if (isQuoted(before)) {
    return { from: before.length, items: [] };
  }
  const path = pathAt(before);
  const from = before.length - path.length;
  const found = await names.nodes(`${path}*`);
  const above = path.slice(0, path.lastIndexOf('.') + 1);
  const nodes = found.map(({ text, leaf }) => plain(above + text + (leaf ? '' : '.'), leaf ? 'series' : '', text));
  if (above !== '') {
    return { from, items: nodes };
  }
  const functions = (await names.functions()).filter((one) => startsLike(one.name, path));
  return {
    from,
    items: [...nodes, ...functions.map((one) => plain(`${one.name}(`, one.description, one.function))],
  };
}

/** Inside `seriesByTag('host=node001', 'wh|`: tags up to the operator, values after it. */
async function ofTags(before: string, inside: string, names: Names): Promise<Made> {
  const quote = /^(?:[^'"]*(['"])[^'"]*\1)*[^'"]*(['"])([^'"]*)$/.exec(inside);
  if (quote === null) {
    return { from: before.length, items: [] };
  }
  const typed = quote[3];
  const others = [...inside.slice(0, inside.length - typed.length - 1).matchAll(/(['"])([^'"]*)\1/g)].map(
    (one) => one[2]
  );
  const told = /^([^=!~]+)(!?=~?)(.*)$/.exec(typed);
  if (told === null) {
    const found = await names.tags(typed, others);
    return { from: before.length - typed.length, items: found.map((tag) => plain(`${tag}=`, '', tag)) };
  }
  const found = await names.tagValues(told[1], told[3], others);
  return { from: before.length - told[3].length, items: found.map((value) => plain(value)) };
}

/** A table's name, a parameter of it, or a parameter's value. */
async function ofTable(before: string, names: Names): Promise<Made> {
  const tables = await names.tables();
  const told = words(before);
  const last = told[told.length - 1];
  const typing =
    last !== undefined && (last.to === before.length || !last.closed) && !/\s$/.test(last.closed ? before : '');
  if (told.length === 0 || (told.length === 1 && typing)) {
    const typed = typing ? last.value : '';
    const found = tables.filter((one) => startsLike(one.name, typed));
    return { from: before.length - typed.length, items: found.map((one) => plain(one.name, one.doc)) };
  }
  const table = tables.find((one) => one.name === told[0].value);
  const word = typing ? last.value : '';
  const equals = word.indexOf('=');
  if (equals >= 0) {
    const param = table?.params.find((one) => one.name === word.slice(0, equals));
    return param === undefined
      ? { from: before.length, items: [] }
      : ofValue(param, word.slice(equals + 1), before, names);
  }
  const given = new Set(told.slice(1).map((one) => one.value.split('=', 1)[0]));
  const left = table ? paramsOf(table).filter((one) => !given.has(one.name) && startsLike(one.name, word)) : [];
  return {
    from: before.length - word.length,
    items: left.map((one) => plain(`${one.name}=`, one.doc, one.required ? `${one.name} (needed)` : one.name)),
  };
}

async function ofValue(param: Param, typed: string, before: string, names: Names): Promise<Made> {
  if (param.name === 'query') {
    return ofLogs(before, names, typed);
  }
  const last = param.type === 'list' ? typed.slice(typed.lastIndexOf(',') + 1) : typed;
  const found = (await valuesOf(param, names)).filter((one) => startsLike(one, last));
  return { from: before.length - last.length, items: found.map((value) => plain(value)) };
}

/** Values that a parameter can have, as far as they are known. */
export async function valuesOf(param: Param, names: Pick<Names, 'list'>): Promise<readonly string[]> {
  if (param.choices.length > 0) {
    return param.choices;
  }
  if (param.type === 'boolean') {
    return ['true', 'false'];
  }
  return param.options === '' ? [] : names.list(param.options);
}

/** A field of log lines, or after its colon a value of it. */
async function ofLogs(before: string, names: Names, query = before): Promise<Made> {
  const typed = /[^\s()"]*$/.exec(query)?.[0] ?? '';
  const told = /^([+-]?)([\w.@-]+):([<>]=?)?(.*)$/.exec(typed);
  if (told !== null) {
    const value = told[4];
    const found = (await names.fieldValues(told[2])).filter((one) => startsLike(one, value));
    const quoted = (one: string) => (/^[\w.-]+$/.test(one) ? one : `"${one.replace(/["\\]/g, '\\$&')}"`);
    return { from: before.length - value.length, items: found.map((one) => plain(quoted(one), '', one)) };
  }
  const name = typed.replace(/^[+-]/, '');
  const fields = (await names.fields()).filter((one) => startsLike(one.name, name));
  return { from: before.length - name.length, items: fields.map((one) => plain(`${one.name}:`, one.type, one.name)) };
}

/** Lists that a variable can name; a back end that knows more answers them all the same. */
export const LISTS = ['accounts', 'cables', 'clusters', 'fabrics', 'hosts', 'jobs', 'partitions', 'states', 'switches', 'users']; // prettier-ignore

/** A list, a table, a pattern, or tags. */
async function ofVariable(before: string, names: Names): Promise<Made> {
  const tag = /^\s*tag_values\(\s*([^,]*)$/.exec(before);
  if (tag !== null) {
    const found = await names.tags(tag[1], []);
    return { from: before.length - tag[1].length, items: found.map((one) => plain(one)) };
  }
  const typed = before.trimStart();
  if (/\s/.test(typed)) {
    const made = await ofTable(before, names);
    const column = await ofColumn(typed, names);
    return column === null ? made : { from: before.length - column.typed.length, items: column.items };
  }
  if (typed.includes('.')) {
    return ofSeries(before, names);
  }
  const tables = (await names.tables()).filter((one) => !LISTS.includes(one.name));
  const all = [
    ...LISTS.map((name) => plain(name, 'list')),
    plain('tag_values(', 'values of a tag', 'tag_values(tag, ...)'),
    ...tables.map((one) => plain(one.name, one.doc)),
  ];
  return { from: before.length - typed.length, items: all.filter((one) => startsLike(one.text, typed)) };
}

/** `jobs user=alice column=`: which column the values are of. */
async function ofColumn(text: string, names: Names): Promise<{ typed: string; items: Suggestion[] } | null> {
  const found = /(?:^|\s)column=(\S*)$/.exec(text);
  const table = (await names.tables()).find((one) => one.name === text.split(/\s/, 1)[0]);
  if (found === null || table === undefined) {
    return null;
  }
  const columns = table.columns.filter((one) => startsLike(one.name, found[1]));
  return { typed: found[1], items: columns.map((one) => plain(one.name, one.doc)) };
}

/** The path that ends at the end: back to a bracket, a comma outside braces, a blank or a quote. */
function pathAt(before: string): string {
  let depth = 0;
  let at = before.length;
  while (at > 0) {
    const letter = before[at - 1];
    depth += letter === '}' ? 1 : letter === '{' ? -1 : 0;
    if (/[\s()'"|]/.test(letter) || (letter === ',' && !openBrace(before, at - 1) && depth <= 0)) {
      break;
    }
    at--;
  }
  return before.slice(at);
}

/** True where a brace is open before a place of the same path. */
function openBrace(text: string, at: number): boolean {
  const path = /[^\s()'"|]*$/.exec(text.slice(0, at))?.[0] ?? '';
  return path.lastIndexOf('{') > path.lastIndexOf('}');
}

function isQuoted(before: string): boolean {
  return before.replace(/"[^"]*"|'[^']*'/g, '').search(/['"]/) >= 0;
}
