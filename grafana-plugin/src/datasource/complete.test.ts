import { complete, type Completion, type FunctionTold, type Language, type Names } from './complete';
import { recorded } from './testing/backend';
import type { Table } from './types';

const asked: string[] = [];
const NAMES: Names = {
  tables: async () => recorded<Table[]>('tables'),
  functions: async () => Object.values(recorded<Record<string, FunctionTold>>('functions')),
  nodes: async (pattern) => {
    asked.push(pattern);
    return [
      { text: 'leaf01', leaf: false },
      { text: 'PortXmitData', leaf: true },
    ];
  },
  tags: async (prefix, expressions) => {
    asked.push(`tags ${prefix} [${expressions.join('; ')}]`);
    return ['host', 'hca'];
  },
  tagValues: async (tag, prefix, expressions) => {
    asked.push(`${tag} ${prefix} [${expressions.join('; ')}]`);
    return ['node001'];
  },
  list: async (name) => ({ users: ['alice', 'bob'], states: ['running', 'failed'] })[name] ?? ['4711', '4712'],
  fields: async () => recorded<{ rows: Array<{ name: string; type: string }> }>('fields').rows,
  fieldValues: async () => ['info', 'err', 'two words'],
};

/** `|` is the cursor. */
function at(language: Language, text: string): Promise<Completion> {
  asked.length = 0;
  const cursor = text.indexOf('|');
  return complete(language, text.replace('|', ''), cursor, NAMES);
}

/** The text after a suggestion was taken. */
function taken(text: string, told: Completion, item: number): string {
  const plain = text.replace('|', '');
  return plain.slice(0, told.from) + told.items[item].text + plain.slice(told.to);
}

const texts = (told: Completion) => told.items.map((item) => item.text);

describe('a Graphite expression', () => {
  test('goes on with nodes of the tree; a folder ends in a dot', async () => {
    const text = 'perSecond(switch.le|)';
    const told = await at('series', text);
    expect(asked).toEqual(['switch.le*']);
    expect(taken(text, told, 0)).toBe('perSecond(switch.leaf01.)');
    expect(taken(text, told, 1)).toBe('perSecond(switch.PortXmitData)');
  });

  test.each([
    ['sumSeries(a.{b,c}.d|, x)', 'a.{b,c}.d*'],
    ['sumSeries(a.b,c.{d,e|', 'c.{d,e*'],
    ['a.b|perSecond', 'a.b*'],
    ['divideSeries(a.b, c.|', 'c.*'],
    ['|', '*'],
  ])('finds the path in %s', async (text, pattern) => {
    await at('series', text);
    expect(asked).toEqual([pattern]);
  });

  test('begins with functions too', async () => {
    const text = 'su|';
    const told = await at('series', text);
    expect(texts(told)).toEqual(['leaf01.', 'PortXmitData', 'sumSeries(', 'summarize(']);
    expect(told.items[2].doc).not.toBe('');
    expect(taken('scale(su|', await at('series', 'scale(su|'), 2)).toBe('scale(sumSeries(');
  });

  test('has nothing to offer inside a quote, but tags in seriesByTag', async () => {
    expect(texts(await at('series', 'summarize(a.b, "1|'))).toEqual([]);
    const tag = "seriesByTag('switch=leaf01', 'h|";
    expect(taken(tag, await at('series', tag), 0)).toBe("seriesByTag('switch=leaf01', 'host=");
    expect(asked).toEqual(['tags h [switch=leaf01]']);
    const value = `seriesByTag("what=x", "host=~no|`;
    expect(taken(value, await at('series', value), 0)).toBe('seriesByTag("what=x", "host=~node001');
    expect(asked).toEqual(['host no [what=x]']);
    expect(texts(await at('series', "seriesByTag('a=b', |"))).toEqual([]);
  });
});

describe('a table', () => {
  test('is completed by its name', async () => {
    expect(texts(await at('table', 'job_s|'))).toEqual(['job_states', 'job_switches']);
    expect(texts(await at('table', '|'))).toHaveLength(recorded<Table[]>('tables').length);
  });

  test('by parameters that are not given yet, needed ones first', async () => {
    expect(texts(await at('table', 'imbalance |'))).toEqual(['job=', 'metric=']);
    expect(texts(await at('table', 'imbalance job=4711 |'))).toEqual(['metric=']);
    expect(texts(await at('table', 'jobs st|'))).toEqual(['state=']);
    expect(texts(await at('table', 'no_such_table |'))).toEqual([]);
  });

  test('by choices, by suggestions, and in a list by the last of its values', async () => {
    expect(texts(await at('table', 'totals by=us|'))).toEqual(['user']);
    expect(texts(await at('table', 'jobs user=|'))).toEqual(['alice', 'bob']);
    const text = 'jobs user=alice,b| state=running';
    expect(taken(text, await at('table', text), 0)).toBe('jobs user=alice,bob state=running');
    expect(texts(await at('table', 'jobs nothing=|'))).toEqual([]);
  });

  test('by fields of log lines inside its query, also while the quote is open', async () => {
    const text = 'logs query="link AND sev|';
    expect(taken(text, await at('table', text), 0)).toBe('logs query="link AND severity:');
    expect(texts(await at('table', 'log_top field=host query=severity:>=e|'))).toEqual(['err']);
  });
});

describe('a log query', () => {
  test('is completed by fields and their values', async () => {
    expect(texts(await at('logs', 'pr|'))).toEqual(['program:']);
    expect(texts(await at('logs', '(host:a OR -s|'))).toEqual(['severity:', 'source:']);
    const text = 'severity:>=e| AND x';
    expect(taken(text, await at('logs', text), 0)).toBe('severity:>=err AND x');
    expect(texts(await at('logs', 'program:two|'))).toEqual(['"two words"']);
  });
});

describe('a variable', () => {
  test('is a list, a table, its column, or tags', async () => {
    expect(texts(await at('variable', 'us|'))).toEqual(['users']);
    expect(texts(await at('variable', 'swi|'))).toEqual(['switches']);
    expect(texts(await at('variable', 'jobs user=alice column=na|'))).toEqual(['name']);
    expect(texts(await at('variable', 'jobs user=a|'))).toEqual(['alice']);
    expect(taken('tag_values(h|', await at('variable', 'tag_values(h|'), 0)).toBe('tag_values(host');
    expect(taken('switch.l|', await at('variable', 'switch.l|'), 0)).toBe('switch.leaf01.');
  });
});

test('Cypher is typed alone', async () => {
  expect(texts(await at('cypher', 'MATCH (|'))).toEqual([]);
});
