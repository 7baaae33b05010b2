/**
 * The picture in a page: a canvas that follows the pointer, the wheel and the keyboard. Everything that it shows comes from
 * the pure modules beside it; this one holds what a person did to it.
 */

import { scaleFor, type Scale, type Theme, type ValueKind } from './colors';
import { type Hit, hitAt } from './hit';
import { type Box, type Folded, type Layout, layoutOf } from './layout';
import { type Legend, legendOf } from './legend';
import { type Fabric, linksByNode, type Run, sameShape, valuesOfLinks } from './model';
import { paint, paintPointed, type Pointed, type Prepared, prepare } from './paint';
import { type Scene, sceneOf } from './scene';
import { centreOn, type Extent, fit, pan, toWorld, type Viewport, zoomAt } from './viewport';

export interface Events {
  /** What the pointer is on now, and where in the panel; null: nothing. */
  readonly onHover?: (hit: Hit | null, at: { x: number; y: number }) => void;
  readonly onClick?: (hit: Hit | null) => void;
  /** After the picture changed: for the legend and for whoever reads the picture aloud. */
  readonly onScene?: (scene: Scene, legend: Legend) => void;
  /** Milliseconds of script that a frame took. */
  readonly onFrame?: (ms: number) => void;
}

/** Values by port, see `valuesOfLinks`; `max`: upper end of the scale, where it is not to follow the values. */
export interface Shown {
  readonly kind: ValueKind;
  readonly byPort: ReadonlyMap<string, number>;
  readonly max?: number;
}

/** A picture laid out for a panel this much wider or narrower is laid out again. */
const RESHAPED = 1.5;
const SLACK_PX = 7;
const CLICK_PX = 4;
/** From so many lines and boxes on a picture is heavy: it is not drawn anew while it moves, but when it has stood so long. */
const HEAVY = 3000;
const STILL_MS = 120;
const BLURRED = 1.8;
const NOTHING: Pointed = { nodes: [], links: [] };
/** Speed below which a thrown picture stands, and what is left of it after a frame. */
const THROW = { least: 0.05, kept: 0.92 };
const FLIGHT_MS = 250;
const KEY_STEP_PX = 60;
const KEY_ZOOM = 1.3;

export class TopologyView {
  private readonly canvas: HTMLCanvasElement;
  /** Above the picture, and what a person touches: a move of the pointer draws little, and the one below may be moved. */
  private readonly overlay: HTMLCanvasElement;
  private readonly watcher: ResizeObserver;
  private fabric: Fabric | null = null;
  private layout: Layout | null = null;
  private laidOutFor = 0;
  /** What has to be made again before the next frame; several changes in one go cost one. */
  private stale: 'layout' | 'scene' | null = null;
  private prepared: Prepared | null = null;
  private shown: Shown | null = null;
  private run: Run | null = null;
  private folded: Folded = 'none';
  private view: Viewport = { scale: 1, x: 0, y: 0 };
  private panel: Extent = { width: 0, height: 0 };
  private pointed: Pointed = NOTHING;
  /** Under which view a heavy picture was drawn: it is moved as it is until a motion ends. Null: it is light. */
  private heavy: Viewport | null = null;
  private moving: ReturnType<typeof setTimeout> | null = null;
  private readonly pointers = new Map<number, { x: number; y: number }>();
  private moved = 0;
  private speed = { x: 0, y: 0, at: 0 };
  private flight: { from: Viewport; to: Viewport; start: number } | null = null;
  private thrown = false;
  private frame = 0;
  private untouched = true;

  /** `calm`: the reader asked for reduced motion, so nothing moves by itself. */
  constructor(
    private readonly container: HTMLElement,
    private theme: Theme,
    private readonly events: Events = {},
    private calm = false
  ) {
    this.canvas = container.ownerDocument.createElement('canvas');
    this.overlay = container.ownerDocument.createElement('canvas');
    const whole = { position: 'absolute', inset: '0', width: '100%', height: '100%' };
    Object.assign(this.canvas.style, whole, { transformOrigin: '0 0' });
    Object.assign(this.overlay.style, whole, { touchAction: 'none' });
    Object.assign(container.style, { position: container.style.position || 'relative', overflow: 'hidden' });
    this.overlay.tabIndex = 0;
    this.overlay.setAttribute('role', 'img');
    container.append(this.canvas, this.overlay);
    this.overlay.addEventListener('pointerdown', this.onDown);
    this.overlay.addEventListener('pointermove', this.onMove);
    this.overlay.addEventListener('pointerup', this.onUp);
    this.overlay.addEventListener('pointercancel', this.onUp);
    this.overlay.addEventListener('pointerleave', this.onLeave);
    this.overlay.addEventListener('wheel', this.onWheel, { passive: false });
    this.overlay.addEventListener('keydown', this.onKey);
    this.watcher = new ResizeObserver(() => this.resize());
    this.watcher.observe(container);
    this.resize();
  }

