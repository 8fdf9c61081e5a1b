/**
 * Saves the notebooks of agents by themselves, as the settings want it.
 */

import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { INotebookTracker, type NotebookPanel } from '@jupyterlab/notebook';
import { ISettingRegistry } from '@jupyterlab/settingregistry';
import { NotebookSaver } from './notebook/notebook-saver';
import { PROPOSAL_MIME, WORKSPACE_MIME } from '../api/mime-types';

const ID = 'hitl-nb:saving';

/** Saves a notebook when the output of a pause or of a decision has come. */
export const savingPlugin: JupyterFrontEndPlugin<void> = {
  id: ID,
  description: 'Saves a notebook when an agent in it pauses or continues.',
  autoStart: true,
  requires: [INotebookTracker],
  optional: [ISettingRegistry],
  activate: (app: JupyterFrontEnd, notebooks: INotebookTracker, registry: ISettingRegistry | null): void => {
    let isOn = true;
    void registry?.load(ID).then(settings => {
      const apply = (): void => {
        isOn = settings.get('save').composite !== false;
      };
      apply();
      settings.changed.connect(apply);
    });
    const { contents } = app.serviceManager;
    const add = (panel: NotebookPanel): void => {
      new NotebookSaver(panel, contents, [PROPOSAL_MIME, WORKSPACE_MIME], () => isOn);
    };
    notebooks.forEach(add);
    notebooks.widgetAdded.connect((_, panel) => add(panel));
  }
};
