/** The app in a test: Grafana's services as far as its pages use them, and Weft's answers as the demo gave them. */

import type { DataSourceInstanceSettings } from '@grafana/data';
import { locationService, type BackendSrvRequest } from '@grafana/runtime';
import { act, render, screen } from '@testing-library/react';
import { readFileSync } from 'fs';
import path from 'path';
import React from 'react';
import { of } from 'rxjs';

import { DataSource } from '../../datasource/datasource';
import { demo as demoOfSource, Failure, FakeBackend, FakeTemplates, settings, type Asked } from '../../datasource/testing/backend'; // prettier-ignore
import App from '../App';

/** An answer of testdata/app/. */
export function recorded<T>(name: string): T {
  return JSON.parse(readFileSync(path.join('testdata', 'app', `${name}.json`), 'utf8')) as T;
}

/** The run that the answers are about. */
export const RUN = recorded<{ rows: Array<{ run: string; start: number }> }>('job').rows[0];

const PATHS: Record<string, string> = {
  '/api/v1/jobs': 'jobs',
  '/api/v1/logs/search': 'lines',
  '/api/v1/logs/fields': 'fields',
  '/api/v1/logs/fields/severity': 'field_severity',
  '/api/v1/logs/fields/host': 'field_host',
  '/api/v1/logs/histogram': 'histogram',
  '/api/v1/logs/context': 'context',
};

const TABLES = ['placement', 'placement_swaps', 'job_ports', 'job_switches', 'job_cables', 'job_routes', 'job_hosts', 'job_neighbours', 'vanished', 'degraded', 'flapping', 'fabric_changes', 'cables', 'cable_history', 'link_runs']; // prettier-ignore

/** The demo's answers by path, tables by the first word of what is asked; a picture is some answer or other. */
export function demo(asked: Asked): unknown {
  const { path: at, params, data } = asked;
  if (at.startsWith('/api/v1/jobs/')) {
    const job = decodeURIComponent(at.slice('/api/v1/jobs/'.length));
    return job === '4711' || job === RUN.run ? recorded('job') : new Failure(404, recorded('job_unknown'));
  }
  if (at === '/api/v1/query') {
    const q = params.get('q') ?? String(data.q);
    return TABLES.includes(q) ? recorded(q) : recorded('series');
  }
  if (/^\/api\/v1\/(fabric|hosts)/.test(at)) {
    return { nodes: [], links: [], rows: [], columns: [], notices: [] };
  }
  if (at.startsWith('/api/v1/logs/fields/')) {
    return PATHS[at] ? recorded(PATHS[at]) : { rows: [], lines: 0, notices: [] };
  }
  return PATHS[at] ? recorded(PATHS[at]) : demoOfSource(asked);
}

/** What the mocked module of a test takes its services from. */
export const services = {
  backend: new FakeBackend(),
  templates: new FakeTemplates(),
  sources: [settings()] as DataSourceInstanceSettings[],
  /** uids of the dashboards that there are. */
  boards: [] as string[],
};

/** Grafana's runtime for the app: `jest.mock('@grafana/runtime', () => runtime())`. */
export function runtime() {
  const actual = jest.requireActual<typeof import('@grafana/runtime')>('@grafana/runtime');
  return {
    ...actual,
    getBackendSrv: () => ({
      fetch: (request: BackendSrvRequest) =>
        request.url.startsWith('/api/search')
          ? of({ data: services.boards.map((uid) => ({ uid })) })
          : services.backend.fetch(request),
    }),
    getTemplateSrv: () => services.templates,
    getDataSourceSrv: () => ({
      getList: () => services.sources,
      get: (uid: string) => Promise.resolve(new DataSource({ ...settings(), uid })),
    }),
    PluginPage,
    PanelRenderer,
  };
}

function PluginPage({ pageNav, actions, children }: import('@grafana/runtime').PluginPageProps) {
  return (
    <main>
      {pageNav && <h1>{pageNav.text}</h1>}
      <nav aria-label="Tabs">
        {pageNav?.children?.map(({ text, url, active }) => (
          <a key={text} href={url} aria-current={active}>
            {text}
          </a>
        ))}
      </nav>
      <div role="toolbar">{actions}</div>
      {children}
    </main>
  );
}

function PanelRenderer({ pluginId, data, options }: import('@grafana/runtime').PanelRendererProps) {
  const names = data?.series.map(({ name, fields }) => name ?? fields[1]?.config.displayNameFromDS ?? '');
  return <div data-testid={pluginId} data-series={names?.join('; ')} data-options={JSON.stringify(options)} />;
}

/** Opens the app at an address below `/a/weft-fabric-app`, and waits until nothing is awaited there. */
export async function open(address: string): Promise<void> {
  locationService.push(`/a/weft-fabric-app${address}`);
  render(<App />);
  await settled();
}

/** Until every answer is there: pages, their code and their answers come in steps. */
export async function settled(): Promise<void> {
  let before = -1;
  let still = 0;
  while (still < 3) {
    await act(() => new Promise((done) => setTimeout(done, 2)));
    const waits = (document.body.textContent ?? '').includes('Loading...');
    still = !waits && services.backend.asked.length === before ? still + 1 : 0;
    before = services.backend.asked.length;
  }
}

/** What was asked of a path, newest last. */
export function askedOf(at: string): Asked[] {
  return services.backend.asked.filter((one) => one.path === at);
}

/** What the tables were asked for by name. */
export function tablesAsked(): string[] {
  return askedOf('/api/v1/query').map(({ params, data }) => params.get('q') ?? String(data.q));
}

/** The address that one is at. */
export function address(): string {
  const { pathname, search } = locationService.getLocation();
  return pathname.replace('/a/weft-fabric-app', '') + search;
}

/** Every test begins so: asked nothing yet, and the demo answers. */
export function begin(): void {
  services.backend = new FakeBackend();
  services.backend.answering = demo;
  services.templates = new FakeTemplates();
  services.sources = [settings()];
  services.boards = [];
  window.localStorage.clear();
  Object.assign(globalThis, {
    ResizeObserver: class {
      observe = () => undefined;
      unobserve = () => undefined;
      disconnect = () => undefined;
    },
  });
  jest.spyOn(HTMLElement.prototype, 'clientWidth', 'get').mockReturnValue(1200);
}

/** A table by its name; the part of the page around it may have the same one. */
export function table(name: string): HTMLElement {
  const found = screen.getAllByLabelText(name).find((one) => one.tagName === 'TABLE');
  if (found === undefined) {
    throw new Error(`There is no table ${name}.`);
  }
  return found;
}

/** A row of a table by a text in it. */
export function rowWith(text: string): HTMLElement {
  return screen.getAllByText(text)[0].closest('tr') as HTMLElement;
}
