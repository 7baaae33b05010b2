import { useStyles2 } from '@grafana/ui';
import React, { useMemo } from 'react';

import { styles } from '../styles';

interface Props {
  readonly text: string;
  /** Patterns of what is marked. */
  readonly words: readonly string[];
}

/** A text in which what was looked for is marked. */
export function Marked({ text, words }: Props) {
  const css = useStyles2(styles);
  const pattern = useMemo(() => patternOf(words), [words]);
  if (pattern === null) {
    return <>{text}</>;
  }
  // Splitting by a pattern in brackets leaves what it found at every other place.
  return (
    <>
      {text.split(pattern).map((part, i) =>
        i % 2 === 1 ? (
          <mark key={i} className={css.mark}>
            {part}
          </mark>
        ) : (
          part
        )
      )}
    </>
  );
}

function patternOf(words: readonly string[]): RegExp | null {
  return words.length > 0 ? new RegExp(`(${words.join('|')})`, 'gi') : null;
}
