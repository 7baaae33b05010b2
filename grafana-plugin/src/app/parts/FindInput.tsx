import { FilterInput } from '@grafana/ui';
import React, { useEffect, useState } from 'react';

import { change, useHere } from '../here';

/** How long one types on before the address follows. */
const PAUSE_MS = 300;

/** A text that rows of a list are looked through for; it is `find` in the URL. */
export function FindInput({ placeholder }: { placeholder: string }) {
  const { query } = useHere();
  const told = query.get('find') ?? '';
  const [text, setText] = useState({ told, typed: told });
  const typed = text.told === told ? text.typed : told;
  useEffect(() => {
    if (typed === told) {
      return undefined;
    }
    const timer = window.setTimeout(() => change({ find: typed }, true), PAUSE_MS);
    return () => window.clearTimeout(timer);
  }, [typed, told]);
  return (
    <FilterInput
      aria-label={placeholder}
      placeholder={placeholder}
      width={40}
      value={typed}
      onChange={(next) => setText({ told, typed: next })}
    />
  );
}
