/** The log query inside a text: `logs query="..." host=...`. */

import { argument, parseRequest, withArgument, writeRequest } from './request';
import type { WeftQuery } from './types';

/** The query of a log text; empty: every line. */
export function logQuery(query: WeftQuery): string {
  const request = parseRequest(query.text ?? '');
  return request === null ? '' : argument(request, 'query');
}

/** The query with another log query; a text that is no request stays as it is. */
export function withLogQuery(query: WeftQuery, change: (text: string) => string): WeftQuery {
  const request = parseRequest(query.text || 'logs');
  if (request === null) {
    return query;
  }
  return { ...query, text: writeRequest(withArgument(request, 'query', change(argument(request, 'query')))) };
}
