/**
 * The JupyterLab plugins of hitl_nb. Each can be disabled alone.
 */

import { ILayoutRestorer, JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { ICommandPalette, MainAreaWidget, ReactWidget } from '@jupyterlab/apputils';
import { IEditorServices } from '@jupyterlab/codeeditor';
import { INotebookCellExecutor, INotebookTracker, NotebookPanel } from '@jupyterlab/notebook';
import { ILauncher } from '@jupyterlab/launcher';
import { ISettingRegistry } from '@jupyterlab/settingregistry';
import { IStatusBar } from '@jupyterlab/statusbar';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';
import { infoIcon } from '@jupyterlab/ui-components';
import { createElement } from 'react';
import { FINISHED_MIME, PROPOSAL_MIME, WORKSPACE_MIME } from './api/mime-types';
import { InboxModel } from './inbox/stores/inbox-model';
import { version } from './version';
import { CardCounts } from './lab/notebook/card-counts';
import { NotebookCards } from './lab/notebook/notebook-cards';
import { runQuietly } from './lab/notebook/quiet-run';
import { savingPlugin } from './lab/saving-plugin';
import { commandsPlugin } from './lab/commands';
import { ResumeController } from './lab/resume-run';
import { agentCell, watchCells } from './lab/runs/agent-cell';
import { readStoreUrl } from './lab/runs/kernel-questions';
import { makeNotebookOpener } from './lab/runs/notebook-access';
import { NotebookActionsOnRuns } from './lab/runs/notebook-actions';
import { LabHost } from './lab/lab-host';
import { makeInboxWidget } from './lab/inbox-widget';
import { SettingsViews } from './lab/settings-views';
import { writeNotebookId } from './lab/notebook-id';
import { noticesPlugin } from './lab/notices/notices-plugin';
import { FinishedRenderer } from './lab/outputs/finished-output';
import { PauseRenderer } from './lab/proposal-output';
import { WorkspaceRenderer } from './lab/workspace-output';
import { printRun } from './timeline/printed-run';
import { TimelineView } from './timeline/timeline-view';
import { showCountAtTab, StatusItem } from './lab/status-item';
import { IReview } from './lab/tokens';

/** Rank of the renderers. Lower ranks win; this is before all others, also before that of ipywidgets (-10). */
const RANK = -20;

/** Rank of the status item: at the edge, because JupyterLab's own items change their width. */
const STATUS_RANK = -10;

const reviewPlugin: JupyterFrontEndPlugin<IReview> = {
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

const cardPlugin: JupyterFrontEndPlugin<void> = {
  id: 'hitl-nb:card',
  description: 'Draws in a cell’s output the proposals of its pause, and the workspaces that it opened.',
  autoStart: true,
  requires: [IReview, INotebookTracker],
  activate: (app: JupyterFrontEnd, host: IReview, notebooks: INotebookTracker): void => {
    const local = (path: string): string => app.serviceManager.contents.localPath(path);
    const add = (panel: NotebookPanel): void => {
      const cards = new CardCounts();
      const place = {
        path: () => local(panel.context.path),
        store: () => readStoreUrl(panel),
        carryId: (id: string) => writeNotebookId(panel, id),
        cards,
        around: new NotebookCards(host, panel, cards, [PROPOSAL_MIME, WORKSPACE_MIME])
      };
      const renderers = {
        [PROPOSAL_MIME]: PauseRenderer,
        [WORKSPACE_MIME]: WorkspaceRenderer,
        [FINISHED_MIME]: FinishedRenderer
      };
      Object.entries(renderers).forEach(([mime, Renderer]) =>
        panel.content.rendermime.addFactory(
          {
            // Safe to draw in a notebook that is not trusted, since only a few names from the output are used.
            safe: true,
            mimeTypes: [mime],
            createRenderer: () => new Renderer(host, place)
          },
          RANK
        )
      );
    };
    notebooks.forEach(add);
    notebooks.widgetAdded.connect((_, panel) => add(panel));
  }
};

const resumePlugin: JupyterFrontEndPlugin<void> = {
  id: 'hitl-nb:going-on',
  description: 'Executes an agent’s cell again when people have decided.',
  autoStart: true,
  requires: [IReview, INotebookTracker],
  optional: [INotebookCellExecutor],
  activate: (
    app: JupyterFrontEnd,
    host: IReview,
    notebooks: INotebookTracker,
    executor: INotebookCellExecutor | null
  ): void => {
    const local = (path: string): string => app.serviceManager.contents.localPath(path);
    const lab = host as LabHost;
    const resume = new ResumeController(lab, notebooks, local, executor);
    const actions = new NotebookActionsOnRuns(lab, lab.serverActions, {
      notebooks,
      localPath: local,
      openNotebook: makeNotebookOpener(app),
      continueRun: (run, panel) => resume.continueRun(run, panel),
      prepareKernel: panel => resume.prepareKernel(panel),
      runCell: (panel, cell) => void runQuietly(panel, cell, executor)
    });
    lab.runActions = run => actions.actionsOn(run);
    watchCells(notebooks, () => lab.notify());
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

const inboxPlugin: JupyterFrontEndPlugin<void> = {
  id: 'hitl-nb:inbox',
  description: 'A side panel with everything that waits, and an item in the status bar.',
  autoStart: true,
  requires: [IReview],
  optional: [ICommandPalette, IStatusBar, ILayoutRestorer, ILauncher, ISettingRegistry],
  activate: (
    app: JupyterFrontEnd,
    host: IReview,
    palette: ICommandPalette | null,
    statusBar: IStatusBar | null,
    restorer: ILayoutRestorer | null,
    launcher: ILauncher | null,
    registry: ISettingRegistry | null
  ): void => {
    const model = new InboxModel(host.client, host.feed);
    const inSide = (): void => app.shell.add(widget, 'right', { rank: 900, type: 'Hitl Inbox' });
    // The same widget, so that nothing that was typed is lost.
    const move = (): void => {
      const inMain = [...app.shell.widgets('main')].includes(widget);
      widget.title.closable = !inMain;
      if (inMain) {
        inSide();
      } else {
        app.shell.add(widget, 'main');
      }
      app.shell.activateById(widget.id);
    };
    const widget = makeInboxWidget(model, host, { keptViews: new SettingsViews(registry), onMove: move });
    widget.title.label = host.trans.__('Inbox');
    showCountAtTab(widget.title, model);
    inSide();
    restorer?.add(widget, 'hitl-nb-inbox');
    const command = 'hitl-nb:open-inbox';
    app.commands.addCommand(command, {
      label: host.trans.__('Inbox of Agents’ Proposals'),
      caption: host.trans.__('Proposals of agents that wait for a decision'),
      icon: args => (args['isPalette'] ? undefined : infoIcon),
      execute: args => {
        if (!widget.isAttached) {
          widget.title.closable = false;
          inSide(); // its tab was closed
        }
        app.shell.activateById(widget.id);
        if (typeof args['proposal'] === 'string') {
          model.openById(args['proposal']);
        }
      }
    });
    host.openInInbox = proposal => void app.commands.execute(command, { proposal });
    palette?.addItem({ command, category: host.trans.__('Agents') });
    launcher?.add({ command, category: host.trans.__('Other'), rank: 90 });
    statusBar?.registerStatusItem('hitl-nb:badge', {
      item: ReactWidget.create(
        createElement(StatusItem, { model, review: host, onClick: () => void app.commands.execute(command) })
      ),
      align: 'right',
      rank: STATUS_RANK
    });
  }
};

const timelinePlugin: JupyterFrontEndPlugin<void> = {
  id: 'hitl-nb:timeline',
  description: 'Shows what happened in a run, and when.',
  autoStart: true,
  requires: [IReview],
  activate: (app: JupyterFrontEnd, host: IReview): void => {
    host.printRun = run => printRun(run, host);
    host.openTimeline = run => {
      const id = `hitl-nb-timeline-${run}`;
      if (![...app.shell.widgets('main')].some(widget => widget.id === id)) {
        const content = ReactWidget.create(createElement(TimelineView, { run, host }));
        const widget = new MainAreaWidget({ content });
        widget.id = id;
        widget.title.label = host.trans.__('Run timeline');
        widget.title.closable = true;
        app.shell.add(widget, 'main');
      }
      app.shell.activateById(id);
    };
    app.commands.addCommand('hitl-nb:open-timeline', {
      label: host.trans.__('Show the Timeline of a Run'),
      execute: args => {
        if (typeof args['run'] === 'string') {
          host.openTimeline?.(args['run']);
        }
      }
    });
  }
};

export default [
  reviewPlugin,
  cardPlugin,
  resumePlugin,
  inboxPlugin,
  timelinePlugin,
  noticesPlugin,
  commandsPlugin,
  savingPlugin
];
