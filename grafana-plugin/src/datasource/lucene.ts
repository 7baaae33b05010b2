/** The log language, Lucene as in Kibana: conditions added to a query, and the words of it that lines are marked with. */

/** One `field:"value"`; a field's own colons and blanks, and a value's quotes, are escaped. */
export function term(field: string, value: string): string {
  return `${field.replace(/[\s:\\"()]/g, '\\$&')}:${phrase(value)}`;
}

/** A text as one phrase. */
export function phrase(value: string): string {
  return `"${value.replace(/["\\]/g, '\\$&')}"`;
}

/** Several values as one: any of them. A single plain one stays as it is, so that `severity:>=$least` works. */
export function anyOf(values: readonly string[]): string {
  const plain = (value: string) => (/^[\w.*-]+$/.test(value) ? value : phrase(value));
  return values.length === 1 ? plain(values[0]) : `(${values.map(phrase).join(' OR ')})`;
}

/** Both: the query, in brackets where its words are not joined by AND already (the language joins by OR). */
export function and(query: string, condition: string): string {
  const left = query.trim();
  if (left === '' || left === '*') {
    return condition;
  }
  return `${isChain(left) ? left : `(${left})`} AND ${condition}`;
}

/** The query with this condition, or without it where it has it; its opposite gives way. */
export function toggled(query: string, condition: string): string {
  const parts = chainOf(query);
  const opposite = condition.startsWith('NOT ') ? condition.slice(4) : `NOT ${condition}`;
  const rest = parts?.filter((part) => part !== condition && part !== opposite).join(' AND ') ?? query;
  return parts?.includes(condition) ? rest : and(rest, condition);
}

/** True where the query has this as one of its conditions. */
export function has(query: string, condition: string): boolean {
  return chainOf(query)?.includes(condition) ?? false;
}

/** Words and phrases that a line must have in its text, for marking them: as patterns, which Grafana searches with. */
export function searchWords(query: string): string[] {
  const found: string[] = [];
  let not = false;
  for (const token of tokens(query)) {
    if (/^(AND|OR|&&|\|\||TO)$/.test(token)) {
      continue;
    }
    if (/^(NOT|!)$/.test(token)) {
      not = true;
      continue;
    }
    // What stands in brackets is looked into; a field's brackets are its own.
    if (token.startsWith('(') && !not) {
      found.push(...searchWords(token.slice(1, token.endsWith(')') ? -1 : undefined)));
    } else if (!not && !/^[-!]/.test(token)) {
      const text = token.replace(/^\+?(message:)?/, '');
      const isPhrase = text.startsWith('"');
      const bare = isPhrase ? text.replace(/^"|"([~^][\d.]*)?$/g, '') : text;
      if (isPhrase || /^[^:()[\]{}/<>=]+$/.test(bare.replace(/\\./g, ''))) {
        found.push(pattern(isPhrase ? bare : bare.replace(/[~^][\d.]*$/, ''), isPhrase));
      }
    }
    not = false;
  }
  return [...new Set(found.filter((word) => word.replace(/\\S\*?/g, '') !== ''))];
}

/** What a term matches: outside a phrase `*` and `?` stand for letters, all else for itself. */
function pattern(term: string, isPhrase: boolean): string {
  return term.replace(/\\(.)|./g, (one: string, escaped: string | undefined) => {
    const wild = isPhrase || escaped !== undefined ? undefined : { '*': '\\S*', '?': '\\S' }[one];
    return wild ?? (escaped ?? one).replace(/[.*+?^${}()|[\]\\]/, '\\$&');
  });
}

/** Conditions joined by AND; null: the query is something else. */
function chainOf(query: string): string[] | null {
  const told = tokens(query);
  const parts: string[] = [];
  for (let at = 0; at < told.length; at++) {
    if (parts.length > 0 && told[at++] !== 'AND') {
      return null;
    }
    const not = told[at] === 'NOT';
    const one = told[not ? ++at : at];
    if (one === undefined || /^(AND|OR|NOT|&&|\|\|)$/.test(one)) {
      return null;
    }
    parts.push(not ? `NOT ${one}` : one);
  }
  return parts;
}

function isChain(query: string): boolean {
  return chainOf(query) !== null;
}

/** What stands between blanks, with quotes and brackets whole. */
function tokens(query: string): string[] {
  const found: string[] = [];
  let one = '';
  let depth = 0;
  let quote = false;
  for (let at = 0; at < query.length; at++) {
    const letter = query[at];
    if (letter === '\\') {
      one += letter + (query[++at] ?? '');
      continue;
    }
    quote = letter === '"' ? !quote : quote;
    depth += quote ? 0 : letter === '(' ? 1 : letter === ')' ? -1 : 0;
    if (/\s/.test(letter) && !quote && depth <= 0) {
      found.push(one);
      one = '';
    } else {
      one += letter;
    }
  }
  return [...found, one].filter((token) => token !== '');
}
