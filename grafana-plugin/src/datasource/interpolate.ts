/** Variables of a dashboard in what is asked. A value reaches its place whole, whatever letters it has. */

import { anyOf } from './lucene';
import { parseRequest, words, writeRequest, type Request } from './request';

export type Value = string | string[];

/** Grafana's template service for one request: puts variables in, each as `format` writes its value. */
export type Replace = (text: string, format?: (value: Value) => string) => string;

const listOf = (value: Value) => (Array.isArray(value) ? value : [value]).map(String);

/** A Graphite expression: several values as `{a,b}`. */
export function expression(text: string, replace: Replace): string {
  return replace(text, (value) => {
    const values = listOf(value);
    return values.length === 1 ? values[0] : `{${values.join(',')}}`;
  });
}

/** A text with several values as `a,b`. */
export function plain(text: string, replace: Replace): string {
  return replace(text, (value) => listOf(value).join(','));
}

/**
 * A table with arguments: several values as `a,b`, in a log query as `("a" OR "b")`. An argument that becomes `*`, as
 * "All" of a variable does, asks for everything and is left out. What is no request is left to the back end to explain.
 */
export function table(text: string, replace: Replace): string {
  const request = parseRequest(text);
  return request === null ? plain(text, replace) : writeRequest(tableRequest(request, replace));
}

export function tableRequest(request: Request, replace: Replace): Request {
  const name = plain(request.name, replace);
  const args = request.args.map(([key, told]) => {
    const isLog = key === 'query' && name !== 'cypher';
    const value = isLog ? replace(told, (one) => anyOf(listOf(one))) : plain(told, replace);
    return [key, value === '*' && told !== '*' ? '' : value] as const;
  });
  return { name, args: args.filter(([, value]) => value !== '') };
}

/** Annotations: a table with arguments, but for `logs`, after which a log query stands as it is. */
export function annotations(text: string, replace: Replace): string {
  return words(text)[0]?.value === 'logs' ? plain(text, replace) : table(text, replace);
}

/**
 * Cypher has `$name` itself: a dashboard's variables become its parameters, lists where they have several values, so
 * that no letter of a value is read as Cypher. `${name}` and `$__interval`, which are no Cypher, are put in as text.
 */
export function cypher(text: string, replace: Replace): { query: string; parameters: Record<string, unknown> } {
  const parameters: Record<string, unknown> = {};
  const query = text.replace(/\$(\w+)|\$\{[^}]+\}/g, (whole, name: string | undefined) => {
    if (name === undefined) {
      return plain(whole, replace);
    }
    let told: Value | undefined;
    const said = replace(whole, (value) => {
      told = value;
      return '';
    });
    if (told === undefined && said === whole) {
      return whole; // no variable: Cypher's own
    }
    const value = told ?? said;
    parameters[name] = name.startsWith('__') && /^\d+$/.test(String(value)) ? Number(value) : value;
    return whole;
  });
  return { query, parameters };
}

/** Cypher with the values of its parameters in it, for a query that leaves its dashboard. */
export function cypherText(text: string, replace: Replace): string {
  const { query, parameters } = cypher(text, replace);
  return query.replace(/\$(\w+)/g, (whole, name: string) =>
    name in parameters ? JSON.stringify(parameters[name]) : whole
  );
}
