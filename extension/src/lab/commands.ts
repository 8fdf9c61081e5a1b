/**
 * The commands of reviews in JupyterLab. Their keys are in `schema/shortcuts.json`, so that people change them in the
 * settings.
 */

import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { ISettingRegistry } from '@jupyterlab/settingregistry';
import { registerReviewCommands } from '../components/review-commands';
import { IReview } from './tokens';

const ID = 'hitl-nb:shortcuts';

/** Registers the commands. The plugin's id is the name of the file with the keys. */
export const commandsPlugin: JupyterFrontEndPlugin<void> = {
  id: ID,
  description: 'The commands of the inbox and of cards, and their keys.',
  autoStart: true,
  requires: [IReview],
  optional: [ISettingRegistry],
  activate: async (app: JupyterFrontEnd, host: IReview, registry: ISettingRegistry | null): Promise<void> => {
    const { commandTargets: targets } = host;
    registerReviewCommands(app.commands, host.trans, targets);
    const settings = registry ? await registry.load(ID) : null;
    if (settings) {
      const apply = (): void => {
        targets.letterKeys = settings.get('keys').composite !== false;
      };
      apply();
      settings.changed.connect(apply);
      targets.letterKeysChanged.connect((_, on) => void settings.set('keys', on));
    }
  }
};
