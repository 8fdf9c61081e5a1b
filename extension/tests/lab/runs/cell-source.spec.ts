import { addRestart, cellSource } from '../../../src/lab/runs/cell-source';

test.each([
  ['# %%agent a --key 1\nx = 1\n', '%%agent a --key 1\nx = 1'],
  ['%%agent a\nx = 1', '%%agent a\nx = 1'],
  ['# %%agents\nx', '# %%agents\nx']
])('the recorded source %j is the cell %j', (recorded, cell) => {
  expect(cellSource(recorded)).toBe(cell);
});

test.each([
  ['%%agent a\nx = 1', '%%agent a --restart\nx = 1'],
  ['\n%%agent a --restart\nx', '\n%%agent a --restart\nx'],
  ['%%agent a --key "b" \nx', '%%agent a --key "b" --restart\nx'],
  ['%%agent a --key=--restarted\nx', '%%agent a --key=--restarted --restart\nx']
])('%j started over is %j', (source, started) => {
  expect(addRestart(source)).toBe(started);
});
