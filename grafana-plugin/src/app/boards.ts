/** Which of the dashboards that `weft provision` writes there are here: only those are linked to. */

import { getBackendSrv } from '@grafana/runtime';
import { useCallback } from 'react';
import { catchError, map, of } from 'rxjs';

import { useTold } from './ask';

export type Boards = ReadonlySet<string>;

const NONE: Boards = new Set();

/** Those of the wanted dashboards that there are; none while it is not known, or cannot be. */
export function useBoards(wanted: readonly string[]): Boards {
  const key = wanted.join(' ');
  const told = useTold(
    useCallback(() => {
      const query = key
        .split(' ')
        .map((uid) => `dashboardUIDs=${encodeURIComponent(uid)}`)
        .join('&');
      return getBackendSrv()
        .fetch<Array<{ uid: string }>>({ url: `/api/search?type=dash-db&${query}`, showErrorAlert: false })
        .pipe(
          map(({ data }): Boards => new Set(data.map(({ uid }) => uid))),
          catchError(() => of(NONE)) // the pages say all of it without them
        );
    }, [key])
  );
  return told.value ?? NONE;
}
