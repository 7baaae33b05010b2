/** Asking the Weft that this page comes from: JSON in, or an error in the back end's own words. */

/** An answer that says no, or none at all (`status` 0). */
export class Refused extends Error {
  constructor(
    message: string,
    readonly status: number
  ) {
    super(message);
    this.name = 'Refused';
  }
}

export type Params = Readonly<Record<string, string | number | null>>;

export interface Api {
  /** A route below /api/v1; parameters that are null are left out. Raises Refused. */
  get(path: string, params?: Params): Promise<unknown>;
  /** A table or series, as text, between two times in epoch ms (0: everything). Raises Refused. */
  ask(q: string, fromMs: number, toMs: number | null): Promise<unknown>;
}

/** Of this page's server: addresses are relative to the page, so that a proxy may serve it below any path. */
export function apiHere(fetcher: typeof fetch): Api {
  const told = async (address: string, options?: RequestInit): Promise<unknown> => {
    let answer: Response;
    try {
      answer = await fetcher(address, options);
    } catch {
      throw new Refused('Weft does not answer. Is it running?', 0);
    }
    const body: unknown = await answer.json().catch(() => null);
    if (!answer.ok || body === null) {
      throw new Refused(messageIn(body) ?? `${address} answered ${answer.status}.`, answer.status);
    }
    return body;
  };
  return {
    get: (path, params = {}) => {
      const query = new URLSearchParams();
      Object.entries(params).forEach(([name, value]) => value !== null && query.set(name, String(value)));
      return told(`api/v1/${path}${query.size ? `?${query.toString()}` : ''}`);
    },
    ask: (q, fromMs, toMs) =>
      told('api/v1/query', {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ q, from: fromMs, to: toMs ?? 'now' }),
      }),
  };
}

function messageIn(body: unknown): string | null {
  const message: unknown = typeof body === 'object' && body !== null && 'message' in body ? body.message : null;
  return typeof message === 'string' ? message : null;
}
