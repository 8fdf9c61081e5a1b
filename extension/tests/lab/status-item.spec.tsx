import { nullTranslator } from '@jupyterlab/translation';
import { Signal } from '@lumino/signaling';
import { Title, type Widget } from '@lumino/widgets';
import { act, render, screen } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import type { IProposalSummary } from '../../src/api/types';
import type { InboxModel } from '../../src/inbox/inbox-model';
import { showCountAtTab, StatusItem } from '../../src/lab/status-item';
import type { IReview } from '../../src/lab/tokens';

// The whole package needs image files.
jest.mock('@jupyterlab/ui-components', () => ({
  LabIcon: class {
    constructor(readonly options: object) {}
  }
}));

const review = { trans: nullTranslator.load('hitl_nb') } as unknown as IReview;

class Model {
  forYou: IProposalSummary[] = [];
  readonly changed = new Signal<Model, void>(this);

  set count(count: number) {
    const created_at = new Date(Date.now() - 2 * 3600_000).toISOString();
    this.forYou = Array.from({ length: count }, (_, i) => ({ title: `R\u202e${i}`, created_at })) as never;
    this.changed.emit();
  }
}

test('the item has the number for you, names the oldest, and opens the inbox', async () => {
  const model = new Model();
  const onClick = jest.fn();
  render(<StatusItem model={model as unknown as InboxModel} review={review} onClick={onClick} />);
  const item = screen.getByRole('button', { name: 'none for you' });
  expect(item.title).toBe('Nothing waits for you');
  act(() => void (model.count = 12));
  expect([item.textContent, item.title]).toEqual(['12 for you', 'Oldest: R⟨U+202E⟩0, asked 2 h ago']);
  act(() => void (model.count = 12_000));
  expect(item.textContent).toBe('9999+ for you');
  await userEvent.click(item);
  expect(onClick).toHaveBeenCalledTimes(1);
});

test('the tab of the inbox carries the number', () => {
  const model = new Model();
  const title = new Title<Widget>({ owner: {} as Widget });
  showCountAtTab(title, model as unknown as InboxModel);
  expect(title.dataset['hitl-count']).toBe('');
  model.count = 9;
  expect(title.dataset['hitl-count']).toBe('9');
});
