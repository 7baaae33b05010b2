import { useRef } from 'react';

interface Commit {
  onFocus: () => void;
  onBlur: () => void;
  /** Take the value as it is, changed or not. */
  commit: () => void;
}

/** When a typed value counts: on Enter always, and where the field is left if it was changed there. */
export function useCommit(value: string, onCommit: (value: string) => void): Commit {
  const last = useRef(value);
  const commit = () => {
    last.current = value;
    onCommit(value);
  };
  return {
    onFocus: () => {
      last.current = value;
    },
    onBlur: () => {
      if (value !== last.current) {
        commit();
      }
    },
    commit,
  };
}
