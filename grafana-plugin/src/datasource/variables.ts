/** Values of a dashboard's variables. */

import { CustomVariableSupport, type DataQueryRequest, type DataQueryResponse } from '@grafana/data';
import { map, type Observable } from 'rxjs';

import { VariableEditor } from './components/VariableEditor';
import type { DataSource } from './datasource';
import { valuesFrame } from './frames';
import type { WeftQuery } from './types';

export class Variables extends CustomVariableSupport<DataSource, WeftQuery> {
  editor = VariableEditor;

  constructor(private readonly source: DataSource) {
    super();
  }

  /** A function of its own, as Grafana calls it without its object. A query may be a bare text: people wrote those. */
  query = (request: DataQueryRequest<WeftQuery>): Observable<DataQueryResponse> => {
    const asked: WeftQuery | string | undefined = request.targets[0];
    const query: WeftQuery = typeof asked === 'string' ? { refId: 'A', text: asked } : (asked ?? { refId: 'A' });
    return this.source
      .values(query.text ?? '', request.range, request.scopedVars)
      .pipe(map((values) => ({ data: [valuesFrame(values, query.refId)] })));
  };
}

/** `tag_values(host, switch=leaf01)` and `tags(...)`, as Grafana's Graphite source has them: a tag, and conditions. */
export interface TagAsk {
  /** Undefined: the names of tags are asked. */
  readonly tag?: string;
  readonly expressions: readonly string[];
}

/** What is asked of tags; null: something else is. */
export function tagAsk(text: string): TagAsk | null {
  const found = /^\s*(tags|tag_values)\s*\((.*)\)\s*$/s.exec(text);
  if (found === null) {
    return null;
  }
  const told = found[2]
    .split(/,(?![^{(]*[})])/) // not in {a,b} and (a,b)
    .map((one) => one.trim())
    .filter((one) => one !== '');
  return found[1] === 'tags' ? { expressions: told } : { tag: told[0] ?? '', expressions: told.slice(1) };
}
