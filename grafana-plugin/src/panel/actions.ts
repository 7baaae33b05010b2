/** What can be done with a thing in the picture: dashboards to open, variables to set. Pure. */

import type { DataLink, ScopedVars, TimeRange } from '@grafana/data';

import type { Fabric, Hit, Run } from '../core';
import type { Options } from './types';

export interface Action {
  readonly label: string;
  /** Where it leads, or which variable of the dashboard gets which value. */
  readonly does:
    { readonly href: string; readonly blank: boolean } | { readonly variable: string; readonly value: string };
}

type Thing = 'host' | 'switch' | 'cable';

/** The thing that was hit as a dashboard knows it; null: it has no name (a block, a link whose cable is not known). */
export function thingOf(fabric: Fabric, hit: Hit): { readonly kind: Thing; readonly name: string } | null {
  if (hit.kind === 'node') {
    const node = fabric.nodes[hit.node];
    return { kind: node.kind, name: node.name };
  }
  const cable = hit.kind === 'link' ? fabric.links[hit.link].cable : null;
  return cable ? { kind: 'cable', name: cable } : null;
}

export interface Around {
  readonly fabric: Fabric;
  readonly options: Options;
  readonly run: Run | null;
  readonly runKey: string | null;
  readonly range: TimeRange;
  readonly links: readonly DataLink[];
  readonly replace: (text: string, vars?: ScopedVars) => string;
}

/** The first one that sets a variable is what a click does where it shall do one thing. */
export function actionsOf(around: Around, hit: Hit): Action[] {
  const { fabric, options, run, runKey } = around;
  const thing = thingOf(fabric, hit);
  if (!thing) {
    return [];
  }
  const { kind, name } = thing;
  const [board, named] = [options[`${kind}Board`], options[`${kind}Variable`]];
  const variable = named && isVariable(named, around.replace) ? named : null;
  const job = runKey && run && crosses(run, hit) ? jobBoard(runKey) : null;
  const vars = { __value: { text: name, value: { raw: name, text: name } } };
  return [
    ...(board ? [opens(`Open ${kind} ${name}`, `/d/${board}?var-${kind}=${encodeURIComponent(name)}`, around)] : []),
    ...(variable ? [{ label: `Set $${variable} to ${name}`, does: { variable, value: name } }] : []),
    ...(job && run ? [opens(`Open ${run.name}`, `/d/${job}?`, { ...around, range: null })] : []),
    ...around.links.map((link) => ({
      label: around.replace(link.title || link.url, vars),
      does: { href: safe(around.replace(link.url, vars)), blank: link.targetBlank === true },
    })),
  ];
}

/** Whether the dashboard has such a variable: what it does not know it leaves as it is. */
function isVariable(name: string, replace: Around['replace']): boolean {
  const asked = `\${${name}}`;
  return replace(asked) !== asked;
}

function opens(label: string, path: string, { range }: { range: TimeRange | null }): Action {
  const time = range
    ? `&from=${encodeURIComponent(rawOf(range.raw.from))}&to=${encodeURIComponent(rawOf(range.raw.to))}`
    : '';
  return { label, does: { href: `${path}${time}`.replace(/\?$/, ''), blank: false } };
}

function rawOf(time: TimeRange['raw']['from']): string {
  return typeof time === 'string' ? time : String(time.valueOf());
}

/** A link that a person typed never runs a script. */
function safe(href: string): string {
  return /^\s*(javascript|data|vbscript):/i.test(href) ? 'about:blank' : href;
}

function crosses(run: Run, hit: Hit): boolean {
  return hit.kind === 'node' ? run.hosts.has(hit.node) : hit.kind === 'link' && run.links.has(hit.link);
}

/** The uid of a run's dashboard as `weft provision` makes it; null where it is a hash of a longer or odd name. */
export function jobBoard(runKey: string): string | null {
  const told = /^([\w-]+):(\d+)@(\d+)$/.exec(runKey);
  const uid = told && `weft-job-${told[1]}-${told[2]}-${Math.floor(Number(told[3]) / 1000)}`;
  return uid && uid.length <= 40 ? uid : null;
}
