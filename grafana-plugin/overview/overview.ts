/** The overview: what is shown, of which time, and when it is asked for again. What it shows comes from the files beside it. */

import { byName, type Fabric, type FabricNode, type Hit, type Link, type Run, search, Unreadable } from '../src/core';
import { type Api, Refused } from './api';
import { Finder, type Found } from './finder';
import {
  type Change,
  counted,
  fabricsOf,
  findJobs,
  type Job,
  quoted,
  runText,
  type Seen,
  type Trouble,
  troublesOf,
} from './lists';
import { loadChanges, loadErrors, loadFabric, loadJobs, loadRun, loadTraffic } from './loading';
import { Meter } from './measure';
import { clock, lengthText } from './moments';
import { Picture } from './picture';
import { type Question, Side } from './side';
import { Ticker } from './ticker';
import { Timebar } from './timebar';

/** Told by the page each time it has asked for Weft's status. */
export const STATUS_EVENT = 'weft:status';

const JOBS_MS = 10_000;
const VALUES_MS = 10_000;
/** A fabric is asked for when the status tells of a new sweep, and this often in any case: people correct history. */
const FABRIC_MS = 300_000;
const FOUND = { jobs: 4, nodes: 10 };

type Values = 'traffic' | 'errors' | 'none';

export class Overview {
  private readonly picture: Picture;
  private readonly timebar: Timebar;
  private readonly side: Side;
  private readonly tickers: { readonly fabric: Ticker; readonly jobs: Ticker; readonly values: Ticker };
  /** The time of the picture, null: now. */
  private atMs: number | null = null;
  /** Counts what a reader chose: an answer to an earlier choice is thrown away. */
  private choice = 0;
  /** Whose values are shown, null: none yet; those of a past time are asked for once. */
  private valuesOf: Fabric | null = null;
  private name: string | null = null;
  private fabric: Fabric | null = null;
  private picked: Hit | null = null;
  private lookAt: readonly string[] = [];
  private jobs: readonly Job[] = [];
  private job: Job | null = null;
  private run: Run | null = null;
  private meter = new Meter();
  /** What the server's clock is ahead of ours. */
  private aheadMs = 0;
  private readonly notices = new Map<string, readonly string[]>();

  constructor(
    private readonly page: Document,
    private readonly api: Api
  ) {
    this.picture = new Picture(this.at('stage'), this.at('legend'), (hit) => this.details(hit));
    this.side = new Side(page, (text) => this.ask(text));
    this.timebar = new Timebar(
      {
        slider: this.input('slider'),
        field: this.input('at'),
        length: this.select('length'),
        live: this.at('live') as HTMLButtonElement,
        marks: this.at('marks'),
      },
      () => this.now(),
      (atMs) => this.travel(atMs),
      () => void this.loadChanges()
    );
    this.tickers = {
      fabric: new Ticker(page, () => this.guarded('fabric', () => this.loadFabric()), FABRIC_MS),
      jobs: new Ticker(page, () => this.guarded('jobs', () => this.loadJobs()), JOBS_MS),
      values: new Ticker(page, () => this.guarded('values', () => this.loadValues()), VALUES_MS),
    };
    new Finder(this.input('find'), this.at('found'), (text) => this.find(text));
    this.input('hosts').addEventListener('change', () => this.picture.fold(!this.input('hosts').checked));
    this.at('fit').addEventListener('click', () => this.picture.fit());
    this.select('values').addEventListener('change', () => {
      this.changed();
      this.tickers.values.now();
    });
    this.select('fabric').addEventListener('change', () => {
      this.name = this.select('fabric').value;
      this.travel(this.atMs);
    });
    page.addEventListener(STATUS_EVENT, (event) => this.heard((event as CustomEvent<unknown>).detail));
  }

  start(): void {
    this.tickers.fabric.now();
    this.tickers.jobs.now();
  }

  private at(id: string): HTMLElement {
    const element = this.page.getElementById(`ov-${id}`);
    if (!element) {
      throw new Error(`The page has no part ov-${id}.`);
    }
    return element;
  }

