/** `name key=value ...`: what people type for a table, quoted as in a shell (Python's `shlex`, which the back end uses). */

export interface Request {
  readonly name: string;
  /** In the order in which they were typed. */
  readonly args: ReadonlyArray<readonly [key: string, value: string]>;
}

/** A word with where it stands: [from, to) of the text. */
export interface Word {
  readonly value: string;
  readonly from: number;
  readonly to: number;
  /** False: its quote is not closed yet. */
  readonly closed: boolean;
}

/** The words of a text. */
export function words(text: string): Word[] {
  const found: Word[] = [];
  let at = 0;
  while (at < text.length) {
    if (/\s/.test(text[at])) {
      at++;
      continue;
    }
    const from = at;
    let value = '';
    let quote = '';
    while (at < text.length && (quote || !/\s/.test(text[at]))) {
      const one = text[at];
      const next = text[at + 1];
      if (quote ? one === quote : one === '"' || one === "'") {
        quote = quote ? '' : one;
      } else if (one === '\\' && next !== undefined && (!quote || (quote === '"' && /["\\]/.test(next)))) {
        value += next;
        at++;
      } else {
        value += one;
      }
      at++;
    }
    found.push({ value, from, to: at, closed: !quote });
  }
  return found;
}

/** The request in a text; null where it is none: a quote is open, or a word is no argument. */
export function parseRequest(text: string): Request | null {
  const [name, ...rest] = words(text);
  if (name === undefined || ![name, ...rest].every((word) => word.closed)) {
    return null;
  }
  const args = rest.map(({ value }) => {
    const cut = value.indexOf('=');
    return [value.slice(0, cut), value.slice(cut + 1)] as const;
  });
  return rest.every(({ value }) => value.indexOf('=') > 0) ? { name: name.value, args } : null;
}

/** The text of a request; arguments without a value are left out. */
export function writeRequest({ name, args }: Request): string {
  return [name, ...args.filter(([, value]) => value !== '').map(([key, value]) => `${key}=${quoted(value)}`)].join(' ');
}

/** A value as one word of a shell. */
export function quoted(value: string): string {
  return /^[^\s'"\\]+$/.test(value) ? value : `"${value.replace(/["\\]/g, '\\$&')}"`;
}

export function argument(request: Request, key: string): string {
  return request.args.find(([name]) => name === key)?.[1] ?? '';
}

/** The request with another value; an empty one takes the argument away. */
export function withArgument(request: Request, key: string, value: string): Request {
  const there = request.args.some(([name]) => name === key);
  const args = there
    ? request.args.map(([name, old]) => [name, name === key ? value : old] as const)
    : [...request.args, [key, value] as const];
  return { ...request, args: args.filter(([, one]) => one !== '') };
}
