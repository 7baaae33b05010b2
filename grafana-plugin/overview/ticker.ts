/** Does something again and again while the page is seen, and never for more than a tenth of the time. */

const SHARE = 10;

export class Ticker {
  private timer: ReturnType<typeof setTimeout> | null = null;
  private running = false;
  private again = false;

  /** `task` handles its own failures; `leastMs`: from its end to its next start, at the least. */
  constructor(
    private readonly page: Document,
    private readonly task: () => Promise<void>,
    private readonly leastMs: number
  ) {
    page.addEventListener('visibilitychange', () => {
      if (!page.hidden && !this.running && this.timer === null) {
        this.now();
      }
    });
  }

  /** Do it now; if it is under way, once more when it is done. */
  now(): void {
    if (this.running) {
      this.again = true;
    } else {
      void this.run();
    }
  }

  private async run(): Promise<void> {
    clearTimeout(this.timer ?? undefined);
    this.timer = null;
    this.running = true;
    const start = performance.now();
    await this.task();
    const took = performance.now() - start;
    this.running = false;
    if (this.again) {
      this.again = false;
      this.now();
      return;
    }
    this.timer = setTimeout(() => this.due(), Math.max(this.leastMs, SHARE * took));
  }

  private due(): void {
    this.timer = null;
    if (!this.page.hidden) {
      void this.run();
    } // else the page wakes it when it is seen again
  }
}
