/** The back end, through Grafana's proxy. What it refuses becomes one sentence. */

import { getBackendSrv, isFetchError, type BackendSrvRequest } from '@grafana/runtime';
import { catchError, lastValueFrom, map, throwError, type Observable } from 'rxjs';

/** Parameters of a URL; what is undefined or empty is left out, a list is repeated. */
export type Params = Record<string, string | number | readonly string[] | undefined>;

/** What cannot be answered, and what to do about it. */
export class Refused extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'Refused';
  }
}

export class Api {
  /** `url`: the data source's own, of Grafana's proxy. */
  constructor(private readonly url: string) {}

  get<T>(path: string, params: Params = {}): Observable<T> {
    const said = Object.entries(params).flatMap(([key, value]) =>
      value === undefined || value === '' ? [] : [value].flat().map((one) => [key, String(one)])
    );
    const query = new URLSearchParams(said).toString();
    return this.fetch<T>({ method: 'GET', url: this.url + path + (query && `?${query}`) });
  }

  post<T>(path: string, data: unknown): Observable<T> {
    return this.fetch<T>({ method: 'POST', url: this.url + path, data });
  }

  /** An answer that may come later, of which pickers are made. */
  once<T>(path: string, params: Params = {}): Promise<T> {
    return lastValueFrom(this.get<T>(path, params));
  }

  private fetch<T>(request: BackendSrvRequest): Observable<T> {
    return getBackendSrv()
      .fetch<T>({ ...request, showErrorAlert: false })
      .pipe(
        map(({ data }) => {
          if (typeof data !== 'object' || data === null) {
            throw new Refused(NOT_WEFT);
          }
          return data;
        }),
        catchError((error: unknown) => throwError(() => (error instanceof Refused ? error : new Refused(said(error)))))
      );
  }
}

const NOT_WEFT = 'What answers is not Weft. Set the URL of the data source to that of `weft serve`.';

/** What went wrong, in the back end's own words where it said any. */
export function said(error: unknown): string {
  if (!isFetchError(error)) {
    return error instanceof Error ? error.message : String(error);
  }
  const data: unknown = error.data;
  if (typeof data === 'object' && data !== null && 'message' in data && typeof data.message === 'string') {
    const own = data.message.trim();
    // Grafana puts a `message` of its own where the answer has none; beside the back end's there is its code.
    if (own && 'error' in data && /^[a-z_]+$/.test(String(data.error))) {
      return own;
    }
  }
  switch (error.status) {
    case 401:
    case 403:
      return 'Weft, or a proxy before it, wants to know who asks. Set the credentials of the data source, or send_user_header in grafana.ini.';
    case 404:
      return NOT_WEFT;
    case 502:
    case 503:
    case 504:
    case 0:
      return 'Weft does not answer. Start it with `weft serve`, and check the URL of the data source.';
    default:
      return `Weft answers with status ${error.status}${error.statusText ? ` (${error.statusText})` : ''}. Its log says why.`;
  }
}