  destroy(): void {
    this.watcher.disconnect();
    cancelAnimationFrame(this.frame);
    clearTimeout(this.moving ?? undefined);
    this.canvas.remove();
    this.overlay.remove();
  }

  /** Show a fabric. One that stands as the one before did, with other states, is not laid out again. */
  setFabric(fabric: Fabric): void {
    const stands = this.fabric !== null && this.layout !== null && sameShape(this.fabric, fabric);
    this.fabric = fabric;
    this.renew(stands ? 'scene' : 'layout');
  }

  setValues(shown: Shown | null): void {
    this.shown = shown;
    this.renew('scene');
  }

  setRun(run: Run | null): void {
    this.run = run;
    this.renew('scene');
  }

  setFolded(folded: Folded): void {
    this.folded = folded;
    this.renew('layout');
  }

  setTheme(theme: Theme): void {
    this.theme = theme;
    this.renew('scene');
  }

  setCalm(calm: boolean): void {
    this.calm = calm;
  }

  get scene(): Scene | null {
    this.refresh();
    return this.prepared?.scene ?? null;
  }

  get currentLayout(): Layout | null {
    this.refresh();
    return this.layout;
  }

  get viewport(): Viewport {
    return this.view;
  }

  /** The whole picture. */
  fit(): void {
    const layout = this.currentLayout;
    if (layout) {
      this.untouched = true;
      this.flyTo(fit(layout, this.panel));
    }
  }

  /** Bring a node (row) into the middle and frame it; a folded host is found in its block. */
  focus(node: number): void {
    const layout = this.currentLayout;
    const box = layout && boxOfNode(layout, node);
    if (layout && box) {
      this.untouched = false;
      this.pointed = { nodes: [node], links: [] };
      this.flyTo(centreOn(this.view, box, layout, this.panel));
    }
  }

  /** Move and zoom by hand; what the pointer does, for scripts. */
  panBy(dx: number, dy: number): void {
    if (this.layout) {
      this.untouched = false;
      this.move(pan(this.view, dx, dy, this.layout, this.panel));
    }
  }

  zoomBy(factor: number, at: { x: number; y: number }): void {
    if (this.layout) {
      this.untouched = false;
      this.move(zoomAt(this.view, factor, at, this.layout, this.panel));
    }
  }

  /** Draw now, not with the next frame. */
  paintNow(): void {
    this.refresh();
    const [context, above] = [this.canvas.getContext('2d'), this.overlay.getContext('2d')];
    if (!context || !above || !this.prepared || !this.panel.width || !this.panel.height) {
      return;
    }
    const start = performance.now();
    const frame = { view: this.view, panel: this.panel, density: this.canvas.width / this.panel.width };
    const { heavy, view } = this;
    if (this.moving && heavy && standsIn(heavy, view, this.panel)) {
      const zoom = view.scale / heavy.scale;
      const [x, y] = [view.x - heavy.x * zoom, view.y - heavy.y * zoom];
      this.canvas.style.transform = `translate(${x}px, ${y}px) scale(${zoom})`;
    } else {
      this.canvas.style.transform = '';
      this.heavy = paint(context, this.prepared, frame) >= HEAVY ? view : null;
    }
    paintPointed(above, this.prepared.scene, frame, this.pointed);
    this.events.onFrame?.(performance.now() - start);
  }

  /** The picture was moved: drawn at once, and sharply when it stands. */
  private move(view: Viewport): void {
    this.view = view;
    clearTimeout(this.moving ?? undefined);
    this.moving = setTimeout(() => {
      this.moving = null;
      this.draw();
    }, STILL_MS);
    this.draw();
  }

  private resize(): void {
    const { clientWidth: width, clientHeight: height } = this.container;
    const density = this.container.ownerDocument.defaultView?.devicePixelRatio ?? 1;
    const same = width === this.panel.width && height === this.panel.height;
    if (same && this.canvas.width === Math.max(1, Math.round(width * density))) {
      return;
    }
    this.panel = { width, height };
    this.canvas.width = Math.max(1, Math.round(width * density));
    this.canvas.height = Math.max(1, Math.round(height * density));
    [this.overlay.width, this.overlay.height] = [this.canvas.width, this.canvas.height];
    this.heavy = null;
    const shape = width / Math.max(1, height) / (this.laidOutFor || 1);
    if (this.fabric && width && height && (!this.layout || shape > RESHAPED || shape < 1 / RESHAPED)) {
      this.renew('layout');
    } else if (this.layout && this.untouched) {
      this.view = fit(this.layout, this.panel);
    }
    this.paintNow(); // a canvas whose size was set is empty: waiting for a frame would let it flicker
  }

