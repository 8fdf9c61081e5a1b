import { nullTranslator } from '@jupyterlab/translation';
import { CodeEditor } from '@jupyterlab/codeeditor';
import { Signal } from '@lumino/signaling';
import { act, fireEvent, render, screen, within } from '@testing-library/react';
import type { IComment, IDecision, IProposal, ICommentRequest, Json } from '../../../src/api/types';
import type { SharedDraft } from '../../../src/drafts/shared-draft';
import type { IProposalModel } from '../../../src/models/interfaces';
import { Discussion } from '../../../src/models/discussion';
import { ProposalCard } from '../../../src/components/proposal/proposal-card';
import type { IHost } from '../../../src/components/host';
import { Drafts } from '../../drafts';

// The whole package needs a browser's drag and drop.
jest.mock('@jupyterlab/codeeditor', () => jest.requireActual('@jupyterlab/codeeditor/lib/editor'));

/** Models of the editors on the page, the newest last. */
let editors: CodeEditor.IModel[] = [];

const host = {
  trans: nullTranslator.load('hitl_nb'),
  status: null,
  readOnly: null,
  newEditor: (options: { model: CodeEditor.IModel }) => {
    editors.push(options.model);
    return {
      dispose: () => undefined,
      hasFocus: () => false,
      setOption: () => undefined,
      model: options.model
    };
  }
} as unknown as IHost;

function proposal(over: Partial<IProposal> = {}): IProposal {
  return {
    id: 'p1',
    title: 'Refund',
    kind: 'text',
    status: 'open',
    revision: 1,
    fingerprint: 'f1',
    value: 'pay 10',
    text: 'pay 10',
    context: null,
    allow: ['approve', 'edit', 'reject'],
    reasons: [],
    decision: null,
    schema: null,
    options: null,
    changes: '',
    ...over
  } as IProposal;
}

const decided: IDecision = {
  action: 'approve',
  value: null,
  reason: null,
  reviewer: 'ada',
  reviewer_name: '',
  decided_at: '2026-01-31T10:00:00Z',
  by: 'person',
  authn: 'login',
  known: 'login',
  surface: 'page',
  assurance: null
};

const blank: IComment = {
  ...{ id: 'c0', proposal: 'p1', author: 'ada', author_name: '', text: '', at: '2026-01-31T10:00:00Z' },
  ...{ anchor: null, quote: '', prefix: '', suffix: '', thread: '', suggestion: null, mentions: [] },
  ...{ state: 'open', state_by: '', state_by_name: '', state_at: null, known: 'login', state_known: 'login' }
};

class Model {
  constructor(public proposal: IProposal) {
    const { id, kind, value } = proposal;
    this.draft = new Drafts().open({ document: id, kind, value });
    this.draft.changed.connect(() => this.changed.emit());
    const comment = async (_: string, said: ICommentRequest): Promise<{ comment: IComment }> => {
      this.comments.push(said);
      if (this.refusal) {
        throw new Error(this.refusal);
      }
      return { comment: { ...blank, id: 'new', ...said } };
    };
    const { comments } = proposal as { comments?: IComment[] };
    this.discussion = comments ? new Discussion({ addComment: comment } as never, id, comments) : null;
  }
  run = null;
  draft: SharedDraft;
  get value(): Json {
    return this.draft.unfinishedText ?? this.draft.value;
  }
  invalidReason = '';
  fields: { [path: string]: string } = {};
  changes = '';
  problem = '';
  conflict: IProposalModel['conflict'] = null;
  isDeciding = false;
  saveStatus = 'saved';
  changed = new Signal<this, void>(this);
  discussion: Discussion | null;
  comments: ICommentRequest[] = [];
  /** Error message for comments, or "". */
  refusal = '';
  canUndo = false;
  canRedo = false;
  get hasEdits(): boolean {
    return JSON.stringify(this.value) !== JSON.stringify(this.proposal.value);
  }
  edit(value: Json): void {
    this.invalidReason = '';
    this.draft.edit(value);
    this.changed.emit();
  }
  cannotEdit(_: string, why: string): void {
    this.invalidReason = why;
    this.changed.emit();
  }
  startOver(): void {
    this.edit(this.proposal.value);
  }
}

function show(model: Model): HTMLElement {
  return render(<ProposalCard model={model as unknown as IProposalModel} host={host} />).container;
}

beforeEach(() => {
  editors = [];
});

test('a context that is a text is drawn as markdown', () => {
  const container = show(new Model(proposal({ context: 'see **this** <img src=x>' })));
  expect(container.querySelector('.jp-hitl-markdown strong')?.textContent).toBe('this');
  expect(container.querySelector('img')).toBeNull();
});

