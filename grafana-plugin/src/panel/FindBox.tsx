import type { GrafanaTheme2 } from '@grafana/data';
import { Input, useTheme2 } from '@grafana/ui';
import React, { useId, useState, type CSSProperties, type KeyboardEvent } from 'react';

import { type Fabric, search } from '../core';

const MOST = 10;

interface Props {
  readonly fabric: Fabric;
  readonly onFind: (node: number) => void;
}

/** Finds switches and hosts as one types; a combobox for pointer and keyboard, with its list above it. */
export function FindBox({ fabric, onFind }: Props) {
  const id = useId();
  const theme = useTheme2();
  const [text, setText] = useState('');
  const [open, setOpen] = useState(false);
  const [at, setAt] = useState(0);
  const found = open ? search(fabric, text, MOST) : [];

  const choose = (node: number | undefined) => {
    if (node !== undefined) {
      setText(fabric.nodes[node].name);
      setOpen(false);
      onFind(node);
    }
  };
  const onKeyDown = (event: KeyboardEvent) => {
    const keys: Record<string, () => void> = {
      ArrowDown: () => setAt((one) => (one + 1) % Math.max(1, found.length)),
      ArrowUp: () => setAt((one) => (one + found.length - 1) % Math.max(1, found.length)),
      Enter: () => choose(found[at]),
      Escape: () => setOpen(false),
    };
    if (keys[event.key]) {
      event.preventDefault();
      keys[event.key]();
    }
  };
  const shown = found.length > 0;
  return (
    <div style={{ position: 'relative', width: 200, marginLeft: 'auto' }}>
      <Input
        role="combobox"
        aria-label="Find a host or switch"
        aria-expanded={shown}
        aria-controls={`${id}-found`}
        aria-activedescendant={shown ? `${id}-${at}` : undefined}
        aria-autocomplete="list"
        placeholder="Find a host or switch"
        value={text}
        onChange={(event) => {
          setText(event.currentTarget.value);
          setAt(0);
          setOpen(true);
        }}
        onBlur={() => setOpen(false)}
        onKeyDown={onKeyDown}
      />
      {shown && (
        <ul id={`${id}-found`} role="listbox" aria-label="Found" style={listStyle(theme)}>
          {found.map((node, i) => (
            <li
              key={node}
              id={`${id}-${i}`}
              role="option"
              aria-selected={i === at}
              style={{ padding: '2px 8px', cursor: 'pointer', background: i === at ? theme.colors.action.hover : '' }}
              onPointerDown={(event) => {
                event.preventDefault(); // else the box loses the focus, and the list goes before the click arrives
                choose(node);
              }}
            >
              {fabric.nodes[node].name}
            </li>
          ))}
        </ul>
      )}
    </div>
  );
}

function listStyle(theme: GrafanaTheme2): CSSProperties {
  return {
    position: 'absolute',
    bottom: '100%',
    width: '100%',
    zIndex: 4,
    listStyle: 'none',
    margin: '0 0 2px',
    padding: '2px 0',
    background: theme.colors.background.secondary,
    border: `1px solid ${theme.colors.border.weak}`,
    borderRadius: theme.shape.borderRadius(1),
    boxShadow: theme.shadows.z3,
  };
}
