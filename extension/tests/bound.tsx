/**
 * The card of a letter whose text is in real CodeMirror editors, bound to the shared draft as in JupyterLab.
 */

import { EditorView } from '@codemirror/view';
import type { Extension } from '@codemirror/state';
import type { CodeEditor } from '@jupyterlab/codeeditor';
import { ybinding } from '@jupyterlab/codemirror/lib/extensions/ybinding';
import type { IYText } from '@jupyter/ydoc';
import { nullTranslator } from '@jupyterlab/translation';
import { Signal } from '@lumino/signaling';
import { render } from '@testing-library/react';
import type { Client } from '../src/api/client';
import type { IProposal } from '../src/api/types';
import { ProposalModel, type IModelSource } from '../src/models/proposal';
import { ProposalCard } from '../src/components/proposal/proposal-card';
import type { IHost } from '../src/components/host';
import { Drafts } from './drafts';

/** Render the card of a letter. `over` changes its proposal, `here` changes the host. */
export function card(client: Client, over: Partial<IProposal>, here: Partial<IHost> = {}) {
  const proposal = {
    ...{ id: 'p', run: 'r', title: 'Letter', status: 'open', revision: 1, fingerprint: 'f', context: null },
    ...{
      allow: ['approve'],
      reasons: [],
      decision: null,
      schema: null,
      options: null,
      changes: '',
      text: ''
    },
    ...{ kind: 'text', value: 'Dear Ann', agent: 'writer', ...over }
  } as unknown as IProposal;
  const drafts = new Drafts();
  const source = { client, feed: { changed: new Signal({}) }, drafts } as unknown as IModelSource;
  const model = new ProposalModel(source, proposal);
  const views: EditorView[] = [];
  const host = {
    ...source,
    ...{ trans: nullTranslator.load('hitl_nb'), status: null, readOnly: null, ...here },
    newEditor: (options: { host: HTMLElement; model: CodeEditor.IModel; extensions: Extension[] }) => {
      const shared = options.model.sharedModel as IYText;
      const made = new EditorView({
        doc: shared.getSource(),
        extensions: [ybinding({ ytext: shared.ysource }), ...options.extensions],
        parent: options.host
      });
      views.push(made);
      return { dispose: () => made.destroy(), setOption: () => undefined, hasFocus: () => false, ...options };
    }
  } as unknown as IHost;
  const { container } = render(<ProposalCard model={model} host={host} />);
  return { model, host, container, drafts, views };
}
