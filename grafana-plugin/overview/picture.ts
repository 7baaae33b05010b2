/** The drawing core in this page: theme and motion as the reader wants them, a tooltip, the legend, folding. */

import {
  DARK,
  describe,
  type Description,
  type Fabric,
  type Folded,
  type Hit,
  type Layout,
  LIGHT,
  type Run,
  sameShape,
  showLegend,
  type Theme,
  TopologyView,
  type ValueKind,
  valuesOfLinks,
} from '../src/core';
import { clock } from './moments';

/** From so many hosts on they are folded into their leaves at first. */
const MANY_HOSTS = 1500;
const TIP_OFFSET_PX = 14;

export class Picture {
  private readonly view: TopologyView;
  private readonly tip: HTMLElement;
  private readonly dark: MediaQueryList;
  private readonly calm: MediaQueryList;
  private fabric: Fabric | null = null;
  private run: Run | null = null;
  private values: { kind: ValueKind; byPort: ReadonlyMap<string, number> } | null = null;
  private folded: Folded = 'none';

  constructor(
    private readonly stage: HTMLElement,
    legend: HTMLElement,
    onPick: (hit: Hit | null) => void
  ) {
    const page = stage.ownerDocument;
    const media = (query: string) => (page.defaultView ?? window).matchMedia(query);
    this.dark = media('(prefers-color-scheme: dark)');
    this.calm = media('(prefers-reduced-motion: reduce)');
    this.view = new TopologyView(
      stage,
      this.theme,
      {
        onHover: (hit, at) => this.hover(hit, at),
        onClick: (hit) => (hit?.kind === 'block' ? this.unfold(hit.block) : onPick(hit)),
        onScene: (_, told) => showLegend(legend, told, this.theme),
      },
      this.calm.matches
    );
    this.dark.addEventListener('change', () => this.view.setTheme(this.theme));
    this.calm.addEventListener('change', () => this.view.setCalm(this.calm.matches));
    this.tip = page.createElement('div');
    this.tip.className = 'tip';
    this.tip.hidden = true;
    stage.append(this.tip);
  }

  /** Show a fabric. True: it stands as the one before, so that rows of nodes and links mean what they meant. */
  show(fabric: Fabric): boolean {
    const before = this.fabric;
    const stands = before !== null && sameShape(before, fabric);
    this.fabric = fabric;
    if (before?.name !== fabric.name) {
      this.fold(fabric.nodes.filter((node) => node.kind === 'host').length >= MANY_HOSTS);
    }
    if (!stands) {
      this.hover(null, { x: 0, y: 0 });
      this.setRun(null);
    }
    this.view.setFabric(fabric);
    return stands;
  }

  setValues(kind: ValueKind, byPort: ReadonlyMap<string, number>): void {
    this.values = { kind, byPort };
    this.view.setValues(this.values);
  }

  clearValues(): void {
    this.values = null;
    this.view.setValues(null);
  }

  setRun(run: Run | null): void {
    this.run = run;
    this.view.setRun(run);
  }

  /** All hosts into their leaves, or none. */
  fold(all: boolean): void {
    this.folded = all ? 'all' : 'none';
    this.view.setFolded(this.folded);
  }

  get hostsShown(): boolean {
    return this.folded === 'none';
  }

  fit(): void {
    this.view.fit();
  }

  focus(node: number): void {
    this.view.focus(node);
  }

  get layout(): Layout | null {
    return this.view.currentLayout;
  }

  describe(hit: Hit): Description | null {
    const layout = this.layout;
    if (!this.fabric || !layout) {
      return null;
    }
    const { fabric, run } = this;
    const values = this.values && {
      kind: this.values.kind,
      ofLinks: valuesOfLinks(fabric, this.values.byPort),
    };
    return describe({ fabric, layout, run, values, when: clock }, hit);
  }

  private get theme(): Theme {
    const theme = this.dark.matches ? DARK : LIGHT;
    return { ...theme, font: 'system-ui, sans-serif' };
  }

  /** Show the hosts of one block, and leave the other blocks folded. */
  private unfold(at: number): void {
    const { fabric, layout } = this;
    const block = layout?.blocks[at];
    if (!fabric || !layout || !block) {
      return;
    }
    const leaves = layout.blocks.flatMap((one) => (one === block ? [] : one.leaves));
    this.folded = new Set(leaves.map((leaf) => fabric.nodes[leaf].id));
    this.view.setFolded(this.folded);
  }

  private hover(hit: Hit | null, at: { x: number; y: number }): void {
    const told = hit && this.describe(hit);
    this.tip.hidden = !told;
    if (told) {
      this.tip.replaceChildren(...describedIn(this.stage.ownerDocument, told));
      const { clientWidth: width, clientHeight: height } = this.stage;
      const left = at.x > width / 2 ? at.x - this.tip.offsetWidth - TIP_OFFSET_PX : at.x + TIP_OFFSET_PX;
      const top = Math.min(at.y + TIP_OFFSET_PX, height - this.tip.offsetHeight - 4);
      Object.assign(this.tip.style, { left: `${Math.max(4, left)}px`, top: `${Math.max(4, top)}px` });
    }
  }
}

/** What is known of a thing, as a title and a list. */
export function describedIn(page: Document, told: Description): HTMLElement[] {
  const title = page.createElement('b');
  title.textContent = told.title;
  const list = page.createElement('dl');
  for (const [label, text] of told.rows) {
    const [term, value] = [page.createElement('dt'), page.createElement('dd')];
    [term.textContent, value.textContent] = [label, text];
    list.append(term, value);
  }
  return [title, list];
}
