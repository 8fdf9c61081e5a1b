/**
 * The commands of reviews in JupyterLab. Their keys are in `schema/shortcuts.json`, so that people change them in the
 * settings.
 */

import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { registerReviewCommands } from '../components/review-commands';
import { IReview } from './tokens';

/** Registers the commands. The plugin's id is the name of the file with the keys. */
export const commandsPlugin: JupyterFrontEndPlugin<void> = {
  id: 'hitl-nb:shortcuts',
  description: 'The commands of the inbox and of cards, and their keys.',
  autoStart: true,
  requires: [IReview],
  activate: (app: JupyterFrontEnd, host: IReview): void =>
    registerReviewCommands(app.commands, host.trans, host.commandTargets)
};
