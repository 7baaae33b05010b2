import { dateTimeFormat } from '@grafana/data';
import { Button, IconButton, useStyles2, useTheme2 } from '@grafana/ui';
import React, { useState } from 'react';

import { levelOf } from '../../datasource/frames';
import type { AroundAnswer, LogLine } from '../../datasource/types';
import { useApi } from '../ask';
import { useZone } from '../here';
import { styles } from '../styles';
import { Marked } from './Marked';
import { Answer, Notices } from './Part';

interface Props {
  readonly label: string;
  readonly lines: readonly LogLine[];
  /** Patterns of what is marked in the messages. */
  readonly words: readonly string[];
  /** With a filter for or against a value, in the details of a line. */
  readonly onFilter?: (field: string, value: string, out: boolean) => void;
}

/** Log lines; one that is opened shows what else it says, and what stands around it. */
export function Lines({ label, lines, words, onFilter }: Props) {
  const css = useStyles2(styles);
  const [open, setOpen] = useState<string>();
  return (
    <ol className={css.lines} aria-label={label}>
      {lines.map((line) => (
        <li key={line.id}>
          <Line
            line={line}
            words={words}
            open={open === line.id}
            onToggle={() => setOpen(open === line.id ? undefined : line.id)}
          />
          {open === line.id && <Details line={line} words={words} onFilter={onFilter} />}
        </li>
      ))}
    </ol>
  );
}

interface LineProps {
  readonly line: LogLine;
  readonly words: readonly string[];
  readonly open: boolean;
  readonly onToggle: () => void;
}

function Line({ line, words, open, onToggle }: LineProps) {
  const css = useStyles2(styles);
  return (
    <button type="button" className={css.line} aria-expanded={open} onClick={onToggle}>
      <Level severity={line.severity} />
      <Said line={line} words={words} />
    </button>
  );
}

function Said({ line, words }: { line: LogLine; words: readonly string[] }) {
  const css = useStyles2(styles);
  const when = dateTimeFormat(line.time, { timeZone: useZone(), format: 'YYYY-MM-DD HH:mm:ss.SSS' });
  return (
    <>
      <span className={css.soft}>{when}</span>
      <span className={css.message}>
        <b>{line.host}</b> {line.program && <span className={css.soft}>{line.program}: </span>}
        <Marked text={line.message} words={words} />
      </span>
    </>
  );
}

/** A bar in the colour of the line's level; its name is there for those who do not see it. */
function Level({ severity }: { severity: string | null }) {
  const { visualization } = useTheme2();
  const level = levelOf(severity);
  const background = visualization.getColorByName(LEVEL_COLORS[level]);
  return <span role="img" aria-label={level} title={level} style={{ background, borderRadius: 2 }} />;
}

/** Grafana's own colours of levels, by their names in its palette. */
export const LEVEL_COLORS: Readonly<Record<string, string>> = {
  critical: 'purple',
  error: 'red',
  warning: 'yellow',
  info: 'green',
  debug: 'blue',
  unknown: 'gray',
};

function Details({ line, words, onFilter }: Pick<LineProps, 'line' | 'words'> & Pick<Props, 'onFilter'>) {
  const css = useStyles2(styles);
  const [around, setAround] = useState(0);
  const { host, program, severity, source } = line;
  const said = Object.entries({ host, program, severity, source, ...line.fields });
  return (
    <div className={css.details}>
      <table className={css.table} aria-label="Fields of this line">
        <tbody>
          {said.map(([field, value]) =>
            value === null ? null : (
              <tr key={field}>
                <th scope="row">{field}</th>
                <td className={css.text}>{String(value)}</td>
                {onFilter && (
                  <td>
                    <FilterButtons field={field} value={String(value)} onFilter={onFilter} />
                  </td>
                )}
              </tr>
            )
          )}
        </tbody>
      </table>
      {around === 0 ? (
        <Button size="sm" fill="text" icon="list-ul" onClick={() => setAround(AROUND)}>
          {`Show what ${host ?? 'its host'} said before and after`}
        </Button>
      ) : (
        <Around line={line} words={words} limit={around} onMore={() => setAround(around * 3)} />
      )}
    </div>
  );
}

/** Lines on each side of a line, at first. */
const AROUND = 10;

interface FilterProps {
  readonly field: string;
  readonly value: string;
  readonly onFilter: NonNullable<Props['onFilter']>;
}

/** With a value only, or without it. */
export function FilterButtons({ field, value, onFilter }: FilterProps) {
  return (
    <>
      <IconButton
        name="search-plus"
        size="sm"
        tooltip={`Only ${field} ${value}`}
        aria-label={`Only ${field} ${value}`}
        onClick={() => onFilter(field, value, false)}
      />
      <IconButton
        name="search-minus"
        size="sm"
        tooltip={`Without ${field} ${value}`}
        aria-label={`Without ${field} ${value}`}
        onClick={() => onFilter(field, value, true)}
      />
    </>
  );
}

interface AroundProps {
  readonly line: LogLine;
  readonly words: readonly string[];
  readonly limit: number;
  readonly onMore: () => void;
}

function Around({ line, words, limit, onMore }: AroundProps) {
  const css = useStyles2(styles);
  const told = useApi<AroundAnswer>('/api/v1/logs/context', { cursor: line.cursor, limit });
  return (
    <Answer told={told}>
      {({ before, after, notices }) => (
        <>
          <Notices texts={notices} />
          <ol className={css.lines} aria-label="Around this line">
            {[...before, line, ...after].map((one) => (
              <li
                key={one.id}
                className={one.id === line.id ? `${css.line} ${css.here}` : css.line}
                aria-current={one.id === line.id}
              >
                <Level severity={one.severity} />
                <Said line={one} words={words} />
              </li>
            ))}
          </ol>
          {(before.length === limit || after.length === limit) && (
            <Button size="sm" fill="text" onClick={onMore}>
              More of both
            </Button>
          )}
        </>
      )}
    </Answer>
  );
}
