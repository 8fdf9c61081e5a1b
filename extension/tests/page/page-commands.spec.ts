import { nullTranslator } from '@jupyterlab/translation';
import { CommandTargets } from '../../src/components/review-commands';
import { startCommands } from '../../src/page/page-commands';

function start(): { targets: CommandTargets; stop: () => void } {
  const targets = new CommandTargets();
  return {
    targets,
    stop: startCommands({ trans: nullTranslator.load('hitl_nb'), commandTargets: targets })
  };
}

afterEach(() => {
  jest.restoreAllMocks();
  localStorage.clear();
});

test('that keys of one letter are off is remembered', () => {
  const first = start();
  first.targets.letterKeys = false;
  first.stop();
  const { targets, stop } = start();
  expect(targets.letterKeys).toBe(false);
  stop();
});

test('a browser that forbids storage has the keys all the same', () => {
  const forbid = (): never => {
    throw new Error('SecurityError');
  };
  jest.spyOn(Storage.prototype, 'getItem').mockImplementation(forbid);
  jest.spyOn(Storage.prototype, 'setItem').mockImplementation(forbid);
  const { targets, stop } = start();
  expect(targets.letterKeys).toBe(true);
  targets.letterKeys = false;
  expect(targets.letterKeys).toBe(false);
  stop();
});
