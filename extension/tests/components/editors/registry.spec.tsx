import type { CodeEditor } from '@jupyterlab/codeeditor';
import { nullTranslator } from '@jupyterlab/translation';
import { fireEvent, render, screen } from '@testing-library/react';
import type { IProposal, Json } from '../../../src/api/types';
import type { IEditorProps } from '../../../src/components/editors/props';
import { EDITORS, ValueEditor } from '../../../src/components/editors/registry';
import type { IHost } from '../../../src/components/host';
import { SharedDocument } from '../../../src/drafts/shared-document';

// The package as a whole wants a browser's drag and drop.
jest.mock('@jupyterlab/codeeditor', () => jest.requireActual('@jupyterlab/codeeditor/lib/editor'));

const KIND = 'image';

function props(value: Json, edits: Json[]): IEditorProps {
  return {
    proposal: { kind: KIND, value, text: '' } as IProposal,
    value,
    draft: null,
    fields: {},
    readOnly: false,
    host: {
      trans: nullTranslator.load('hitl_nb'),
      newEditor: (options: CodeEditor.IOptions) => {
        options.host.textContent = options.model.sharedModel.getSource();
        return { dispose: () => undefined, setOption: () => undefined, ...options };
      }
    } as unknown as IHost,
    onEdit: made => edits.push(made),
    onUnfinished: () => undefined
  };
}

afterEach(() => void EDITORS.delete(KIND));

test('a kind that has no editor is edited as JSON', () => {
  render(<ValueEditor {...props({ alt: 'a cat' }, [])} />);
  expect(screen.getByText(/"alt": "a cat"/)).toBeTruthy();
});

test('a new kind is one entry: its editor draws the value and edits it', () => {
  EDITORS.set(KIND, {
    draw: ({ value, onEdit }) => (
      <input
        aria-label="Text"
        value={String((value as { alt: Json }).alt)}
        onChange={e => onEdit({ alt: e.target.value })}
      />
    )
  });
  const edits: Json[] = [];
  render(<ValueEditor {...props({ alt: 'a cat' }, edits)} />);
  fireEvent.change(screen.getByLabelText('Text'), { target: { value: 'a dog' } });
  expect(edits).toEqual([{ alt: 'a dog' }]);
});

test('its draft is shared in parts', () => {
  const document = new SharedDocument({ kind: KIND, value: { alt: 'a cat' } });
  document.write({ alt: 'a dog' });
  expect(document.value).toEqual({ alt: 'a dog' });
  expect(document.file).toBeNull();
  document.dispose();
});
