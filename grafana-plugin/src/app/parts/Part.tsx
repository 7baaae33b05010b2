import { Alert, Button, Icon, LoadingPlaceholder, useStyles2 } from '@grafana/ui';
import React, { useId } from 'react';

import type { Told } from '../ask';
import { useHere } from '../here';
import { styles } from '../styles';

interface Props {
  readonly title: string;
  /** Columns of twelve. */
  readonly width?: number;
  /** Beside the title. */
  readonly aside?: React.ReactNode;
  readonly children: React.ReactNode;
}

/** A part of a page under its heading. */
export function Part({ title, width = 12, aside, children }: Props) {
  const css = useStyles2(styles);
  const id = useId();
  return (
    <section className={css.part} style={{ gridColumn: `span ${width}` }} aria-labelledby={id}>
      <div className={css.heading}>
        <h2 id={id} className={css.title}>
          {title}
        </h2>
        <span className={css.grow} />
        {aside}
      </div>
      {children}
    </section>
  );
}

/** What the reader must know about what stands below. */
export function Notices({ texts }: { texts: readonly string[] | undefined }) {
  const css = useStyles2(styles);
  return (
    <>
      {[...new Set(texts)].map((text) => (
        <div key={text} role="note" className={css.notice}>
          <Icon name="info-circle" />
          <span>{text}</span>
        </div>
      ))}
    </>
  );
}

/** What cannot be had, why, and another try. */
export function Trouble({ text }: { text: string }) {
  const { again } = useHere();
  return (
    <Alert severity="error" title="This could not be had">
      <p>{text}</p>
      <Button size="sm" variant="secondary" icon="sync" onClick={again}>
        Ask again
      </Button>
    </Alert>
  );
}

interface AnswerProps<T> {
  readonly told: Told<T>;
  readonly children: (value: T) => React.ReactNode;
}

/** What is shown of an answer; before it is there that it is awaited, and in place of one that cannot be had why. */
export function Answer<T>({ told, children }: AnswerProps<T>) {
  if (told.trouble !== '') {
    return <Trouble text={told.trouble} />;
  }
  return told.value === undefined ? <LoadingPlaceholder text="Loading..." /> : <>{children(told.value)}</>;
}

/** Names and what stands behind them; those without anything are left out. */
export function Facts({ facts }: { facts: ReadonlyArray<readonly [name: string, value: React.ReactNode]> }) {
  const css = useStyles2(styles);
  return (
    <dl className={css.facts}>
      {facts
        .filter(([, value]) => value !== null && value !== undefined && value !== '')
        .map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
    </dl>
  );
}