  private input(id: string): HTMLInputElement {
    return this.at(id) as HTMLInputElement;
  }

  private select(id: string): HTMLSelectElement {
    return this.at(id) as HTMLSelectElement;
  }

  private now(): number {
    return Date.now() + this.aheadMs;
  }

  /** Another time, or another fabric. */
  private travel(atMs: number | null): void {
    this.atMs = atMs;
    this.changed();
    this.tickers.fabric.now();
    this.tickers.jobs.now();
  }

  /** What is shown is another choice now: counters are counted anew. */
  private changed(): void {
    this.choice++;
    this.meter = new Meter();
    this.valuesOf = null;
  }

  private heard(status: unknown): void {
    const told = (status as { now_ms?: unknown }).now_ms;
    this.aheadMs = typeof told === 'number' ? told - Date.now() : this.aheadMs;
    const fabrics = fabricsOf(status).sort((a, b) => byName(a.name, b.name));
    this.offer(fabrics);
    const mine = fabrics.find(({ name }) => name === this.fabric?.name);
    if (mine) {
      this.timebar.setFirst(mine.firstMs);
    }
    const swept = mine ? mine.lastMs !== this.fabric?.lastMs : fabrics.length > 0 && !this.refused;
    if (swept) {
      this.tickers.fabric.now();
    }
    this.tell();
  }

  private get refused(): boolean {
    return this.at('refused').dataset.status === '403';
  }

  /** A site with several fabrics has a choice of them. */
  private offer(fabrics: readonly Seen[]): void {
    const select = this.select('fabric');
    const names = fabrics.map(({ name }) => name);
    if ([...select.options].map(({ value }) => value).join('\n') !== names.join('\n')) {
      select.replaceChildren(...names.map((name) => new Option(name, name)));
    }
    select.hidden = names.length < 2;
    select.value = this.fabric?.name ?? '';
  }

  /** A failure becomes a notice, and takes nothing away that is shown. */
  private async guarded(what: string, load: () => Promise<void>): Promise<void> {
    try {
      await load();
      this.notices.delete(`failed ${what}`);
    } catch (problem) {
      if (!(problem instanceof Refused || problem instanceof Unreadable)) {
        throw problem;
      }
      this.notices.set(`failed ${what}`, [problem.message]);
    }
    this.showNotices();
  }

  private async loadFabric(): Promise<void> {
    const choice = this.choice;
    try {
      const fabric = await loadFabric(this.api, this.name, this.atMs);
      if (choice === this.choice) {
        this.refuse(null);
        await this.show(fabric);
      }
    } catch (problem) {
      // 403: not for this reader; 404: there is none yet. Anything else passes, and the picture stays.
      if (problem instanceof Refused && (problem.status === 403 || (problem.status === 404 && !this.fabric))) {
        this.refuse(problem);
        return;
      }
      throw problem;
    }
  }

  private async show(fabric: Fabric): Promise<void> {
    const first = this.fabric?.name !== fabric.name;
    this.fabric = fabric;
    this.notices.set('fabric', this.atMs === null ? [] : fabric.notices); // live, the line above says it
    const stands = this.picture.show(fabric);
    this.input('hosts').checked = this.picture.hostsShown;
    this.details(stands ? this.picked : null);
    this.tell();
    const layout = this.picture.layout;
    const troubles = layout ? troublesOf(fabric, layout, clock) : [];
    this.side.troubles(this.at('troubles'), troubles, (one) => this.look(one));
    this.at('trouble-count').textContent = troubles.length ? String(troubles.length) : '';
    this.lookAtNames(this.lookAt);
    this.tickers.values.now();
    await Promise.all([first ? this.loadChanges() : this.refreshChanges(), this.highlight(this.job)]);
  }

  /** Why there is no picture; null: there is one. */
  private refuse(problem: Refused | null): void {
    const box = this.at('refused');
    this.at('title').parentElement?.parentElement?.classList.toggle('bare', problem !== null);
    box.hidden = problem === null;
    box.dataset.status = String(problem?.status ?? '');
    const mine = problem?.status === 403 ? ' Your own jobs are below.' : '';
    box.textContent = problem ? `There is no picture here. ${problem.message}${mine}` : '';
    if (problem) {
      this.at('when').textContent = '';
    }
  }

