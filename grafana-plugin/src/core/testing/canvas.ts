/** A canvas for tests, which jsdom has none of: it keeps what was drawn, in pixels. Texts are six pixels a letter. */

export interface Drawn {
  readonly what: 'fill' | 'stroke' | 'text';
  readonly color: string;
  readonly alpha: number;
  readonly width: number;
  readonly dash: readonly number[];
  /** Of a path: how many pieces it has. */
  readonly pieces: number;
  readonly text: string;
  readonly box: { readonly left: number; readonly top: number; readonly right: number; readonly bottom: number };
}

/** Counts its pieces. */
export class FakePath {
  static made = 0;
  pieces = 0;

  constructor() {
    FakePath.made++;
  }

  moveTo = () => void this.pieces++;
  rect = () => void this.pieces++;
  roundRect = () => void this.pieces++;
  lineTo = () => undefined;
  quadraticCurveTo = () => undefined;
}

const NONE = { left: 0, top: 0, right: 0, bottom: 0 };

export class FakeContext {
  readonly drawn: Drawn[] = [];
  readonly canvas = { width: 800, height: 600 };
  fillStyle = '';
  strokeStyle = '';
  globalAlpha = 1;
  lineWidth = 1;
  font = '';
  textAlign = 'left';
  textBaseline = '';
  private dash: readonly number[] = [];
  private zoom = 1;

  setTransform = (scale: number) => void (this.zoom = scale);
  setLineDash = (dash: readonly number[]) => void (this.dash = dash);
  measureText = (text: string) => ({ width: 6 * text.length });
  fill = (path?: FakePath) => this.keep('fill', this.fillStyle, path?.pieces ?? 1);
  stroke = (path?: FakePath) => this.keep('stroke', this.strokeStyle, path?.pieces ?? 1);
  clearRect = () => void (this.drawn.length = 0);
  fillRect = () => undefined;
  strokeRect = () => this.keep('stroke', this.strokeStyle, 1);
  scale = () => undefined;
  beginPath = () => undefined;
  closePath = () => undefined;
  moveTo = () => undefined;
  lineTo = () => undefined;
  arc = () => undefined;
  quadraticCurveTo = () => undefined;

  fillText = (text: string, x: number, y: number) => {
    const width = 6 * text.length;
    const left = this.textAlign === 'center' ? x - width / 2 : x;
    this.keep('text', this.fillStyle, 1, text, { left, top: y - 5, right: left + width, bottom: y + 5 });
  };

  private keep(what: Drawn['what'], color: string, pieces: number, text = '', box: Drawn['box'] = NONE): void {
    const width = this.lineWidth * this.zoom;
    this.drawn.push({ what, color, alpha: this.globalAlpha, width, dash: this.dash, pieces, text, box });
  }
}

export function asContext(fake: FakeContext): CanvasRenderingContext2D {
  return fake as unknown as CanvasRenderingContext2D;
}
