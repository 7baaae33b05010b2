import type { GrafanaTheme2 } from '@grafana/data';
import { TextArea, useTheme2 } from '@grafana/ui';
import React, { useEffect, useId, useRef, useState, type CSSProperties } from 'react';

import { complete, type Completion, type Language, type Names } from '../complete';
import { useCommit } from './useCommit';

interface Props {
  id: string;
  label: string;
  value: string;
  language: Language;
  names: Names;
  placeholder?: string;
  rows?: number;
  onChange: (value: string) => void;
  /** Enter, or the field is left changed. */
  onCommit: (value: string) => void;
}

/** How long one types on before suggestions are asked for. */
const PAUSE_MS = 150;

const NONE: Completion = { from: 0, to: 0, items: [] };

/**
 * A text with suggestions: they open while one types and on Ctrl+Space, arrows choose, Tab or Enter take, Escape closes.
 * Enter without a choice runs the query, Shift+Enter begins a line.
 */
export function TextField({ id, label, value, language, names, placeholder, rows = 1, onChange, onCommit }: Props) {
  const styles = stylesOf(useTheme2());
  const { onFocus, onBlur, commit } = useCommit(value, onCommit);
  const list = useId();
  const area = useRef<HTMLTextAreaElement>(null);
  const timer = useRef<number>();
  const asked = useRef(0);
  const [shown, setShown] = useState<Completion>(NONE);
  const [chosen, setChosen] = useState(-1);

  const close = () => {
    asked.current++;
    window.clearTimeout(timer.current);
    setShown(NONE);
    setChosen(-1);
  };
  useEffect(() => () => window.clearTimeout(timer.current), []);

  const suggest = (text: string, pauseMs: number) => {
    const mine = ++asked.current;
    window.clearTimeout(timer.current);
    timer.current = window.setTimeout(() => {
      const cursor = area.current?.selectionStart ?? text.length;
      // Suggestions are a help: when they cannot be had one types on, and the query itself says what is wrong.
      complete(language, text, cursor, names).then(
        (found) => mine === asked.current && (setShown(found), setChosen(-1)),
        () => mine === asked.current && close()
      );
    }, pauseMs);
  };

  const take = (at: number) => {
    const { text } = shown.items[at];
    const next = value.slice(0, shown.from) + text + value.slice(shown.to);
    const cursor = shown.from + text.length;
    close();
    onChange(next);
    window.setTimeout(() => {
      area.current?.focus();
      area.current?.setSelectionRange(cursor, cursor);
      if (/[.=:(]$/.test(text)) {
        suggest(next, 0);
      }
    });
  };

  const onKeyDown = (event: React.KeyboardEvent) => {
    const count = shown.items.length;
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (event.key === ' ' && event.ctrlKey) {
      suggest(value, 0);
    } else if (count > 0 && step !== undefined) {
      // One place beside the suggestions, before the first, is the text itself.
      setChosen(((chosen + 1 + step + count + 1) % (count + 1)) - 1);
    } else if (count > 0 && chosen >= 0 && (event.key === 'Enter' || event.key === 'Tab')) {
      take(chosen);
    } else if (count > 0 && event.key === 'Escape') {
      close();
    } else if (event.key === 'Enter' && !event.shiftKey) {
      close();
      commit();
    } else {
      return;
    }
    event.preventDefault();
    event.stopPropagation();
  };

  const option = (at: number) => `${list}-${at}`;
  const open = shown.items.length > 0;
  return (
    <div style={styles.field}>
      <TextArea
        id={id}
        ref={area}
        aria-label={label}
        role="combobox"
        aria-autocomplete="list"
        aria-expanded={open}
        aria-controls={list}
        aria-activedescendant={chosen >= 0 ? option(chosen) : undefined}
        style={styles.text}
        rows={Math.max(rows, value.split('\n').length)}
        value={value}
        placeholder={placeholder}
        spellCheck={false}
        onChange={(event) => {
          onChange(event.currentTarget.value);
          suggest(event.currentTarget.value, PAUSE_MS);
        }}
        onKeyDown={onKeyDown}
        onFocus={onFocus}
        onBlur={() => {
          close();
          onBlur();
        }}
      />
      <ul id={list} role="listbox" aria-label={`Suggestions for ${label}`} style={styles.list} hidden={!open}>
        {shown.items.map((item, at) => (
          <li
            key={`${item.text} ${item.label}`}
            id={option(at)}
            role="option"
            aria-selected={at === chosen}
            style={at === chosen ? styles.chosen : styles.item}
            onMouseEnter={() => setChosen(at)}
            ref={(element) => at === chosen && element?.scrollIntoView?.({ block: 'nearest' })}
            onMouseDown={(event) => event.preventDefault()}
            onClick={() => take(at)}
          >
            <span>{item.label}</span>
            <small style={styles.doc}>{item.doc}</small>
          </li>
        ))}
      </ul>
    </div>
  );
}

function stylesOf(theme: GrafanaTheme2): Record<string, CSSProperties> {
  const item: CSSProperties = {
    display: 'flex',
    justifyContent: 'space-between',
    gap: theme.spacing(2),
    padding: theme.spacing(0.5, 1),
    cursor: 'pointer',
    fontFamily: theme.typography.fontFamilyMonospace,
  };
  return {
    field: { position: 'relative', flexGrow: 1, minWidth: 240 },
    text: { fontFamily: theme.typography.fontFamilyMonospace, resize: 'vertical' },
    list: {
      position: 'absolute',
      zIndex: theme.zIndex.dropdown,
      width: '100%',
      maxHeight: 300,
      margin: 0,
      overflowY: 'auto',
      listStyle: 'none',
      background: theme.colors.background.primary,
      border: `1px solid ${theme.colors.border.medium}`,
      boxShadow: theme.shadows.z3,
    },
    item,
    chosen: { ...item, background: theme.colors.action.selected },
    doc: { color: theme.colors.text.secondary, textAlign: 'right' },
  };
}