test('undoing does not go back behind what was proposed', () => {
  show(new Model(proposal()));
  const { sharedModel } = editors[0];
  expect([sharedModel.getSource(), sharedModel.canUndo()]).toEqual(['pay 10', false]);
});

test('markdown has a preview that follows the text', () => {
  const model = new Model(proposal({ kind: 'markdown', value: '*a*', text: '*a*' }));
  const container = show(model);
  const button = screen.getByRole('button', { name: 'Preview' });
  expect(button.getAttribute('aria-pressed')).toBe('false');
  fireEvent.click(button);
  expect(button.getAttribute('aria-pressed')).toBe('true');
  act(() => editors[0].sharedModel.setSource('*b*'));
  expect(container.querySelector('.jp-hitl-preview em')?.textContent).toBe('b');
});

describe('comments', () => {
  const comment = { ...blank, id: 'c1', author_name: 'Ada\u202e', text: '<b>why</b>\u200b?' };

  test('are listed as text', () => {
    const container = show(
      new Model(proposal({ comments: [comment, { ...comment, id: 'c2', author_name: '' }] }))
    );
    const [first, second] = within(
      within(screen.getByRole('group', { name: 'Comments' })).getByRole('list')
    ).getAllByRole('listitem');
    expect(first.querySelector('strong')?.textContent).toBe('Ada⟨U+202E⟩ (ada)');
    expect(first.textContent).toContain('<b>why</b>⟨U+200B⟩?');
    expect(first.querySelector('time')?.getAttribute('datetime')).toBe(comment.at);
    expect(second.querySelector('strong')?.textContent).toBe('ada');
    expect(container.querySelector('b')).toBeNull();
  });

  test('are not shown if the server knows none', () => {
    show(new Model(proposal()));
    expect(screen.queryByText('Comments')).toBeNull();
    expect(screen.queryByLabelText('Your comment')).toBeNull();
  });

  test('are sent once, and the form is empty again', async () => {
    const model = new Model(proposal({ comments: [] }));
    show(model);
    const field = screen.getByLabelText('Your comment') as HTMLTextAreaElement;
    const button = screen.getByRole('button', { name: 'Comment' }) as HTMLButtonElement;
    expect(button.disabled).toBe(true);
    fireEvent.change(field, { target: { value: ' why? ' } });
    await act(async () => fireEvent.click(button));
    expect(model.comments).toEqual([{ text: 'why?' }]);
    expect(field.value).toBe('');
  });

  test('that are refused stay in the form, and the card says why', async () => {
    const model = new Model(proposal({ comments: [] }));
    model.refusal = 'too long';
    show(model);
    fireEvent.change(screen.getByLabelText('Your comment'), { target: { value: 'why?' } });
    await act(async () => fireEvent.click(screen.getByRole('button', { name: 'Comment' })));
    expect(screen.getByRole('alert').textContent).toBe('too long');
    expect((screen.getByLabelText('Your comment') as HTMLTextAreaElement).value).toBe('why?');
  });
});

test.each<[Partial<IDecision>, string]>([
  [{}, 'Approved by ada, logged in, '],
  [{ surface: 'shared' }, 'Approved by ada, logged in, in a window where notebooks’ HTML runs, '],
  [{ surface: null }, 'Approved by ada, logged in, in a window where notebooks’ HTML runs, '],
  [{ reviewer_name: 'Ada L.' }, 'Approved by Ada L. (ada), logged in, '],
  [{ known: 'token' }, 'Approved by a guest (the server knows its token only), '],
  [
    { known: 'anonymous', reviewer: '130596e0f3', reviewer_name: 'Anonymous Io' },
    'Approved by a guest (not logged in), '
  ],
  [{ known: 'unsigned' }, 'Approved by ada (unsigned: any program of this user can say so), '],
  [{ known: 'policy', by: 'policy', reviewer: 'small' }, 'Passed by policy: small, '],
  [
    { known: 'policy', by: 'policy', reviewer: 'policy:embargo', action: 'reject' },
    'Blocked by policy: embargo, '
  ],
  [{ known: 'deadline', by: 'deadline' }, 'Approved by the deadline, '],
  [{ known: 'script', by: 'script', reviewer: 'a\u202eb.json' }, 'Approved by the script a⟨U+202E⟩b.json, ']
])('the state says who decided, and how that is known: %j', (over, start) => {
  const container = show(new Model(proposal({ status: 'decided', decision: { ...decided, ...over } })));
  expect(container.querySelector('.jp-hitl-state')!.textContent!.startsWith(start)).toBe(true);
});

