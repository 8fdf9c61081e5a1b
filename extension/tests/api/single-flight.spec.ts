import { SingleFlight } from '../../src/api/single-flight';

test('work is done once at a time, and once more for all that asked meanwhile', async () => {
  const ends: (() => void)[] = [];
  const latest = new SingleFlight(() => new Promise<void>(resolve => ends.push(resolve)));
  const first = latest.run();
  void latest.run();
  const third = latest.run();
  expect(ends).toHaveLength(1);
  ends[0]();
  await Promise.resolve();
  await Promise.resolve();
  expect(ends).toHaveLength(2);
  ends[1]();
  await Promise.all([first, third]);
  expect(ends).toHaveLength(2);
  void latest.run();
  expect(ends).toHaveLength(3);
});

test('what was taken back is not done', async () => {
  let done = 0;
  const latest = new SingleFlight(async () => void (done += 1));
  const first = latest.run();
  void latest.run();
  latest.cancel();
  await first;
  expect(done).toBe(1);
});
