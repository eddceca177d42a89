import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { Turns } from '../src/adapters/turns.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

/** Work that is begun so many times at once. */
function asked(turns: Turns, times: number): { begun: number[]; done: Promise<number[]> } {
  const begun: number[] = [];
  const works = Array.from({ length: times }, (_, index) =>
    turns.take(async () => {
      begun.push(index);
      return index;
    }),
  );
  return { begun, done: Promise.all(works) };
}

it('work is done at once where nothing else came, and in its order', async () => {
  const { begun, done } = asked(new Turns(), 40);
  await vi.advanceTimersByTimeAsync(0);
  await expect(done).resolves.toHaveLength(40);
  expect(begun).toEqual(Array.from({ length: 40 }, (_, index) => index));
});

it('work waits while requests keep coming, but goes on slowly, and quickly when they have ceased', async () => {
  const turns = new Turns();
  turns.came();
  const { begun, done } = asked(turns, 100);
  for (let ms = 0; ms < 1_000; ms += 2) {
    turns.came();
    await vi.advanceTimersByTimeAsync(2);
  }
  expect(begun.length).toBeGreaterThanOrEqual(9);
  expect(begun.length).toBeLessThanOrEqual(11);
  await vi.advanceTimersByTimeAsync(10);
  await expect(done).resolves.toHaveLength(100);
});

it('work that hangs holds up no other, and work that fails tells whoever asked for it', async () => {
  const turns = new Turns();
  for (let hanging = 0; hanging < 15; hanging++) void turns.take(() => new Promise(() => {}));
  const failing = expect(turns.take(() => Promise.reject(new Error('no hats')))).rejects.toThrow('no hats');
  const { done } = asked(turns, 5);
  await vi.advanceTimersByTimeAsync(0);
  await failing;
  await expect(done).resolves.toHaveLength(5);
});

it('is full when more waits than anybody would wait for', async () => {
  const turns = new Turns();
  turns.came();
  const { done } = asked(turns, 2_015);
  // The first is begun at once.
  expect(turns.isFull).toBe(true);
  await vi.advanceTimersByTimeAsync(20);
  await done;
  expect(turns.isFull).toBe(false);
});
