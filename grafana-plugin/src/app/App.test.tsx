import { act, fireEvent, screen, within } from '@testing-library/react';

import { Failure, settings } from '../datasource/testing/backend';
import {
  address,
  askedOf,
  begin,
  demo,
  open,
  recorded,
  rowWith,
  RUN,
  services,
  settled,
  table,
  tablesAsked,
} from './testing/app';

jest.mock('@grafana/runtime', () => jest.requireActual<typeof import('./testing/app')>('./testing/app').runtime());

// Whole pages are drawn: on two busy cores that takes its time.
jest.setTimeout(60_000);

beforeEach(begin);
afterEach(() => jest.restoreAllMocks());

describe('which Weft is asked', () => {
  test('where there is none, the page says so and leads to where one is added', async () => {
    services.sources = [];
    await open('/jobs');
    expect(screen.getByText('No data source leads to Weft yet')).toBeInTheDocument();
    expect(screen.getByRole('link', { name: 'Add a data source' })).toHaveAttribute(
      'href',
      '/connections/datasources/new'
    );
  });

  test('where there is one there is nothing to choose', async () => {
    await open('/jobs');
    expect(screen.queryByLabelText('Data source')).toBeNull();
  });

  test('where there are several, the URL names one, and it is kept for pages opened without', async () => {
    services.sources = [settings(), { ...settings(), uid: 'weft2', name: 'Weft 2' }];
    await open('/jobs?ds=weft2');
    expect(screen.getByText('Weft 2')).toBeInTheDocument();
    const [link] = within(table('Jobs')).getAllByRole('link');
    expect(link.getAttribute('href')).toContain('ds=weft2');
    expect(window.localStorage.getItem('weft-fabric-app.source')).toBe('weft2');
  });
});

test('an address that is no page says so', async () => {
  await open('/nothing/here');
  expect(screen.getByText(/Weft has no page .*nothing/)).toBeInTheDocument();
});

describe('jobs', () => {
  test('of the time range are listed, with what the answer says of itself', async () => {
    await open('/jobs?from=1795600000000&to=1795690000000');
    const shown = table('Jobs');
    const told = recorded<{ rows: Array<{ job: string }> }>('jobs').rows.map(({ job }) => job);
    expect(within(shown).getAllByRole('row').slice(1).map((row) => within(row).getAllByRole('link')[0].textContent)).toEqual(told); // prettier-ignore
    const [{ params }] = askedOf('/api/v1/jobs');
    expect(Object.fromEntries(params)).toEqual({ from: '1795600000000', to: '1795690000000', limit: '100' });
  });

  test('are filtered by the URL, in the parameters that the back end has', async () => {
    await open('/jobs?user=alice&state=running,failed&host=node109');
    const [{ params }] = askedOf('/api/v1/jobs');
    expect(params.get('user')).toBe('alice');
    expect(params.get('state')).toBe('running,failed');
    expect(params.get('host')).toBe('node109');
    expect(screen.getAllByText('alice').length).toBeGreaterThan(0);
  });

  test('a filter that is typed goes into the URL when it counts, and the list begins anew', async () => {
    await open('/jobs?cursor=17');
    const field = screen.getByLabelText('name');
    fireEvent.focus(field);
    fireEvent.change(field, { target: { value: 'hurricane' } });
    expect(address()).toBe('/jobs?cursor=17');
    fireEvent.keyDown(field, { key: 'Enter' });
    await settled();
    expect(address()).toBe('/jobs?name=hurricane');
  });

  test('go on where the page ends, and back to the newest', async () => {
    await open('/jobs?user=alice');
    const older = screen.getByRole('link', { name: 'Older jobs' }).getAttribute('href') ?? '';
    expect(older).toContain('user=alice');
    expect(older).toContain(`cursor=${recorded<{ cursor: string }>('jobs').cursor}`);
    expect(screen.queryByRole('link', { name: 'Newest' })).toBeNull();
  });

  test('one is opened by a click into its row, and by the link that the Tab key finds', async () => {
    await open('/jobs');
    const [{ job, run }] = recorded<{ rows: Array<{ job: string; run: string }> }>('jobs').rows;
    const row = rowWith(job);
    expect(within(row).getByRole('link', { name: job })).toHaveAttribute(
      'href',
      `/a/weft-fabric-app/jobs/${encodeURIComponent(run)}`
    );
    fireEvent.click(within(row).getAllByRole('cell')[2]);
    await settled();
    expect(decodeURIComponent(address())).toBe(`/jobs/${run}`);
  });

  test('are looked through for a text', async () => {
    await open('/jobs?find=nothing-like-it');
    expect(screen.getByText(/None of these 4 jobs has 'nothing-like-it' in it/)).toBeInTheDocument();
  });

  test('where there is none, the answer says why', async () => {
    services.backend.answering = (asked) => (asked.path === '/api/v1/jobs' ? recorded('jobs_none') : demo(asked));
    await open('/jobs?user=nobody');
    expect(screen.getByText(/No run matches in this window\./)).toBeInTheDocument();
  });

  test("what cannot be had is told in the back end's words, and asked again by a button", async () => {
    let fails = true;
    services.backend.answering = (asked) =>
      asked.path === '/api/v1/jobs' && fails ? new Failure(503, { message: 'The inventory is away. Start it.', error: 'unavailable' }) : demo(asked); // prettier-ignore
    await open('/jobs');
    expect(screen.getByText('The inventory is away. Start it.')).toBeInTheDocument();
    fails = false;
    fireEvent.click(screen.getByRole('button', { name: 'Ask again' }));
    await settled();
    expect(table('Jobs')).toBeInTheDocument();
  });

  test('are asked again in the interval of the URL', async () => {
    jest.useFakeTimers({ advanceTimers: true });
    await open('/jobs?refresh=5s');
    const before = askedOf('/api/v1/jobs').length;
    await act(async () => jest.advanceTimersByTime(5001));
    jest.useRealTimers();
    await settled();
    expect(askedOf('/api/v1/jobs').length).toBe(before + 1);
  });
});

