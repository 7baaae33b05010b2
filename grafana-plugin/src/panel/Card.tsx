import { locationUtil } from '@grafana/data';
import { locationService } from '@grafana/runtime';
import { LinkButton, Button, useTheme2 } from '@grafana/ui';
import React, { useLayoutEffect, useRef, useState } from 'react';

import type { Description } from '../core';
import type { Action } from './actions';

const OFFSET_PX = 14;

interface Props {
  readonly told: Description;
  readonly at: { readonly x: number; readonly y: number };
  readonly panel: { readonly width: number; readonly height: number };
  /** What can be done, where the card was clicked open; null: it follows the pointer. */
  readonly actions: readonly Action[] | null;
  readonly onClose: () => void;
}

/** What is known of a thing, beside the pointer; clicked, with what can be done with it. */
export function Card({ told, at, panel, actions, onClose }: Props) {
  const theme = useTheme2();
  const box = useRef<HTMLDivElement>(null);
  const [size, setSize] = useState({ width: 0, height: 0 });
  useLayoutEffect(() => {
    const { offsetWidth: width = 0, offsetHeight: height = 0 } = box.current ?? {};
    setSize((old) => (old.width === width && old.height === height ? old : { width, height }));
  }, [told, actions]);
  const left = at.x > panel.width / 2 ? at.x - size.width - OFFSET_PX : at.x + OFFSET_PX;
  const top = Math.min(at.y + OFFSET_PX, panel.height - size.height - 4);
  return (
    <div
      ref={box}
      role={actions ? 'dialog' : 'tooltip'}
      aria-label={told.title}
      style={{
        position: 'absolute',
        left: Math.max(4, left),
        top: Math.max(4, top),
        maxWidth: Math.min(380, panel.width - 8),
        zIndex: 3,
        padding: theme.spacing(1),
        pointerEvents: actions ? 'auto' : 'none',
        background: theme.colors.background.secondary,
        border: `1px solid ${theme.colors.border.medium}`,
        borderRadius: theme.shape.borderRadius(1),
        boxShadow: theme.shadows.z3,
        fontSize: theme.typography.bodySmall.fontSize,
      }}
    >
      <b>{told.title}</b>
      <table style={{ color: 'inherit', font: 'inherit' }}>
        <tbody>
          {told.rows.map(([label, text], i) => (
            <tr key={i}>
              <th style={{ fontWeight: 400, color: theme.colors.text.secondary, paddingRight: 12, textAlign: 'left' }}>
                {label}
              </th>
              <td style={{ overflowWrap: 'anywhere' }}>{text}</td>
            </tr>
          ))}
        </tbody>
      </table>
      {actions && (
        <div style={{ display: 'flex', flexDirection: 'column', alignItems: 'flex-start' }}>
          {actions.map(({ label, does }) =>
            'href' in does ? (
              <LinkButton
                key={label}
                href={locationUtil.assureBaseUrl(does.href)}
                target={does.blank ? '_blank' : '_self'}
                rel="noreferrer"
                fill="text"
                size="sm"
              >
                {label}
              </LinkButton>
            ) : (
              <Button key={label} fill="text" size="sm" onClick={() => setVariable(does, onClose)}>
                {label}
              </Button>
            )
          )}
          <Button fill="text" size="sm" variant="secondary" onClick={onClose}>
            Close
          </Button>
        </div>
      )}
    </div>
  );
}

/** Set a variable of the dashboard, as its own picker would. */
export function setVariable(does: { readonly variable: string; readonly value: string }, then: () => void): void {
  locationService.partial({ [`var-${does.variable}`]: does.value }, true);
  then();
}
