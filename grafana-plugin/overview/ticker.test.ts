import { Ticker } from './ticker';

let clockMs = 0;

beforeEach(() => {
  clockMs = 0;
  jest.useFakeTimers({ doNotFake: ['performance'] });
  jest.spyOn(performance, 'now').mockImplementation(() => clockMs);
});

afterEach(() => {
  hide(false);
  jest.restoreAllMocks();
  jest.useRealTimers();
});

function hide(hidden: boolean): void {
  Object.defineProperty(document, 'hidden', { value: hidden, configurable: true });
  document.dispatchEvent(new Event('visibilitychange'));
}

const settle = () => jest.advanceTimersByTimeAsync(0);

it('does it again after its time, or after ten times what it took', async () => {
  let took = 0;
  const task = jest.fn(async () => void (clockMs += took));
  new Ticker(document, task, 10_000).now();
  await jest.advanceTimersByTimeAsync(9_999);
  expect(task).toHaveBeenCalledTimes(1);
  took = 3_000;
  await jest.advanceTimersByTimeAsync(1);
  expect(task).toHaveBeenCalledTimes(2);
  await jest.advanceTimersByTimeAsync(29_999);
  expect(task).toHaveBeenCalledTimes(2);
  await jest.advanceTimersByTimeAsync(1);
  expect(task).toHaveBeenCalledTimes(3);
});

it('rests while the page is not seen, and goes on at once when it is', async () => {
  const task = jest.fn(async () => undefined);
  new Ticker(document, task, 1_000).now();
  await settle();
  hide(true);
  await jest.advanceTimersByTimeAsync(60_000);
  expect(task).toHaveBeenCalledTimes(1);
  hide(false);
  await settle();
  expect(task).toHaveBeenCalledTimes(2);
});

it('does it once more when it is asked for while it is under way', async () => {
  const waiting: Array<() => void> = [];
  const task = jest.fn(() => new Promise<void>((resolve) => waiting.push(resolve)));
  const ticker = new Ticker(document, task, 1_000);
  ticker.now();
  ticker.now();
  ticker.now();
  expect(task).toHaveBeenCalledTimes(1);
  waiting[0]();
  await settle();
  expect(task).toHaveBeenCalledTimes(2);
});