describe('one job', () => {
  test('tells who, when, how it lay against the best, and who should be exchanged', async () => {
    await open('/jobs/4711');
    expect(screen.getByRole('heading', { level: 1, name: 'Job 4711' })).toBeInTheDocument();
    expect(screen.getByText('alice')).toHaveAttribute('href', '/a/weft-fabric-app/jobs?user=alice');
    expect(screen.getByText(/16 hosts on 2 leaves where 1 would do/)).toBeInTheDocument();
    expect(screen.getAllByText('2, fewest possible 1')).toHaveLength(2); // leaves, levels
    expect(screen.getByText('1.25, best 1 (optimal)')).toBeInTheDocument();
    expect(within(table('Hosts to exchange')).getByText('node126')).toBeInTheDocument();
  });

  test('is drawn in its fabric, and its traffic as a graph of its own time', async () => {
    await open('/jobs/4711');
    expect(screen.getByTestId('weft-topology-panel').dataset.series).toContain('topology');
    expect(screen.getAllByTestId('timeseries')).toHaveLength(2);
    const asked = services.backend.asked.filter(({ data }) => String(data.q).startsWith('aliasByTags('));
    expect(asked.map(({ data }) => data.q)).toEqual([
      "aliasByTags(scale(perSecond(job.demo--4711.ports.*.*.PortXmitData), 4), 'host', 'switch', 'port')",
      "aliasByTags(scale(perSecond(job.demo--4711.ports.*.*.PortRcvData), 4), 'host', 'switch', 'port')",
    ]);
    expect(asked[0].data.from).toBe(RUN.start - 60_000);
  });

  test('leads to its dashboard where there is one', async () => {
    const uid = `weft-job-demo-4711-${RUN.start / 1000}`;
    services.boards = [uid];
    await open('/jobs/4711');
    expect(screen.getByRole('link', { name: 'Its dashboard' }).getAttribute('href')).toBe(
      `/d/${uid}?from=${RUN.start - 60_000}&to=now`
    );
  });

  test('has the ports, cables and switches that it used, with what they carried', async () => {
    await open('/jobs/4711?tab=network');
    const ports = table('Ports of its hosts');
    expect(within(ports).getAllByText('1.40 GB/s')).toHaveLength(4); // two ports, both ways;
    expect(within(ports).getByRole('columnheader', { name: 'To host' })).toBeInTheDocument();
    expect(table('Cables')).toBeInTheDocument();
    expect(tablesAsked()).toEqual(expect.arrayContaining(['job_switches', 'job_ports', 'job_cables', 'job_routes', 'job_hosts'])); // prettier-ignore
    expect(
      askedOf('/api/v1/query')
        .find(({ params }) => params.get('q') === 'job_ports')
        ?.params.get('job')
    ).toBe(RUN.run);
  });

  test('has the jobs near it, each of which can be opened', async () => {
    await open('/jobs/4711?tab=neighbours');
    const shown = table('Jobs on its hosts, leaf switches and routes at the same time, nearest first');
    expect(within(shown).getByRole('link', { name: '4722' }).getAttribute('href')).toContain('demo%3A4722%40');
  });

  test('has what its hosts said, and leads to a search in it', async () => {
    await open('/jobs/4711?tab=logs');
    expect(screen.getByText(/dump_cqe: dump error cqe/)).toBeInTheDocument();
    const [{ params }] = askedOf('/api/v1/logs/search');
    expect(params.get('job')).toBe(RUN.run);
    const search = new URL(screen.getByRole('link', { name: 'Search them' }).getAttribute('href') ?? '', 'http://x');
    expect(search.searchParams.get('job')).toBe(RUN.run);
  });

  test('that nobody knows is said to be so', async () => {
    await open('/jobs/99');
    expect(screen.getByText(/No job 99 is known in cluster demo/)).toBeInTheDocument();
  });

  test('that waits has no place yet, and nothing is asked about one', async () => {
    const waits = { ...RUN, state: 'PENDING', start: null };
    services.backend.answering = (asked) =>
      asked.path === '/api/v1/jobs/4843' ? { rows: [waits], notices: [] } : demo(asked);
    await open('/jobs/4843');
    expect(screen.getByText('It has not started')).toBeInTheDocument();
    expect(tablesAsked()).toEqual([]);
  });

  test('that ran several times has all of its runs', async () => {
    const again = { ...RUN, run: 'demo:4711@1', start: 1, end: 2, state: 'NODE_FAIL' };
    services.backend.answering = (asked) =>
      asked.path === '/api/v1/jobs/4711' ? { rows: [RUN, again], notices: ['Job 4711 ran twice.'] } : demo(asked);
    await open('/jobs/4711');
    expect(screen.getByText('Job 4711 ran twice.')).toBeInTheDocument();
    expect(screen.getByText('Other runs of this job')).toBeInTheDocument();
    expect(screen.getByText('node fail')).toBeInTheDocument();
  });
});

