/** A running Weft for living.test.ts, asked as Grafana's client asks, and directly. */

import type { BackendSrvRequest } from '@grafana/runtime';
import http from 'http';
import { from, type Observable } from 'rxjs';

import { URL as PROXY } from './backend';

export const SERVER = process.env.WEFT_URL ?? '';

interface Answer {
  readonly status: number;
  readonly data: unknown;
}

/** One request of the server: what it answers, whatever the status. */
export function call(path: string, data?: unknown): Promise<Answer> {
  const body = data === undefined ? undefined : JSON.stringify(data);
  return new Promise((resolve, reject) => {
    const headers = { 'content-type': 'application/json' };
    const request = http.request(
      SERVER + path,
      { method: body === undefined ? 'GET' : 'POST', headers },
      (response) => {
        let text = '';
        response.setEncoding('utf8');
        response.on('data', (chunk: string) => (text += chunk));
        response.on('end', () => resolve({ status: response.statusCode ?? 0, data: JSON.parse(text) as unknown }));
      }
    );
    request.on('error', reject);
    request.end(body);
  });
}

/** What the server answers, of which a test knows the shape. */
export async function native<T>(path: string, data?: unknown): Promise<T> {
  return (await call(path, data)).data as T;
}

/** Grafana's client with its proxy before the server. */
export const backendSrv = {
  fetch: (request: BackendSrvRequest): Observable<unknown> =>
    from(
      call(request.url.replace(PROXY, ''), request.data).then((answer) => {
        if (answer.status >= 400) {
          throw { ...answer, statusText: '', config: request };
        }
        return answer;
      })
    ),
};
