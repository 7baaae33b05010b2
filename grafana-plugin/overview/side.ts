/** The lists beside the picture, as elements: each entry a button, so that the keyboard reaches it. */

import type { Description } from '../src/core';
import { type Change, counted, type Job, type Trouble, troubleWord } from './lists';
import { clock, lengthText } from './moments';
import { describedIn } from './picture';

/** A question to Weft, as the page's own form asks it. */
export interface Question {
  readonly label: string;
  readonly ask: string;
}

/** Entries of a list past so many are only counted: nobody reads them, and a page of 10,000 buttons is slow. */
const MOST = 200;

interface Entry {
  readonly title: string;
  readonly word: string;
  readonly wordKind: string;
  readonly small: string;
  readonly pressed: boolean | null;
  readonly asks: readonly Question[];
  readonly act: () => void;
}

export class Side {
  constructor(
    private readonly page: Document,
    private readonly onAsk: (text: string) => void
  ) {}

  troubles(list: HTMLElement, troubles: readonly Trouble[], act: (one: Trouble) => void): void {
    const entries = troubles.map((one) => ({
      title: one.title,
      word: troubleWord(one.kind),
      wordKind: one.kind,
      small: one.text,
      pressed: null,
      asks: [],
      act: () => act(one),
    }));
    this.fill(list, entries, 'Nothing is marked: every host and link is as it should be.');
  }

  /** `chosen`: the run that is highlighted, with what is said of it. */
  jobs(
    list: HTMLElement,
    jobs: readonly Job[],
    chosen: { readonly run: string; readonly text: string } | null,
    nowMs: number,
    act: (one: Job) => void
  ): void {
    const entries = jobs.map((job) => {
      const pressed = job.run === chosen?.run;
      const told = [
        job.user,
        job.hosts === null ? '' : counted(job.hosts, 'host'),
        job.startMs === null ? '' : `for ${lengthText(nowMs - job.startMs)}`,
      ];
      return {
        title: `${job.id} ${job.name}`,
        word: '',
        wordKind: '',
        small: [...told, pressed && chosen ? chosen.text : ''].filter(Boolean).join(' \u00b7 '),
        pressed,
        asks: pressed ? asksOfJob(job) : [],
        act: () => act(job),
      };
    });
    this.fill(list, entries, 'None that is known.');
  }

  changes(list: HTMLElement, changes: readonly Change[], act: (one: Change) => void): void {
    const entries = changes.map((one) => ({
      title: one.text,
      word: '',
      wordKind: one.severity,
      small: clock(one.atMs),
      pressed: null,
      asks: [],
      act: () => act(one),
    }));
    this.fill(list, entries, 'Nothing in this stretch of time.');
  }

  /** What was clicked, null: nothing. */
  details(box: HTMLElement, told: Description | null, asks: readonly Question[], close: () => void): void {
    box.hidden = told === null;
    const focused = focusIn(box);
    if (told) {
      const row = this.asks([...asks]);
      const closing = this.page.createElement('button');
      closing.type = 'button';
      closing.textContent = 'Close';
      closing.addEventListener('click', close);
      row.append(closing);
      box.replaceChildren(...describedIn(this.page, told), row);
      box.querySelectorAll('button')[focused]?.focus();
    }
  }

  private fill(list: HTMLElement, entries: readonly Entry[], none: string): void {
    const focused = focusIn(list);
    const items = entries.slice(0, MOST).map((entry) => this.item(entry));
    if (!entries.length || entries.length > MOST) {
      const rest = this.page.createElement('li');
      rest.className = 'none';
      rest.textContent = entries.length ? `and ${(entries.length - MOST).toLocaleString('en')} more` : none;
      items.push(rest);
    }
    const scrolled = list.scrollTop;
    list.replaceChildren(...items);
    list.scrollTop = scrolled;
    list.querySelectorAll('button')[focused]?.focus();
  }

  private item(entry: Entry): HTMLElement {
    const item = this.page.createElement('li');
    const button = this.page.createElement('button');
    const element = (tag: string, text: string, name: string) => {
      const made = this.page.createElement(tag);
      [made.textContent, made.className] = [text, name];
      return made;
    };
    button.type = 'button';
    if (entry.pressed !== null) {
      button.setAttribute('aria-pressed', String(entry.pressed));
    }
    const word = entry.word ? [element('span', entry.word, `word ${entry.wordKind}`)] : [];
    button.append(...word, element('b', entry.title, ''), element('small', entry.small, ''));
    button.addEventListener('click', entry.act);
    item.append(button);
    if (entry.asks.length) {
      item.append(this.asks(entry.asks));
    }
    return item;
  }

  private asks(asks: readonly Question[]): HTMLElement {
    const row = this.page.createElement('div');
    row.className = 'asks';
    for (const { label, ask } of asks) {
      const button = this.page.createElement('button');
      button.type = 'button';
      button.textContent = label;
      button.title = ask;
      button.addEventListener('click', () => this.onAsk(ask));
      row.append(button);
    }
    return row;
  }
}

/** Which of an element's buttons has the focus; -1 none: it is to have it again when they are made anew. */
function focusIn(element: HTMLElement): number {
  return [...element.querySelectorAll('button')].findIndex((button) => button === button.ownerDocument.activeElement);
}

export function asksOfJob(job: Job): Question[] {
  return [
    { label: 'placement', ask: `placement job=${job.run}` },
    { label: 'hosts', ask: `job_hosts job=${job.run}` },
    { label: 'neighbours', ask: `job_neighbours job=${job.run}` },
    { label: 'log lines', ask: `logs job=${job.run}` },
  ];
}