describe('the fabric', () => {
  test('is drawn at the end of the time range, with what is wrong beside it', async () => {
    await open('/fabric?from=1795600000000&to=1795690000000');
    expect(askedOf('/api/v1/fabric')[0].params.get('at')).toBe('1795690000000');
    expect(within(table('Vanished hosts')).getByText('node200')).toBeInTheDocument();
    expect(within(table('Vanished hosts')).getByRole('link', { name: '4772' }).getAttribute('href')).toContain(
      '/jobs/4772'
    );
    expect(within(table('Degraded links')).getByText('1X EDR')).toBeInTheDocument();
    expect(screen.getByText('node200 mlx5_0 vanished from leaf12/2.')).toBeInTheDocument();
  });

  test('has no picture for those who may not see it, and says so', async () => {
    const words = 'The whole fabric is for operators, and alice is none. Ask one.';
    services.backend.answering = (asked) =>
      asked.path === '/api/v1/fabric' ? new Failure(403, { message: words, error: 'forbidden' }) : demo(asked);
    await open('/fabric');
    expect(screen.getByText(words)).toBeInTheDocument();
  });
});

describe('cables', () => {
  test('that moved are found among all', async () => {
    await open('/cables?only=moved');
    const shown = table('Cables');
    expect(within(shown).getAllByRole('row')).toHaveLength(2);
    expect(within(shown).getByRole('link', { name: 'c601b411f06' })).toHaveAttribute('href', '/a/weft-fabric-app/cables/c601b411f06'); // prettier-ignore
  });

  test('are found by a port, a host or their name', async () => {
    await open('/cables?find=node163');
    expect(screen.getByText('1 of 4 cables')).toBeInTheDocument();
  });

  test('are filtered by the back end where it has the parameter', async () => {
    await open('/cables?identity=ambiguous&switch=leaf01');
    const asked = askedOf('/api/v1/query').find(({ params }) => params.get('q') === 'cables');
    expect(asked?.params.get('identity')).toBe('ambiguous');
    expect(asked?.params.get('switch')).toBe('leaf01');
  });

  test('are for operators where the catalogue has no table of them, and the page says so', async () => {
    services.backend.answering = (asked) => (asked.path === '/api/v1/tables' ? [] : demo(asked));
    await open('/cables');
    expect(screen.getByText('This is for operators')).toBeInTheDocument();
    expect(tablesAsked()).toEqual([]);
  });
});

