/** The app: finds the Weft that is asked, and the page that the URL names. */

import { rangeUtil } from '@grafana/data';
import { config, PluginPage } from '@grafana/runtime';
import { Alert, LinkButton, LoadingPlaceholder } from '@grafana/ui';
import React, { lazy, Suspense, useCallback, useEffect, useMemo, useState } from 'react';
import { from } from 'rxjs';

import { useTold } from './ask';
import { HereProvider, useLocation } from './here';
import { pageOf, urlOf, type Page } from './place';
import { sourceOf, sources, sourceWith } from './source';

const Jobs = lazy(() => import('./pages/Jobs'));
const Job = lazy(() => import('./pages/Job'));
const Fabric = lazy(() => import('./pages/Fabric'));
const Cables = lazy(() => import('./pages/Cables'));
const Cable = lazy(() => import('./pages/Cable'));
const Logs = lazy(() => import('./pages/Logs'));

export default function App() {
  const { pathname, search } = useLocation();
  const query = useMemo(() => new URLSearchParams(search), [search]);
  const page = useMemo(() => pageOf(pathname), [pathname]);
  const chosen = sourceOf(sources(), query.get('ds'));
  const [asked, setAsked] = useState(0);
  const again = useCallback(() => setAsked((before) => before + 1), []);
  useInterval(query.get('refresh'), again);

  if (page === null) {
    return null; // one has left, and this is about to be taken down
  }
  if (chosen === undefined) {
    return <NoSource />;
  }
  return (
    <Opened key={chosen.uid} uid={chosen.uid} query={query} asked={asked} again={again}>
      <Suspense fallback={<Waiting />}>{elementOf(page)}</Suspense>
    </Opened>
  );
}

interface OpenedProps {
  readonly uid: string;
  readonly query: URLSearchParams;
  readonly asked: number;
  readonly again: () => void;
  readonly children: React.ReactNode;
}

function Opened({ uid, query, asked, again, children }: OpenedProps) {
  const { value: source, trouble } = useTold(useCallback(() => from(sourceWith(uid)), [uid]));
  const here = useMemo(() => source && { source, query, asked, again }, [source, query, asked, again]);
  if (trouble !== '') {
    return (
      <PluginPage>
        <Alert severity="error" title="The data source cannot be opened">
          {trouble}
        </Alert>
      </PluginPage>
    );
  }
  return here ? <HereProvider here={here}>{children}</HereProvider> : <Waiting />;
}

function elementOf(page: Page): React.ReactElement {
  switch (page.at) {
    case 'jobs':
      return <Jobs />;
    case 'job':
      return <Job key={page.job} job={page.job} />;
    case 'fabric':
      return <Fabric />;
    case 'cables':
      return <Cables />;
    case 'cable':
      return <Cable key={page.cable} cable={page.cable} />;
    case 'logs':
      return <Logs />;
    case 'nowhere':
      return <Nowhere path={page.path} />;
  }
}

function Waiting() {
  return (
    <PluginPage>
      <LoadingPlaceholder text="Loading..." />
    </PluginPage>
  );
}

function Nowhere({ path }: { path: string }) {
  return (
    <PluginPage pageNav={{ text: 'Not found' }}>
      <Alert severity="warning" title={`Weft has no page ${path}`}>
        <LinkButton href={config.appSubUrl + urlOf({ at: 'jobs' })}>Jobs</LinkButton>
      </Alert>
    </PluginPage>
  );
}

function NoSource() {
  return (
    <PluginPage>
      <Alert severity="info" title="No data source leads to Weft yet">
        <p>
          These pages ask Weft through a data source of the type Weft fabric, and this organisation has none. Whoever
          may add data sources adds one and sets its URL to that of `weft serve`.
        </p>
        <LinkButton href={`${config.appSubUrl}/connections/datasources/new`}>Add a data source</LinkButton>
      </Alert>
    </PluginPage>
  );
}

/** Asks again in the interval of the URL's `refresh`, as dashboards have it; not in a tab that nobody sees. */
function useInterval(refresh: string | null, again: () => void): void {
  useEffect(() => {
    if (!refresh) {
      return undefined;
    }
    const ms = msOf(refresh);
    const timer = window.setInterval(() => document.hidden || again(), ms);
    return () => window.clearInterval(timer);
  }, [refresh, again]);
}

const LEAST_MS = 5000;

function msOf(refresh: string): number {
  try {
    return Math.max(LEAST_MS, rangeUtil.intervalToMs(refresh));
  } catch {
    return 60_000; // a person typed something else
  }
}
