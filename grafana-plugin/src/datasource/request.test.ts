import { parseRequest, withArgument, words, writeRequest } from './request';

describe('a request as people type it', () => {
  test('is a name and arguments, quoted as in a shell', () => {
    expect(parseRequest(`logs query="a \\"b\\" \\\\ c" host=x,y name='it is'`)).toEqual({
      name: 'logs',
      args: [
        ['query', 'a "b" \\ c'],
        ['host', 'x,y'],
        ['name', 'it is'],
      ],
    });
    // As shlex has it: within "" a backslash stands for itself before any other letter, outside it does not.
    expect(parseRequest('t a="\\d" b=c\\ d')?.args).toEqual([
      ['a', '\\d'],
      ['b', 'c d'],
    ]);
  });

  test('is none while a quote is open, or with a word that is no argument', () => {
    expect(parseRequest('logs query="a')).toBeNull();
    expect(parseRequest('jobs alice')).toBeNull();
    expect(parseRequest('jobs =alice')).toBeNull();
    expect(parseRequest(' ')).toBeNull();
  });

  test.each(['a b', 'a"b', "it's", 'c:\\d', 'plain', 'x=y', '"', 'severity:>=err AND "link down"'])(
    'is read again as it was written: %s',
    (value) => {
      const request = { name: 'logs', args: [['query', value]] as const };
      expect(parseRequest(writeRequest(request))).toEqual(request);
    }
  );

  test('gets, changes and loses arguments in their place', () => {
    const request = { name: 'jobs', args: [['user', 'alice'], ['state', 'running']] as const }; // prettier-ignore
    expect(writeRequest(withArgument(request, 'user', 'bob'))).toBe('jobs user=bob state=running');
    expect(writeRequest(withArgument(request, 'user', ''))).toBe('jobs state=running');
    expect(writeRequest(withArgument(request, 'name', 'a b'))).toBe('jobs user=alice state=running name="a b"');
  });

  test('tells where its words stand', () => {
    expect(words(' a "b c')).toEqual([
      { value: 'a', from: 1, to: 2, closed: true },
      { value: 'b c', from: 3, to: 7, closed: false },
    ]);
  });
});
