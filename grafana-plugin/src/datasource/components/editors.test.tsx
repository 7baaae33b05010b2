import type { QueryEditorProps } from '@grafana/data';
import { act, cleanup, fireEvent, render, screen, waitFor, within } from '@testing-library/react';
import React, { useState } from 'react';

import { DataSource } from '../datasource';
import { demo, FakeBackend, FakeTemplates, Failure, request, settings } from '../testing/backend';
import type { WeftOptions, WeftQuery } from '../types';
import { ConfigEditor } from './ConfigEditor';
import { QueryEditor } from './QueryEditor';
import { VariableEditor } from './VariableEditor';

let backend = new FakeBackend();
jest.mock('@grafana/runtime', () => ({
  ...jest.requireActual('@grafana/runtime'),
  getBackendSrv: () => backend,
  getTemplateSrv: () => new FakeTemplates(),
}));

type Editor = React.ComponentType<QueryEditorProps<DataSource, WeftQuery, WeftOptions>>;

/** An editor as Grafana holds one: what it writes comes back to it. */
async function open(Editor: Editor, query: WeftQuery) {
  const told = { query, runs: [] as string[] };
  const source = new DataSource(settings());
  const Held = () => {
    const [held, hold] = useState(query);
    return (
      <Editor
        datasource={source}
        query={held}
        range={request([]).range}
        onChange={(next) => {
          told.query = next;
          hold(next);
        }}
        onRunQuery={() => told.runs.push(told.query.text ?? '')}
      />
    );
  };
  render(<Held />);
  await act(() => source.tables().then(() => undefined, () => undefined)); // prettier-ignore
  return told;
}

/** Choose in a Select by keyboard alone. */
async function choose(label: string, option: string | RegExp) {
  const input = screen.getByLabelText(label, { selector: 'input' });
  fireEvent.focus(input);
  fireEvent.keyDown(input, { key: 'ArrowDown', code: 'ArrowDown' });
  fireEvent.click(await screen.findByText(option, { selector: '[aria-label="Select option"] *, [role="option"] *' }));
}

async function type(field: HTMLElement, text: string) {
  fireEvent.change(field, { target: { value: text } });
  (field as HTMLTextAreaElement).setSelectionRange(text.length, text.length);
  await act(() => new Promise((done) => setTimeout(done, 200)));
}

beforeEach(() => {
  backend = new FakeBackend();
  backend.answering = demo;
});
afterEach(cleanup);

