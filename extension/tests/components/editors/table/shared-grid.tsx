/**
 * The editor of a table over a shared draft, in one or more windows.
 */

import { nullTranslator } from '@jupyterlab/translation';
import { act, render, within } from '@testing-library/react';
import { useEffect, useReducer } from 'react';
import { applyAwarenessUpdate, encodeAwarenessUpdate } from 'y-protocols/awareness';
import * as Y from 'yjs';
import type { IProposal, ITable, Json } from '../../../../src/api/types';
import { TableEditor } from '../../../../src/components/editors/table/grid';
import type { IHost } from '../../../../src/components/host';
import { SharedDraft } from '../../../../src/drafts/shared-draft';
import type { DraftHistory } from '../../../../src/models/history';
import { Line } from '../../../drafts';
import { giveElementsSize } from '../../../element-sizes';

export const host = { trans: nullTranslator.load('hitl_nb') } as unknown as IHost;

/** The editor of a draft, drawn again when the draft changes. */
function Window({
  draft,
  proposed,
  fields,
  readOnly,
  history
}: {
  draft: SharedDraft;
  proposed: Json;
  fields: { [path: string]: string };
  readOnly: boolean;
  history?: () => DraftHistory;
}): JSX.Element {
  const [, redraw] = useReducer((n: number) => n + 1, 0);
  useEffect(() => {
    draft.changed.connect(redraw);
    return () => void draft.changed.disconnect(redraw);
  }, [draft]);
  return (
    <TableEditor
      proposal={{ value: proposed } as IProposal}
      value={draft.value}
      draft={draft}
      fields={fields}
      readOnly={readOnly}
      history={history}
      host={host}
      onEdit={value => draft.edit(value)}
    />
  );
}

/** Open a table in a window. `name` is the person. */
export function openTable(
  table: ITable,
  given: {
    name?: string;
    fields?: { [path: string]: string };
    readOnly?: boolean;
    history?: () => DraftHistory;
  } = {}
) {
  giveElementsSize();
  const { name = 'Ann', fields = {}, readOnly = false, history } = given;
  const line = Object.assign(new Line(), { me: { username: name.toLowerCase(), name } });
  const proposed = table as unknown as Json;
  const draft = new SharedDraft({ document: 'd', kind: 'table', value: proposed }, () => line);
  const { container, rerender } = render(
    <Window draft={draft} proposed={proposed} fields={fields} readOnly={readOnly} history={history} />
  );
  const shown = within(container);
  return {
    draft,
    container,
    shown,
    /** The rows of the value. */
    rows: () => (draft.value as unknown as ITable).rows,
    cell: (label: string) => shown.getByLabelText<HTMLInputElement>(label),
    /** The drawn rows: sign, number and cells. */
    drawn: () =>
      [...container.querySelectorAll('.jp-hitl-row')].map(row =>
        [
          row.querySelector('.n')!.textContent!.trim().split(' ')[0],
          ...[...row.querySelectorAll<HTMLInputElement>('.jp-hitl-cell')].map(one => one.value)
        ].join(' ')
      ),
    setFields: (next: { [path: string]: string }) =>
      rerender(<Window draft={draft} proposed={proposed} fields={next} readOnly={readOnly} />)
  };
}

/** Exchange the updates and the people of two windows. */
export function exchange(one: SharedDraft, other: SharedDraft): void {
  act(() => {
    for (const [from, to] of [
      [one, other],
      [other, one]
    ]) {
      const { doc } = from.awareness;
      Y.applyUpdate(to.awareness.doc, Y.encodeStateAsUpdate(doc), 'server');
      const [me] = from.people;
      from.awareness.setLocalStateField('user', { username: me.username, name: me.name });
      applyAwarenessUpdate(to.awareness, encodeAwarenessUpdate(from.awareness, [doc.clientID]), 'server');
    }
  });
}
