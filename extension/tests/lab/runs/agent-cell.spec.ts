import { agentCell, agentName } from '../../../src/lab/runs/agent-cell';

/** A notebook of code cells: source, and the agent that its output names. */
function notebook(...cells: [string, string?][]) {
  const widgets = cells.map(([source, agent]) => {
    const data = agent ? { 'application/vnd.hitl-nb.proposal+json': { agent } } : { 'text/plain': 'x' };
    const outputs = { length: 1, get: () => ({ data }) };
    return { model: { type: 'code', outputs, sharedModel: { getSource: () => source } } };
  });
  return { panel: { content: { widgets } } as never, widgets };
}

test.each([
  ['%%agent refunds\nx = 1', 'refunds'],
  ['\n%%agent --key "a b" refunds --restart\nx', 'refunds'],
  ['%%agent --wait 3 refunds', 'refunds'],
  ["%%agent 'refunds'", 'refunds'],
  ['%%agents refunds', null],
  ['x = 1\n%%agent refunds', null],
  ['%%agent\nrefunds', null]
])('the agent of %j is %j', (source, name) => {
  expect(agentName(source)).toBe(name);
});

test('the cell with the output is the agent’s cell, though another one has its name', () => {
  const { panel, widgets } = notebook(['%%agent a'], ['moved', 'a']);
  expect(agentCell(panel, 'a')).toBe(widgets[1]);
});

test('a cell that was put back has no output yet', () => {
  const { panel, widgets } = notebook(['x = 1'], ['%%agent a\nx']);
  expect(agentCell(panel, 'a')).toBe(widgets[1]);
  expect(agentCell(panel, 'b')).toBeUndefined();
});
