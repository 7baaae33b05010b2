import { and, anyOf, has, phrase, searchWords, term, toggled } from './lucene';

describe('conditions of a log query', () => {
  test('escape what would be read as the language', () => {
    expect(term('host', 'node001')).toBe('host:"node001"');
    expect(term('a:b c', 'say "x" \\')).toBe('a\\:b\\ c:"say \\"x\\" \\\\"');
    expect(phrase('a "b"')).toBe('"a \\"b\\""');
  });

  test('are joined by AND, and what the language joins by OR is put in brackets', () => {
    expect(and('', 'a:"b"')).toBe('a:"b"');
    expect(and('*', 'a:"b"')).toBe('a:"b"');
    expect(and('link', 'a:"b"')).toBe('link AND a:"b"');
    expect(and('link AND NOT x:"y z"', 'a:"b"')).toBe('link AND NOT x:"y z" AND a:"b"');
    expect(and('link down', 'a:"b"')).toBe('(link down) AND a:"b"');
    expect(and('a OR b', 'c:"d"')).toBe('(a OR b) AND c:"d"');
    expect(and('(a OR b)', 'c:"d"')).toBe('(a OR b) AND c:"d"');
    expect(and('severity:(err OR crit)', 'c:"d"')).toBe('severity:(err OR crit) AND c:"d"');
  });

  test('are switched on and off, and the opposite gives way', () => {
    const on = toggled('link', 'a:"b"');
    expect(on).toBe('link AND a:"b"');
    expect(has(on, 'a:"b"')).toBe(true);
    expect(toggled(on, 'a:"b"')).toBe('link');
    expect(toggled(on, 'NOT a:"b"')).toBe('link AND NOT a:"b"');
    expect(has(toggled(on, 'NOT a:"b"'), 'a:"b"')).toBe(false);
    expect(toggled('a OR b', 'c:"d"')).toBe('(a OR b) AND c:"d"');
  });

  test('take several values of a variable as any of them', () => {
    expect(anyOf(['err'])).toBe('err');
    expect(anyOf(['a b'])).toBe('"a b"');
    expect(anyOf(['a', 'b c'])).toBe('("a" OR "b c")');
  });
});

describe('words that lines are marked with', () => {
  test.each([
    ['link AND down', ['link', 'down']],
    ['"link down" OR (timeout OR flap*)', ['link down', 'timeout', 'flap\\S*']],
    ['message:mlx5 host:node001 severity:>=err', ['mlx5']],
    ['link NOT down -up !sideways', ['link']],
    ['NOT (a OR b) c', ['c']],
    ['"a.b (c)" x.y', ['a\\.b \\(c\\)', 'x\\.y']],
    ['fuzzy~2 boosted^3 "near words"~4', ['fuzzy', 'boosted', 'near words']],
    ['* host:* [a TO b]', []],
    ['', []],
  ])('%s', (query, expected) => {
    expect(searchWords(query)).toEqual(expected);
  });

  test('are patterns that Grafana can search with', () => {
    for (const word of searchWords('c++ a\\(b "x[y" {z} \\\\ $ | ?')) {
      expect(() => new RegExp(word)).not.toThrow();
    }
  });
});