describe('a surprise', () => {
  test('shows both texts side by side', () => {
    const now = proposal({ revision: 2, fingerprint: 'f2', value: 'pay 99', text: 'pay 99\u202e' });
    const model = new Model(now);
    model.conflict = { shown: proposal(), now };
    model.problem = 'the proposal changed';
    show(model);
    const alert = screen.getByRole('alert');
    expect(alert.textContent).toContain('the proposal changed');
    expect(alert.textContent).toContain('Revision 1. Waiting for a decision');
    expect(alert.textContent).toContain('Revision 2. Waiting for a decision');
    const sides = [...alert.querySelectorAll('.cm-content')].map(one => one.textContent);
    expect(sides).toEqual(['pay 10', 'pay 99⟨U+202E⟩']);
  });

  test('says who decided what', () => {
    const now = proposal({
      status: 'decided',
      decision: { ...decided, action: 'reject', reason: 'too much' }
    });
    const model = new Model(now);
    model.conflict = { shown: proposal(), now };
    show(model);
    const alert = screen.getByRole('alert');
    expect(alert.textContent).toContain('Rejected by ada');
    expect(alert.textContent).toContain('Reason: too much');
    expect(alert.textContent).toContain('The text of the proposal is the same.');
    expect(alert.querySelector('.cm-content')).toBeNull();
  });

  test('in which nothing differs is only the problem', () => {
    const model = new Model(proposal());
    model.conflict = { shown: proposal(), now: proposal() };
    model.problem = 'the run is cancelled';
    show(model);
    expect(screen.getByRole('alert').textContent).toBe('the run is cancelled');
  });
});

describe('changes', () => {
  test.each<[Partial<IProposal>, Json, string[]]>([
    [{}, 'pay 9', ['pay 10', 'pay 9']],
    [{ kind: 'json', value: { a: 1 }, text: '{"a": 1.0}' }, { a: 2 }, ['{  "a": 1}', '{  "a": 2}']]
  ])('are shown side by side: %j', (over, value, expected) => {
    const model = new Model(proposal(over));
    model.draft.edit(value);
    model.changes = '--- proposed\n+++ edited\n-x\n+y\u202e\n';
    const container = show(model);
    expect(container.querySelector('.jp-mod-added')?.textContent).toBe('+y⟨U+202E⟩');
    const button = screen.getByRole('button', { name: 'Side by side' });
    fireEvent.click(button);
    expect(button.getAttribute('aria-pressed')).toBe('true');
    const sides = [...container.querySelectorAll('.jp-hitl-sides .cm-content')];
    expect(sides.map(one => one.textContent)).toEqual(expected);
    expect(sides.map(one => one.getAttribute('aria-readonly'))).toEqual(['true', 'true']);
    fireEvent.click(button);
    expect(container.querySelector('.jp-hitl-sides')).toBeNull();
  });

  test('of a table are shown line by line', () => {
    const model = new Model(proposal({ kind: 'table', value: { columns: [], rows: [] } }));
    model.changes = '--- proposed\n+++ edited\n-x\n+y\n';
    show(model);
    expect(screen.queryByRole('button', { name: 'Side by side' })).toBeNull();
  });
});

describe('JSON as text', () => {
  test('that is none blocks, comes back when a decision fails, and goes with the edits', () => {
    const model = new Model(proposal({ kind: 'json', value: [1], text: '[1]' }));
    show(model);
    act(() => editors[0].sharedModel.setSource('[1'));
    expect(model.invalidReason).not.toBe('');
    for (const deciding of [true, false]) {
      act(() => {
        model.isDeciding = deciding;
        model.changed.emit();
      });
    }
    expect(editors[editors.length - 1].sharedModel.getSource()).toBe('[1');
    fireEvent.click(screen.getByRole('button', { name: 'Undo edits' }));
    expect(model.invalidReason).toBe('');
    expect(editors[editors.length - 1].sharedModel.getSource()).toBe('[\n  1\n]');
  });

  test('is finished when the old text is typed again', () => {
    const model = new Model(proposal({ kind: 'json', value: 7, text: '7' }));
    show(model);
    act(() => editors[0].sharedModel.setSource('7,'));
    expect(model.invalidReason).not.toBe('');
    act(() => editors[0].sharedModel.setSource('7'));
    expect(model.invalidReason).toBe('');
  });

  test('kept unfinished on the server is unfinished here', () => {
    const model = new Model(proposal({ kind: 'json', value: { a: 1 }, text: '' }));
    model.draft.editUnfinished('{"a": ');
    model.invalidReason = 'no end';
    show(model);
    expect(editors[0].sharedModel.getSource()).toBe('{"a": ');
    expect((screen.getByRole('button', { name: 'Approve with edits' }) as HTMLButtonElement).disabled).toBe(
      true
    );
  });
});

test('the reasons that the author offers can be chosen', () => {
  const container = show(new Model(proposal({ reasons: ['too early', 'wrong\u202e'] })));
  const offered = [...container.querySelectorAll('datalist option')].map(one => one.getAttribute('value'));
  expect(offered).toEqual(['too early', 'wrong⟨U+202E⟩']);
});