describe('the query editor', () => {
  test('begins with a Graphite expression, completed while one types', async () => {
    const told = await open(QueryEditor, { refId: 'A', queryType: 'series', text: '' });
    const field = screen.getByRole('combobox', { name: 'Query' });
    await type(field, 'perSecond(switch.le');
    const list = screen.getByRole('listbox', { name: 'Suggestions for Query' });
    expect(
      within(list)
        .getAllByRole('option')
        .map((one) => one.textContent)
    ).toEqual(['leaf01', 'leaf02']);
    expect(field).toHaveAttribute('aria-expanded', 'true');
    fireEvent.keyDown(field, { key: 'ArrowDown' });
    fireEvent.keyDown(field, { key: 'ArrowDown' });
    expect(field).toHaveAttribute('aria-activedescendant', within(list).getAllByRole('option')[1].id);
    fireEvent.keyDown(field, { key: 'Enter' });
    expect(told.query.text).toBe('perSecond(switch.leaf02.');
    expect(told.runs).toEqual([]);
    await act(() => new Promise((done) => setTimeout(done, 20))); // the cursor is set, and the next node asked for
    expect(within(list).getAllByRole('option')).toHaveLength(2);
    fireEvent.keyDown(field, { key: 'Escape' });
    expect(field).toHaveAttribute('aria-expanded', 'false');
  });

  test('runs on Enter, and when the field is left changed', async () => {
    const told = await open(QueryEditor, { refId: 'A', queryType: 'series', text: '' });
    const field = screen.getByRole('combobox', { name: 'Query' });
    await type(field, 'a.b');
    fireEvent.keyDown(field, { key: 'Escape' });
    fireEvent.keyDown(field, { key: 'Enter' });
    fireEvent.blur(field);
    expect(told.runs).toEqual(['a.b']);
    fireEvent.focus(field);
    await type(field, 'a.c');
    fireEvent.blur(field);
    expect(told.runs).toEqual(['a.b', 'a.c']);
  });

  test('shows the parameters of a table with their types, and writes the text', async () => {
    const told = await open(QueryEditor, { refId: 'A', queryType: 'table', text: 'totals user=alice' });
    expect(screen.getByLabelText('by', { selector: 'input' })).toBeInTheDocument();
    expect(told.runs).toEqual([]);
    expect(screen.getByText('alice')).toBeInTheDocument();
    await choose('by', 'partition');
    expect(told.query).toEqual({ refId: 'A', queryType: 'table', text: 'totals user=alice by=partition' });
    await choose('state', 'leaf02'); // what the back end suggests
    expect(told.query.text).toBe('totals user=alice by=partition state=leaf02');
  });

  test('asks for a run, and then for its placement, without a word typed twice', async () => {
    const told = await open(QueryEditor, { refId: 'A', queryType: 'series', text: 'a.b' });
    await choose('Ask for', 'Run');
    expect(told.query).toEqual({ refId: 'A', queryType: 'table', text: 'job' });
    await choose('job', 'leaf01');
    expect(told.query.text).toBe('job job=leaf01');
    await choose('Ask for', 'Placement');
    expect(told.query.text).toBe('placement job=leaf01');
    await choose('Table', 'hop_matrix');
    expect(told.query.text).toBe('hop_matrix job=leaf01');
    expect(told.runs).toEqual(['job job=leaf01', 'placement job=leaf01', 'hop_matrix job=leaf01']);
  });

  test('does not ask what lacks something, and asks when it is typed', async () => {
    const told = await open(QueryEditor, { refId: 'A', queryType: 'table', text: 'job_hosts job=4711' });
    await choose('Table', 'imbalance');
    expect([told.query.text, told.runs]).toEqual(['imbalance job=4711', []]);
    const metric = screen.getByLabelText('metric *');
    fireEvent.focus(metric);
    fireEvent.change(metric, { target: { value: 'load one' } });
    fireEvent.blur(metric);
    expect(told.runs).toEqual(['imbalance job=4711 metric="load one"']);
  });

  test('knows a table of tomorrow: it comes from the back end', async () => {
    const doc = 'Joules.';
    const params = [{ name: 'rack', type: 'string', doc, required: true, choices: ['r1', 'r2'], options: '' }];
    const table = { name: 'energy', doc, operators: false, columns: [], params, example: 'energy rack=r1' };
    backend.answering = ({ path }) => (path === '/api/v1/tables' ? [table] : new Failure(404, {}));
    const told = await open(QueryEditor, { refId: 'A', queryType: 'table', text: '' });
    await choose('Table', 'energy');
    await choose('rack', 'r2');
    expect(told.query.text).toBe('energy rack=r2');
  });

  test('has a form for log lines, whose query is completed', async () => {
    const told = await open(QueryEditor, { refId: 'A', queryType: 'logs', text: 'logs host=node001' });
    const field = screen.getByRole('combobox', { name: 'query' });
    await type(field, 'sev');
    fireEvent.keyDown(field, { key: 'ArrowDown' });
    fireEvent.keyDown(field, { key: 'Tab' });
    expect(told.query.text).toBe('logs host=node001 query=severity:');
  });

  test('shows the text of any form, which can be typed and read again', async () => {
    const told = await open(QueryEditor, { refId: 'A', queryType: 'nodes', text: 'nodes fold=leaf' });
    fireEvent.click(screen.getByLabelText('Text'));
    const field = screen.getByRole('combobox', { name: 'Query' });
    expect(field).toHaveValue('nodes fold=leaf');
    await type(field, 'nodes job=4711');
    fireEvent.click(screen.getByLabelText('Form'));
    expect(screen.getByText('4711')).toBeInTheDocument();
    expect(told.query.text).toBe('nodes job=4711');
  });

  test('stays a text while it is no request, and loses nothing', async () => {
    await open(QueryEditor, { refId: 'A', queryType: 'table', text: 'jobs name="a' });
    expect(screen.getByRole('combobox', { name: 'Query' })).toHaveValue('jobs name="a');
    expect(screen.getByLabelText('Form')).toBeDisabled();
  });

  test('can be typed in when the catalogue cannot be had, and says why', async () => {
    backend.answering = () => new Failure(502, {});
    const told = await open(QueryEditor, { refId: 'A', queryType: 'annotations', text: '' });
    await waitFor(() => expect(screen.getByText(/Weft does not answer/)).toBeInTheDocument());
    await type(screen.getByRole('combobox', { name: 'Query' }), 'jobs user=alice');
    expect(told.query).toEqual({ refId: 'A', queryType: 'annotations', text: 'jobs user=alice' });
  });

  test('shows a text of a table that it does not know, as a user has those of operators', async () => {
    await open(QueryEditor, { refId: 'A', queryType: 'table', text: 'secret_table a=b' });
    expect(screen.getByRole('combobox', { name: 'Query' })).toHaveValue('secret_table a=b');
  });

  test('has several lines for Cypher', async () => {
    const told = await open(QueryEditor, { refId: 'A', queryType: 'cypher', text: 'MATCH (n)' });
    const field = screen.getByRole('combobox', { name: 'Query' });
    expect(field).toHaveAttribute('rows', '4');
    fireEvent.keyDown(field, { key: 'Enter', shiftKey: true });
    expect(told.runs).toEqual([]);
  });

  test.each(['series', 'table', 'logs', 'nodes', 'annotations', 'cypher'] as const)(
    'names every field of %s for those who do not see it',
    async (queryType) => {
      const text = { table: 'jobs', logs: 'logs', nodes: 'nodes' }[queryType as string] ?? '';
      await open(QueryEditor, { refId: 'A', queryType, text });
      for (const field of [...screen.queryAllByRole('combobox'), ...screen.queryAllByRole('textbox')]) {
        expect(field).toHaveAccessibleName();
      }
    }
  );
});

test('the variable editor completes lists, and reads a bare text', async () => {
  const told = await open(VariableEditor, 'hosts' as unknown as WeftQuery);
  const field = screen.getByRole('combobox', { name: 'Values of' });
  expect(field).toHaveValue('hosts');
  await type(field, 'swi');
  fireEvent.keyDown(field, { key: 'ArrowDown' });
  fireEvent.keyDown(field, { key: 'Enter' });
  expect(told.query).toBe('hosts'); // what is not done is not asked
  fireEvent.blur(field);
  expect(told.query).toEqual({ refId: 'variable', queryType: 'variable', text: 'switches' });
});

test('the config editor sets the address', () => {
  // React 18.3 warns of the default properties of Grafana 10.1's own fields.
  jest.spyOn(console, 'error').mockImplementation(() => undefined);
  const changed: string[] = [];
  const options = { ...settings(), access: 'proxy', url: '', secureJsonFields: {} } as never;
  render(<ConfigEditor options={options} onOptionsChange={(next) => changed.push(next.url)} />);
  fireEvent.change(screen.getByPlaceholderText('http://127.0.0.1:8077'), { target: { value: 'http://weft:8077' } });
  expect(changed).toEqual(['http://weft:8077']);
});
