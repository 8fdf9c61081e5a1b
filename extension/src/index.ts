/**
 * The plugins of hitl_nb, small enough to be disabled one by one.
 */

import { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { IEditorServices } from '@jupyterlab/codeeditor';
import { INotebookTracker, NotebookPanel } from '@jupyterlab/notebook';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';
import { version } from './version';
import { agentCell, GoingOn } from './plugins/goingon';
import { LabHost } from './plugins/host';
import { MIME, PauseRenderer } from './plugins/pause';
import { IReview } from './tokens';

/** Before ipywidgets' -10 and all others: lower wins. */
const RANK = -20;

const review: JupyterFrontEndPlugin<IReview> = {
  id: 'hitl-nb:review',
  description: 'The connection to proposals, decisions and runs.',
  autoStart: true,
  requires: [IEditorServices],
  optional: [ITranslator],
  provides: IReview,
  activate: (app: JupyterFrontEnd, editors: IEditorServices, translator: ITranslator | null): IReview =>
    new LabHost(
      app.serviceManager.serverSettings,
      editors,
      (translator ?? nullTranslator).load('hitl_nb'),
      version
    )
};

const card: JupyterFrontEndPlugin<void> = {
  id: 'hitl-nb:card',
  description: 'Draws the proposals of a paused cell in its output.',
  autoStart: true,
  requires: [IReview, INotebookTracker],
  activate: (app: JupyterFrontEnd, host: IReview, notebooks: INotebookTracker): void => {
    const local = (path: string): string => app.serviceManager.contents.localPath(path);
    const add = (panel: NotebookPanel): void =>
      panel.content.rendermime.addFactory(
        {
          // Safe to draw in a notebook that is not trusted: nothing of the output but two names is used.
          safe: true,
          mimeTypes: [MIME],
          createRenderer: () => new PauseRenderer(host, () => local(panel.context.path))
        },
        RANK
      );
    notebooks.forEach(add);
    notebooks.widgetAdded.connect((_, panel) => add(panel));
  }
};

const goingOn: JupyterFrontEndPlugin<void> = {
  id: 'hitl-nb:going-on',
  description: 'Executes an agent’s cell again when people have decided.',
  autoStart: true,
  requires: [IReview, INotebookTracker],
  activate: (app: JupyterFrontEnd, host: IReview, notebooks: INotebookTracker): void => {
    const local = (path: string): string => app.serviceManager.contents.localPath(path);
    new GoingOn(host as LabHost, notebooks, local);
    host.openNotebook = async ({ path, agent }) => {
      if (path === null) {
        return;
      }
      const panel = (await app.commands.execute('docmanager:open', { path })) as NotebookPanel | undefined;
      await panel?.revealed;
      const cell = panel && agentCell(panel, agent);
      if (panel && cell) {
        panel.content.activeCellIndex = panel.content.widgets.indexOf(cell);
        await panel.content.scrollToCell(cell);
      }
    };
  }
};

export default [review, card, goingOn];