  /** The line that says of when the picture is. */
  private tell(): void {
    const line = this.at('when');
    if (!this.fabric) {
      return;
    }
    const { seenMs } = this.fabric;
    line.textContent =
      this.atMs === null
        ? `as the sweep of ${clock(seenMs)} UTC saw it, ${lengthText(this.now() - seenMs)} ago`
        : `at ${clock(this.atMs)} UTC, ${lengthText(this.now() - this.atMs)} ago; sweep of ${clock(seenMs)}`;
    this.timebar.draw();
  }

  private async refreshChanges(): Promise<void> {
    if (this.atMs === null) {
      await this.loadChanges();
    }
  }

  private async loadChanges(): Promise<void> {
    await this.guarded('changes', async () => {
      if (this.fabric) {
        const changes = await loadChanges(this.api, this.fabric.name, this.timebar.span.fromMs);
        this.timebar.setChanges(changes);
        this.side.changes(this.at('changes'), changes, (one) => this.lookBack(one));
        this.at('change-count').textContent = changes.length ? String(changes.length) : '';
      }
    });
  }

  private async loadJobs(): Promise<void> {
    const choice = this.choice;
    const { jobs, more } = await loadJobs(this.api, this.atMs);
    if (choice === this.choice) {
      this.jobs = jobs;
      this.at('jobs-title').textContent = this.atMs === null ? 'Running jobs' : 'Jobs that ran then';
      this.at('job-count').textContent = jobs.length ? `${jobs.length}${more ? '+' : ''}` : '';
      this.showJobs();
      this.tell();
    }
  }

  private showJobs(): void {
    const { job, run } = this;
    const gone = job && !this.jobs.some((one) => one.run === job.run); // it ended: it can still be let go of
    const shown = gone ? [job, ...this.jobs] : this.jobs;
    const chosen = job && { run: job.run, text: run ? runText(run) : 'asking…' };
    this.side.jobs(this.at('jobs'), shown, chosen, this.atMs ?? this.now(), (one) => this.choose(one));
  }

  private async loadValues(): Promise<void> {
    const { choice, fabric, meter } = this;
    const kind = this.select('values').value as Values;
    if (kind === 'none') {
      this.picture.clearValues();
      return;
    }
    if (!fabric || (this.atMs !== null && this.valuesOf === fabric)) {
      return;
    }
    const at = this.atMs ?? this.now();
    const byPort =
      kind === 'traffic' ? await loadTraffic(this.api, fabric, meter, at) : await loadErrors(this.api, fabric, at);
    if (choice === this.choice) {
      this.valuesOf = fabric;
      this.picture.setValues(kind, byPort);
      this.details(this.picked);
      this.notices.set('values', byPort.size || kind === 'errors' ? [] : ['No port has two counters in this hour.']);
    }
  }

  private showNotices(): void {
    const texts = new Set([...this.notices.values()].flat());
    this.at('notices').replaceChildren(
      ...[...texts].map((text) => {
        const item = this.page.createElement('li');
        item.textContent = text;
        return item;
      })
    );
  }

  /** A job is highlighted, or let go of; who may not see the picture reads of it. */
  private choose(job: Job): void {
    if (!this.fabric) {
      this.ask(`placement job=${job.run}`);
      return;
    }
    this.job = this.job?.run === job.run ? null : job;
    this.run = null;
    void this.guarded('run', async () => {
      await this.highlight(this.job);
      this.say(this.run ? `${this.run.name}: ${runText(this.run)}` : '');
    });
  }

  private async highlight(job: Job | null): Promise<void> {
    const { fabric, choice } = this;
    this.showJobs();
    const run = job && fabric ? await loadRun(this.api, fabric, job) : null;
    if (fabric === this.fabric && choice === this.choice && job === this.job) {
      this.run = run;
      this.picture.setRun(run);
      this.notices.set('run', run?.notices ?? []);
      this.showJobs();
      this.showNotices();
    }
  }

