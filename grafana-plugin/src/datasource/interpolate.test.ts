import { annotations, cypher, cypherText, expression, table } from './interpolate';
import { FakeTemplates } from './testing/backend';

const VARIABLES = {
  host: ['node001', 'node002'],
  user: 'alice',
  name: 'O\'Brien "x"',
  all: '*',
  level: 'err',
  __from: '1795651200000',
};
const replace = (text: string, format?: unknown) => new FakeTemplates(VARIABLES).replace(text, {}, format);

describe('variables of a dashboard', () => {
  test('several values are {a,b} in a Graphite path', () => {
    expect(expression('sumSeries(host.$host.ib.*)', replace)).toBe('sumSeries(host.{node001,node002}.ib.*)');
    expect(expression('host.$user.x', replace)).toBe('host.alice.x');
  });

  test('several values are a,b for a table, and any letters stay within their argument', () => {
    expect(table('jobs host=$host user=$user', replace)).toBe('jobs host=node001,node002 user=alice');
    expect(table('jobs name=$name', replace)).toBe('jobs name="O\'Brien \\"x\\""');
    expect(table('jobs name="${name}" user=$nobody', replace)).toBe('jobs name="O\'Brien \\"x\\"" user=$nobody');
  });

  test('"All" asks for everything', () => {
    expect(table('jobs user=$all state=running', replace)).toBe('jobs state=running');
    expect(table('logs query=*', replace)).toBe('logs query=*');
  });

  test('in a log query they are any of the values', () => {
    expect(table('logs query="host:$host AND severity:>=$level"', replace)).toBe(
      'logs query="host:(\\"node001\\" OR \\"node002\\") AND severity:>=err"'
    );
  });

  test('of annotations, a log query stands as it is', () => {
    expect(annotations('jobs host=$host', replace)).toBe('jobs host=node001,node002');
    expect(annotations('logs "link down" severity:>=$level host=$host', replace)).toBe(
      'logs "link down" severity:>=err host=node001,node002'
    );
    expect(annotations('', replace)).toBe('');
  });

  test('are parameters of Cypher, which are never read as Cypher', () => {
    const text = 'MATCH (h:Host) WHERE h.name IN $host AND h.at > $__from AND h.x = $own RETURN h.${user}, "$name"';
    expect(cypher(text, replace)).toEqual({
      query: 'MATCH (h:Host) WHERE h.name IN $host AND h.at > $__from AND h.x = $own RETURN h.alice, "$name"',
      parameters: { host: ['node001', 'node002'], __from: 1795651200000, name: 'O\'Brien "x"' },
    });
  });

  test('are literals of Cypher in a query that leaves its dashboard', () => {
    expect(cypherText('WHERE h.name IN $host AND j.name = $name AND j.id = $own', replace)).toBe(
      'WHERE h.name IN ["node001","node002"] AND j.name = "O\'Brien \\"x\\"" AND j.id = $own'
    );
  });
});