  private renew(what: 'layout' | 'scene'): void {
    this.stale = this.stale === 'layout' ? 'layout' : what;
    this.draw();
  }

  private refresh(): void {
    const stale = this.stale;
    this.stale = null;
    if (stale === 'layout') {
      this.layOut();
    }
    if (stale) {
      this.heavy = null;
      this.remake();
    }
  }

  private layOut(): void {
    if (!this.fabric || !this.panel.width || !this.panel.height) {
      return;
    }
    this.laidOutFor = this.panel.width / this.panel.height;
    const before = this.layout;
    this.layout = layoutOf(this.fabric, { folded: this.folded, aspect: this.laidOutFor });
    if (this.untouched || !before || before.width !== this.layout.width || before.height !== this.layout.height) {
      this.untouched = true;
      this.view = fit(this.layout, this.panel);
    }
    this.pointed = NOTHING;
  }

  private remake(): void {
    const { fabric, layout, run } = this;
    if (!fabric || !layout) {
      return;
    }
    const values = this.shown && valuesOf(fabric, this.shown);
    const scene = sceneOf(fabric, layout, { theme: this.theme, values, run });
    this.prepared = prepare(scene);
    this.overlay.setAttribute('aria-label', summary(fabric, scene));
    this.events.onScene?.(scene, legendOf(scene, values?.scale ?? null, run));
  }

  private draw(): void {
    if (!this.frame) {
      this.frame = requestAnimationFrame(this.onFrame);
    }
  }

  private drawPointed(): void {
    const above = this.overlay.getContext('2d');
    if (above && this.scene && this.panel.width) {
      const frame = { view: this.view, panel: this.panel, density: this.overlay.width / this.panel.width };
      paintPointed(above, this.scene, frame, this.pointed);
    }
  }

  private onFrame = (now: number): void => {
    this.frame = 0;
    this.glide(now);
    this.paintNow();
  };

  /** A flight to where a search led, or what is left of a throw. */
  private glide(now: number): void {
    if (this.flight) {
      const { from, to, start } = this.flight;
      const t = Math.min(1, Math.max(0, (now - start) / FLIGHT_MS));
      this.flight = t < 1 ? this.flight : null;
      this.move(between(from, to, t * t * (3 - 2 * t)));
    } else if (this.thrown && this.layout) {
      this.speed = { ...this.speed, x: this.speed.x * THROW.kept, y: this.speed.y * THROW.kept };
      this.thrown = Math.hypot(this.speed.x, this.speed.y) > THROW.least;
      this.move(pan(this.view, this.speed.x * 16, this.speed.y * 16, this.layout, this.panel));
    }
  }

  private flyTo(to: Viewport): void {
    this.thrown = false;
    if (this.calm) {
      this.view = to;
    } else {
      this.flight = { from: this.view, to, start: performance.now() };
    }
    this.draw();
  }

  private place(event: { clientX: number; clientY: number }): { x: number; y: number } {
    const box = this.overlay.getBoundingClientRect();
    return { x: event.clientX - box.left, y: event.clientY - box.top };
  }

  private hit(at: { x: number; y: number }): Hit | null {
    const world = toWorld(this.view, at);
    return this.scene && hitAt(this.scene, world.x, world.y, SLACK_PX / this.view.scale);
  }

  private onDown = (event: PointerEvent): void => {
    this.overlay.setPointerCapture(event.pointerId);
    this.pointers.set(event.pointerId, this.place(event));
    this.moved = this.pointers.size > 1 ? Infinity : 0;
    this.thrown = false;
    this.flight = null;
    this.speed = { x: 0, y: 0, at: event.timeStamp };
  };

  private onMove = (event: PointerEvent): void => {
    const at = this.place(event);
    const before = this.pointers.get(event.pointerId);
    if (!before) {
      this.point(this.hit(at), at);
      return;
    }
    const [dx, dy] = [at.x - before.x, at.y - before.y];
    if (this.pointers.size === 1) {
      this.moved += Math.hypot(dx, dy);
      const ms = Math.max(1, event.timeStamp - this.speed.at);
      this.speed = { x: dx / ms, y: dy / ms, at: event.timeStamp };
      this.panBy(dx, dy);
    } else {
      const other = [...this.pointers].find(([id]) => id !== event.pointerId)?.[1] ?? before;
      const factor =
        Math.hypot(at.x - other.x, at.y - other.y) / (Math.hypot(before.x - other.x, before.y - other.y) || 1);
      this.zoomBy(factor, { x: (at.x + other.x) / 2, y: (at.y + other.y) / 2 });
    }
    this.pointers.set(event.pointerId, at);
  };