  private find(text: string): Found[] {
    const { fabric } = this;
    const jobs = findJobs(this.jobs, text, FOUND.jobs).map((job) => ({
      title: job.id,
      text: `job of ${job.user}${job.hosts === null ? '' : `, ${counted(job.hosts, 'host')}`}`,
      choose: () => this.job?.run !== job.run && this.choose(job),
    }));
    const nodes = fabric ? search(fabric, text, FOUND.nodes) : [];
    return [
      ...jobs,
      ...nodes.map((node) => ({
        title: fabric?.nodes[node].name ?? '',
        text: nodeWord(fabric?.nodes[node]),
        choose: () => this.goTo(node),
      })),
    ];
  }

  private goTo(node: number): void {
    this.picture.focus(node);
    this.details({ kind: 'node', node });
  }

  private look(trouble: Trouble): void {
    this.goTo(trouble.nodes[0]);
    this.say(`${trouble.title}: ${trouble.text}`);
  }

  /** The picture as it was when something changed, with what changed in its middle. */
  private lookBack(change: Change): void {
    this.lookAt = change.nodes;
    this.timebar.choose(change.atMs);
  }

  private lookAtNames(names: readonly string[]): void {
    const rows = names.map((name) => this.fabric?.nodes.findIndex((node) => node.name === name) ?? -1);
    const found = rows.find((row) => row >= 0);
    this.lookAt = [];
    if (found !== undefined) {
      this.goTo(found);
    }
  }

  private details(hit: Hit | null): void {
    this.picked = hit;
    const told = hit && this.picture.describe(hit);
    const asks = hit && this.fabric ? asksOf(this.fabric, hit) : [];
    this.side.details(this.at('details'), told, asks, () => this.details(null));
  }

  /** Ask in the page's own form, where the answer is shown. */
  private ask(text: string): void {
    const [form, input] = [this.page.getElementById('own'), this.page.getElementById('text')];
    const span = this.page.getElementById('span');
    if (form instanceof HTMLFormElement && input instanceof HTMLInputElement) {
      input.value = text;
      if (span instanceof HTMLSelectElement) {
        span.value = '0';
      }
      form.requestSubmit();
      form.scrollIntoView({ block: 'start' });
    }
  }

  private say(text: string): void {
    this.at('said').textContent = text;
  }
}

function nodeWord(node: FabricNode | undefined): string {
  return node?.kind === 'host' ? (node.state === 'here' ? 'host' : `host, ${node.state}`) : (node?.role ?? '');
}

/** What can be asked about a thing in the picture. */
export function asksOf(fabric: Fabric, hit: Hit): Question[] {
  if (hit.kind === 'block') {
    return [];
  }
  if (hit.kind === 'link') {
    return asksOfLink(fabric, fabric.links[hit.link]);
  }
  const node = fabric.nodes[hit.node];
  const name = quoted(node.name);
  return node.kind === 'host'
    ? [
        { label: 'jobs', ask: `jobs host=${name}` },
        { label: 'log lines', ask: `logs host=${name}` },
      ]
    : [
        { label: 'ports', ask: `ports switch=${name}` },
        { label: 'hosts behind it', ask: `behind switch=${name}` },
        { label: 'jobs', ask: `jobs switch=${name}` },
        { label: 'balance of routes', ask: `balance switch=${name}` },
      ];
}

function asksOfLink(fabric: Fabric, link: Link): Question[] {
  const end = [link.a, link.b].find(({ node, port }) => port && fabric.nodes[node].kind === 'switch');
  const place = end && quoted(`${fabric.nodes[end.node].name}/${end.port}`);
  return [
    ...(link.cable ? [{ label: 'the cable and its past', ask: `cable_history cable=${quoted(link.cable)}` }] : []),
    ...(place ? [{ label: 'jobs across it', ask: `link_runs link=${place}` }] : []),
  ];
}