describe('one cable', () => {
  test('is followed through its moves, newest first', async () => {
    await open('/cables/leaf01/17');
    const places = within(screen.getByRole('region', { name: 'Where it was' })).getAllByRole('listitem');
    expect(places.map((one) => one.querySelector('b')?.textContent)).toEqual([
      'leaf01/17 – node005 mlx5_0/1',
      'leaf01/5 – node005 mlx5_0/1',
    ]);
    expect(screen.getByText(/The end in leaf01\/5 was moved to leaf01\/17/)).toBeInTheDocument();
    expect(screen.getByText('leaf01/17 is cable c601b411f06.')).toBeInTheDocument();
  });

  test('has its counters, the jobs that crossed it and what both ends said', async () => {
    await open('/cables/c601b411f06');
    const texts = services.backend.asked.map(({ data }) => String(data.q));
    expect(texts).toContain('aliasByNode(scale(perSecond(cable.c601b411f06.*.PortXmitData), 4), 2)');
    expect(table('Jobs that crossed leaf01/17, or may have')).toBeInTheDocument();
    expect(askedOf('/api/v1/logs/search')[0].params.get('link')).toBe('leaf01/17');
  });

  test('that may be another one says so first', async () => {
    const told = recorded<{ columns: Array<{ name: string }>; rows: unknown[][] }>('cable_history');
    const at = told.columns.findIndex(({ name }) => name === 'or_cable');
    told.rows.forEach((row) => (row[at] = 'c1'));
    services.backend.answering = (asked) => (asked.params.get('q') === 'cable_history' ? told : demo(asked));
    await open('/cables/c601b411f06');
    expect(screen.getByText('It may be another cable')).toBeInTheDocument();
    expect(screen.getByRole('link', { name: 'c1' })).toHaveAttribute('href', '/a/weft-fabric-app/cables/c1');
  });

  test('shows a table about cables that the back end has only tomorrow', async () => {
    const param = { name: 'cable', type: 'string', doc: '', required: true, choices: [], options: 'cables' };
    const verdict = { name: 'verdict', doc: 'What is wrong with a cable.', operators: true, columns: [], params: [param], example: '' }; // prettier-ignore
    const column = (name: string) => ({ name, type: 'string', doc: '', unit: '' });
    services.backend.answering = (asked) => {
      if (asked.path === '/api/v1/tables') {
        return [verdict];
      }
      return asked.params.get('q') === 'verdict'
        ? { columns: [column('accuses'), column('doubts')], rows: [['cable', 'few errors']], notices: [] }
        : demo(asked);
    };
    await open('/cables/c601b411f06');
    expect(within(table('What is wrong with a cable')).getByText('few errors')).toBeInTheDocument(); // prettier-ignore
  });
});

describe('log lines', () => {
  test('are looked for by the URL: lines, how many over time, fields with their commonest values', async () => {
    await open('/logs?query=severity:>=warning&job=4711');
    for (const path of ['/api/v1/logs/search', '/api/v1/logs/fields', '/api/v1/logs/fields/severity']) {
      expect(askedOf(path)[0].params.get('query')).toBe('severity:>=warning');
      expect(askedOf(path)[0].params.get('job')).toBe('4711');
    }
    expect(askedOf('/api/v1/logs/histogram').length).toBeGreaterThan(1); // all, and by level
    expect(screen.getByLabelText('Log lines').children).toHaveLength(3);
    expect(screen.getByText('mgmt01', { selector: 'span' })).toBeInTheDocument();
  });

  test('a value is taken in, put out, and taken back by a click', async () => {
    await open('/logs?query=kernel');
    fireEvent.click(screen.getByLabelText('Only severity err'));
    await settled();
    expect(new URLSearchParams(address().split('?')[1]).get('query')).toBe('kernel AND severity:"err"');
    fireEvent.click(screen.getByLabelText('Without severity err'));
    await settled();
    expect(new URLSearchParams(address().split('?')[1]).get('query')).toBe('kernel AND NOT severity:"err"');
    fireEvent.click(screen.getByLabelText('Without severity err'));
    await settled();
    expect(new URLSearchParams(address().split('?')[1]).get('query')).toBe('kernel');
  });

  test('one that is opened has its fields, and what stands around it', async () => {
    await open('/logs');
    fireEvent.click(screen.getByText(/task 0 exited/));
    await settled();
    expect(within(table('Fields of this line')).getByText('6835')).toBeInTheDocument();
    fireEvent.click(screen.getByText('Show what node077 said before and after'));
    await settled();
    const around = within(screen.getByLabelText('Around this line')).getAllByRole('listitem');
    expect(around.filter((one) => one.getAttribute('aria-current') === 'true')).toHaveLength(1);
    expect(askedOf('/api/v1/logs/context')[0].params.get('limit')).toBe('10');
  });

  test('words that were looked for are marked', async () => {
    await open('/logs?query=dump');
    expect(screen.getAllByText('dump', { selector: 'mark' }).length).toBeGreaterThan(0);
  });

  test('a query that is wrong is explained, once', async () => {
    const refused = new Failure(400, { message: "'(' is not closed. Close it.", error: 'bad_request' });
    services.backend.answering = (asked) => (asked.path.startsWith('/api/v1/logs') ? refused : demo(asked));
    await open('/logs?query=(');
    expect(screen.getByText("'(' is not closed. Close it.")).toBeInTheDocument();
  });
});

test.each(['/jobs', '/jobs/4711', '/cables', '/logs', '/fabric'])(
  'every field of %s has a name for those who do not see it',
  async (page) => {
    // prettier-ignore
    await open(page);
    for (const field of document.querySelectorAll('input, textarea, select, button')) {
      expect(field).toHaveAccessibleName();
    }
  }
);