  private onUp = (event: PointerEvent): void => {
    const known = this.pointers.delete(event.pointerId);
    if (!known || this.pointers.size) {
      return;
    }
    if (this.moved <= CLICK_PX && event.type === 'pointerup') {
      this.events.onClick?.(this.hit(this.place(event)));
    } else if (!this.calm && event.timeStamp - this.speed.at < 50) {
      this.thrown = Math.hypot(this.speed.x, this.speed.y) > THROW.least;
      this.draw();
    }
  };

  private onLeave = (event: PointerEvent): void => this.point(null, this.place(event));

  /** The wheel scrolls the page until a person has taken the picture up by a click, or holds Ctrl (as a pinch does). */
  private onWheel = (event: WheelEvent): void => {
    if (event.ctrlKey || event.metaKey || this.overlay.ownerDocument.activeElement === this.overlay) {
      event.preventDefault();
      const lines = event.deltaMode === WheelEvent.DOM_DELTA_LINE ? 20 : 1;
      this.zoomBy(Math.exp((-event.deltaY * lines * (event.ctrlKey ? 3 : 1)) / 500), this.place(event));
    }
  };

  private onKey = (event: KeyboardEvent): void => {
    const middle = { x: this.panel.width / 2, y: this.panel.height / 2 };
    const keys: Record<string, () => void> = {
      ArrowLeft: () => this.panBy(KEY_STEP_PX, 0),
      ArrowRight: () => this.panBy(-KEY_STEP_PX, 0),
      ArrowUp: () => this.panBy(0, KEY_STEP_PX),
      ArrowDown: () => this.panBy(0, -KEY_STEP_PX),
      '+': () => this.zoomBy(KEY_ZOOM, middle),
      '-': () => this.zoomBy(1 / KEY_ZOOM, middle),
      '0': () => this.fit(),
      Escape: () => this.overlay.blur(),
    };
    const act = event.ctrlKey || event.metaKey || event.altKey ? undefined : keys[event.key];
    if (act) {
      event.preventDefault();
      act();
    }
  };

  private point(hit: Hit | null, at: { x: number; y: number }): void {
    const nodes = hit?.kind === 'node' ? [hit.node] : [];
    const own = hit?.kind === 'node' && this.fabric ? linksByNode(this.fabric)[hit.node] : [];
    const links = hit?.kind === 'link' ? [hit.link] : [...own];
    this.overlay.style.cursor = hit ? 'pointer' : 'grab';
    if (nodes[0] !== this.pointed.nodes[0] || links[0] !== this.pointed.links[0]) {
      this.pointed = { nodes, links };
      this.drawPointed();
    }
    this.events.onHover?.(hit, at);
  }
}

/** Whether a picture made under one view can be shown, moved, under another: not much larger, smaller or away. */
function standsIn(before: Viewport, view: Viewport, panel: Extent): boolean {
  const zoom = view.scale / before.scale;
  const away = { x: view.x - before.x * zoom, y: view.y - before.y * zoom };
  const middle = { x: away.x + (panel.width * zoom) / 2, y: away.y + (panel.height * zoom) / 2 };
  const near =
    Math.abs(middle.x - panel.width / 2) < panel.width / 2 && Math.abs(middle.y - panel.height / 2) < panel.height / 2;
  return near && zoom < BLURRED && zoom > 1 / BLURRED;
}

function valuesOf(fabric: Fabric, shown: Shown): { scale: Scale; ofLinks: Float64Array } {
  const ofLinks = valuesOfLinks(fabric, shown.byPort);
  return { scale: scaleFor(shown.kind, ofLinks, shown.max), ofLinks };
}

function boxOfNode(layout: Layout, node: number): Box | null {
  return layout.boxes[node]?.w
    ? layout.boxes[node]
    : (layout.blocks.find((block) => block.hosts.includes(node)) ?? null);
}

function between(from: Viewport, to: Viewport, t: number): Viewport {
  const mid = (a: number, b: number) => a + (b - a) * t;
  return { scale: mid(from.scale, to.scale), x: mid(from.x, to.x), y: mid(from.y, to.y) };
}

/** The picture in a sentence, for those who do not see it. */
export function summary(fabric: Fabric, scene: Scene): string {
  const switches = fabric.nodes.filter((node) => node.kind === 'switch').length;
  const listed = fabric.nodes.filter((node) => node.kind === 'host' && node.state !== 'vanished').length;
  const folded = fabric.nodes.reduce((sum, node) => sum + (node.kind === 'switch' ? node.folded : 0), 0);
  const marks = legendOf(scene, null, null).marks.map((mark) => mark.text);
  return [
    `Fabric ${fabric.name}: ${counted(switches, 'switch', 'switches')}, ${counted(listed + folded, 'host', 'hosts')}`,
    ...marks,
  ].join(', ');
}

function counted(n: number, one: string, many: string): string {
  return `${n} ${n === 1 ? one : many}`;
}
