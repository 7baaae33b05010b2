import { dateTimeFormat, type GrafanaTheme2, type PanelProps } from '@grafana/data';
import { useTheme2 } from '@grafana/ui';
import React, { useEffect, useMemo, useRef, useState } from 'react';

import {
  DARK,
  describe,
  type Fabric,
  type Folded,
  type Hit,
  LIGHT,
  type Layout,
  type Legend,
  sameShape,
  showLegend,
  type Theme,
  TopologyView,
  valuesOfLinks,
} from '../core';
import { actionsOf } from './actions';
import { Card, setVariable } from './Card';
import { NO_PICTURE, pictureIn, valuesIn, wordsOf } from './data';
import { FindBox } from './FindBox';
import type { Options } from './types';

const LEGEND = { flex: '1 1 200px', padding: '4px 8px', minHeight: 22 };

/** From so many hosts on, `auto` folds them. */
const MANY_HOSTS = 1500;

interface Pointed {
  /** What `hit` is a part of: after another fabric it means nothing. */
  readonly fabric: Fabric;
  readonly hit: Hit;
  readonly at: { readonly x: number; readonly y: number };
  /** Clicked: it stays until it is closed. */
  readonly stays: boolean;
}

export function TopologyPanel(props: PanelProps<Options>) {
  const { data, options, width, height } = props;
  const told = useMemo(() => {
    try {
      return { picture: pictureIn(data.series), trouble: '' };
    } catch (problem) {
      return { picture: null, trouble: wordsOf(problem) };
    }
  }, [data.series]);
  if (!told.picture) {
    return (
      <div role="alert" style={{ width, height, display: 'grid', placeItems: 'center', textAlign: 'center' }}>
        {told.trouble || NO_PICTURE}
      </div>
    );
  }
  return <Drawn {...props} picture={told.picture} options={options} />;
}

type DrawnProps = PanelProps<Options> & { readonly picture: NonNullable<ReturnType<typeof pictureIn>> };

/** The view is made once; what it shows follows the properties. */
function Drawn(props: DrawnProps) {
  const { data, options, fieldConfig, width, height, picture, timeRange, timeZone, replaceVariables } = props;
  const { fabric, run } = picture;
  const theme = useTheme2();
  const colors = useMemo(() => colorsOf(theme), [theme]);
  const stage = useRef<HTMLDivElement>(null);
  const legendBox = useRef<HTMLDivElement>(null);
  const [view, setView] = useState<TopologyView | null>(null);
  const [drawn, setDrawn] = useState<{ legend: Legend; layout: Layout | null } | null>(null);
  const [held, setPointed] = useState<Pointed | null>(null);
  const pointed = held && sameShape(held.fabric, fabric) ? held : null;
  const click = useRef<(hit: Hit | null) => void>(() => undefined);
  const shown = useRef(fabric);
  const mouse = useRef({ x: 0, y: 0 });
  const values = useMemo(
    () =>
      options.value === 'none'
        ? null
        : {
            kind: options.value,
            byPort: valuesIn(data.series, fabric, options.value),
            max: fieldConfig.defaults.max ?? undefined,
          },
    [data.series, fabric, options.value, fieldConfig.defaults.max]
  );

  useEffect(() => {
    if (!stage.current) {
      return undefined;
    }
    const calm = window.matchMedia('(prefers-reduced-motion: reduce)').matches;
    const made = new TopologyView(
      stage.current,
      colors,
      {
        onHover: (hit, at) => {
          mouse.current = at;
          setPointed((old) => (old?.stays ? old : hit && { fabric: shown.current, hit, at, stays: false }));
        },
        onClick: (hit) => click.current(hit),
        onScene: (_, legend) => setDrawn({ legend, layout: made.currentLayout }),
      },
      calm
    );
    setView(made);
    return () => made.destroy();
    // Colours change later by setTheme: the view keeps what a person did to it.
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, []);

  const folding = useMemo(() => foldedAs(options.fold, fabric), [options.fold, fabric]);
  useEffect(() => view?.setFolded(folding), [view, folding]);
  useEffect(() => {
    shown.current = fabric;
    view?.setFabric(fabric);
    view?.setRun(run);
  }, [view, fabric, run]);
  useEffect(() => view?.setValues(values), [view, values]);
  useEffect(() => view?.setTheme(colors), [view, colors]);
  useEffect(() => {
    if (legendBox.current && drawn) {
      showLegend(legendBox.current, drawn.legend, colors);
    }
  }, [drawn, colors, options.legend]);

  const links = fieldConfig.defaults.links ?? [];
  const around = { fabric, options, run, runKey: picture.runKey, range: timeRange, links, replace: replaceVariables };
  useEffect(() => {
    click.current = (hit) => {
      const block = hit?.kind === 'block' ? view?.currentLayout?.blocks[hit.block] : undefined;
      if (block) {
        const others = view?.currentLayout?.blocks.filter((one) => one !== block) ?? [];
        view?.setFolded(new Set(others.flatMap((one) => one.leaves.map((leaf) => fabric.nodes[leaf].id))));
        setPointed(null);
        return;
      }
      const sets =
        hit && options.click === 'set' ? actionsOf(around, hit).find(({ does }) => 'variable' in does) : null;
      if (sets && 'variable' in sets.does) {
        setVariable(sets.does, () => setPointed(null));
        return;
      }
      setPointed(hit && { fabric, hit, at: mouse.current, stays: true });
    };
  });

  const layout = drawn?.layout;
  const known = layout &&
    pointed && {
      fabric,
      layout,
      run,
      values: values && { kind: values.kind, ofLinks: valuesOfLinks(fabric, values.byPort) },
      when: (ms: number) => dateTimeFormat(ms, { timeZone }),
    };
  return (
    <div style={{ width, height, display: 'flex', flexDirection: 'column' }}>
      <div style={{ flex: 1, minHeight: 0, position: 'relative' }}>
        <div ref={stage} style={{ position: 'absolute', inset: 0 }} data-testid="weft-stage" />
        {known && pointed && (
          <Card
            told={describe(known, pointed.hit)}
            at={pointed.at}
            panel={{ width, height }}
            actions={pointed.stays ? actionsOf(around, pointed.hit) : null}
            onClose={() => setPointed(null)}
          />
        )}
      </div>
      <div style={{ display: 'flex', flexWrap: 'wrap', alignItems: 'center' }}>
        {options.legend && <div ref={legendBox} aria-label="Legend" style={LEGEND} />}
        {options.search && (
          <FindBox
            fabric={fabric}
            onFind={(node) => {
              view?.focus(node);
              setPointed({ fabric, hit: { kind: 'node', node }, at: { x: 8, y: 8 }, stays: true });
            }}
          />
        )}
      </div>
    </div>
  );
}

function foldedAs(fold: Options['fold'], fabric: Fabric): Folded {
  const hosts = fabric.nodes.reduce((sum, node) => sum + (node.kind === 'host' ? 1 : 0), 0);
  return fold === 'all' || (fold === 'auto' && hosts >= MANY_HOSTS) ? 'all' : 'none';
}

/** The core's colours on Grafana's ground, in its letters. */
export function colorsOf(theme: GrafanaTheme2): Theme {
  const base = theme.isDark ? DARK : LIGHT;
  return { ...base, background: theme.colors.background.primary, font: theme.typography.fontFamily };
}
