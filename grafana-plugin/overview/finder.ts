/** The search box: what is found as one types, chosen by pointer or keyboard (a combobox with a list). */

export interface Found {
  readonly title: string;
  readonly text: string;
  readonly choose: () => void;
}

export class Finder {
  private found: readonly Found[] = [];
  private at = -1;

  constructor(
    private readonly input: HTMLInputElement,
    private readonly list: HTMLElement,
    private readonly find: (text: string) => readonly Found[]
  ) {
    input.addEventListener('input', () => this.show());
    input.addEventListener('focus', () => this.show());
    input.addEventListener('blur', () => this.close());
    input.addEventListener('keydown', (event) => this.key(event));
    // The list must not take the focus away before its click arrives.
    list.addEventListener('pointerdown', (event) => event.preventDefault());
  }

  private show(): void {
    this.found = this.find(this.input.value);
    const page = this.list.ownerDocument;
    const options = this.found.map(({ title, text }, i) => {
      const option = page.createElement('li');
      const [name, about] = [page.createElement('b'), page.createElement('span')];
      [name.textContent, about.textContent] = [title, text];
      option.id = `${this.list.id}-${i}`;
      option.setAttribute('role', 'option');
      option.append(name, about);
      option.addEventListener('click', () => this.choose(i));
      return option;
    });
    if (!options.length && this.input.value.trim()) {
      const none = page.createElement('li');
      none.className = 'none';
      none.textContent = 'Nothing of that name is in the picture.';
      options.push(none);
    }
    this.list.replaceChildren(...options);
    this.list.hidden = !options.length;
    this.input.setAttribute('aria-expanded', String(!this.list.hidden));
    this.point(this.found.length ? 0 : -1);
  }

  private close(): void {
    this.list.hidden = true;
    this.input.setAttribute('aria-expanded', 'false');
  }

  private point(at: number): void {
    this.at = at;
    [...this.list.children].forEach((option, i) => option.setAttribute('aria-selected', String(i === at)));
    const option = this.list.children[at];
    if (option && this.found.length) {
      this.input.setAttribute('aria-activedescendant', option.id);
      option.scrollIntoView?.({ block: 'nearest' });
    } else {
      this.input.removeAttribute('aria-activedescendant');
    }
  }

  private choose(at: number): void {
    const one = this.found[at];
    if (one) {
      this.input.value = one.title;
      this.close();
      one.choose();
    }
  }

  private key(event: KeyboardEvent): void {
    const count = this.found.length;
    const keys: Record<string, () => void> = {
      ArrowDown: () => (this.list.hidden ? this.show() : count && this.point((this.at + 1) % count)),
      ArrowUp: () => count && this.point((this.at + count - 1) % count),
      Enter: () => this.choose(this.at),
      Escape: () => (this.list.hidden ? (this.input.value = '') : this.close()),
    };
    const act = keys[event.key];
    if (act) {
      event.preventDefault();
      act();
    }
  }
}
