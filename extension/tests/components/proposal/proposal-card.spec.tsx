import { nullTranslator } from '@jupyterlab/translation';
import { CodeEditor } from '@jupyterlab/codeeditor';
import { Signal } from '@lumino/signaling';
import { act, cleanup, fireEvent, render, screen, within } from '@testing-library/react';
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

const makeHost = (): IHost =>
  ({
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
  }) as unknown as IHost;

/** A new window for each test: what is typed is kept for the window. */
let host = makeHost();

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
  host = makeHost();
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
    fireEvent.click(screen.getByRole('button', { name: 'Comments: none open' }));
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
    fireEvent.click(screen.getByRole('button', { name: 'Comments: none open' }));
    fireEvent.change(screen.getByLabelText('Your comment'), { target: { value: 'why?' } });
    await act(async () => fireEvent.click(screen.getByRole('button', { name: 'Comment' })));
    expect(screen.getByRole('alert').textContent).toBe('too long');
    expect((screen.getByLabelText('Your comment') as HTMLTextAreaElement).value).toBe('why?');
  });
});

test.each<[Partial<IDecision>, string, string, string]>([
  [{}, 'Approved', 'ada', 'ada, logged in'],
  [{ surface: 'shared' }, 'Approved', 'ada', 'ada, logged in, in a window where notebooks’ HTML runs'],
  [{ surface: null }, 'Approved', 'ada', 'ada, logged in, in a window where notebooks’ HTML runs'],
  [{ reviewer_name: 'Ada L.' }, 'Approved', 'Ada L.', 'Ada L. (ada), logged in'],
  [{ known: 'token' }, 'Approved', 'a guest', 'a guest (the server knows its token only)'],
  [
    { known: 'anonymous', reviewer: '130596e0f3', reviewer_name: 'Anonymous Io' },
    'Approved',
    'a guest',
    'a guest (not logged in)'
  ],
  [
    { known: 'unsigned' },
    'Approved',
    'ada (unsigned)',
    'ada (unsigned: any program of this user can say so)'
  ],
  [
    { known: 'policy', by: 'policy', reviewer: 'small' },
    'Passed by policy',
    'the policy small',
    'the policy small'
  ],
  [
    { known: 'policy', by: 'policy', reviewer: 'policy:embargo', action: 'reject' },
    'Blocked by policy',
    'the policy embargo',
    'the policy embargo'
  ],
  [{ known: 'deadline', by: 'deadline' }, 'Approved by the deadline', 'the deadline', 'the deadline'],
  [
    { known: 'script', by: 'script', reviewer: 'a\u202eb.json' },
    'Approved by a script',
    'the script a⟨U+202E⟩b.json',
    'the script a⟨U+202E⟩b.json'
  ]
])('a decided card says what was decided, by whom, and how that is known: %j', (over, word, name, known) => {
  const container = show(new Model(proposal({ status: 'decided', decision: { ...decided, ...over } })));
  expect(container.querySelector('.jp-hitl-state')!.textContent).toBe(word);
  const by = container.querySelector('.jp-hitl-decided-by [title]')!;
  expect([by.textContent, by.getAttribute('title')]).toEqual([name, known]);
});

test.each<IDecision['known']>(['login', 'token', 'anonymous'])(
  'what this person decided says You, also if the server knows: %s',
  known => {
    host = { ...makeHost(), status: { user: { username: 'ada', display_name: 'Anonymous Io' } } } as IHost;
    const own = show(new Model(proposal({ status: 'decided', decision: { ...decided, known } })));
    expect(own.querySelector('.jp-hitl-decided-by [title]')!.textContent).toBe('You');
    cleanup();
    const unsigned = { ...decided, known: 'unsigned' as const }; // anybody can write this name
    const other = show(new Model(proposal({ status: 'decided', decision: unsigned })));
    expect(other.querySelector('.jp-hitl-decided-by [title]')!.textContent).toBe('ada (unsigned)');
    host = makeHost();
  }
);

test('the kinds of decisions have different words, icons and frames', () => {
  const kinds = (['approve', 'edit', 'reject', 'respond'] as const).map(action => {
    const decision = { ...decided, action, value: 'pay 9' };
    const container = show(new Model(proposal({ status: 'decided', decision })));
    const card = container.querySelector<HTMLElement>('.jp-hitl-decided')!;
    const found = [
      card.querySelector('.jp-hitl-state')!.textContent,
      card.querySelector('.jp-hitl-badge path')!.getAttribute('d'),
      card.dataset.kind
    ];
    cleanup();
    return found;
  });
  expect(kinds.map(([word]) => word)).toEqual(['Approved', 'Approved with edits', 'Rejected', 'Answered']);
  for (const i of [0, 1, 2]) {
    expect(new Set(kinds.map(kind => kind[i])).size).toBe(4);
  }
});

test('a decided card is folded, and shows the whole proposal when asked', () => {
  show(new Model(proposal({ status: 'decided', decision: decided, context: 'the reason' })));
  expect(screen.queryByText('the reason')).toBeNull();
  fireEvent.click(screen.getByRole('button', { name: 'Show the details' }));
  screen.getByText('the reason');
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
    expect(alert.textContent).toContain(
      'This changed while you were deciding. Look at it again; nothing was decided.'
    );
    const sides = [...alert.querySelectorAll('.cm-content')].map(one => one.textContent);
    expect(sides).toEqual(['pay 10', 'pay 99⟨U+202E⟩']);
  });

  test('says who decided what', () => {
    const now = proposal({
      status: 'decided',
      decision: { ...decided, action: 'reject', reason: 'too much' }
    });
    const model = new Model(now);
    model.conflict = { shown: proposal(), now, refusedAt: Date.parse(decided.decided_at) + 3000 };
    show(model);
    const alert = screen.getByRole('alert');
    expect(alert.textContent).toContain('ada decided this 3 s before you: rejected.');
    expect(alert.textContent).toContain('Reason: too much');
    expect(alert.textContent).toContain('The text of the proposal is the same.');
    expect(alert.querySelector('.cm-content')).toBeNull();
  });

  test('names edits that somebody else’s decision did not use, and they can be seen and copied', async () => {
    const copied: string[] = [];
    const writeText = async (text: string): Promise<void> => void copied.push(text);
    Object.defineProperty(navigator, 'clipboard', { value: { writeText }, configurable: true });
    const now = proposal({ status: 'decided', decision: { ...decided, action: 'reject' } });
    const model = new Model(now);
    const draft = { shown: 'pay 11', now: 'pay 10' };
    model.conflict = { shown: proposal(), now, draft };
    const shown = show(model);
    const notice = screen.getByRole('status');
    expect(notice.textContent).toContain('rejected this while you were typing. Your 1 change was not used.');
    fireEvent.click(screen.getByRole('button', { name: 'Show them' }));
    expect([...shown.querySelectorAll('.cm-content')].map(one => one.textContent)).toEqual([
      'pay 11',
      'pay 10'
    ]);
    fireEvent.click(screen.getByRole('button', { name: 'Copy them' }));
    await screen.findByRole('button', { name: 'Copied' });
    expect(copied).toEqual(['pay 11']);
  });

  test('names the reason, the answer and the comment that were not sent when somebody else decided', async () => {
    const copied: string[] = [];
    const writeText = async (text: string): Promise<void> => void copied.push(text);
    Object.defineProperty(navigator, 'clipboard', { value: { writeText }, configurable: true });
    const allow: IProposal['allow'] = ['approve', 'reject', 'respond'];
    const model = new Model(proposal({ id: 'typed', allow, comments: [] }));
    const container = show(model);
    const write = (button: string, text: string): void => {
      fireEvent.click(screen.getByText(button));
      fireEvent.change(container.querySelector('[role=dialog] textarea')!, { target: { value: text } });
      fireEvent.click(screen.getByText('Cancel'));
    };
    write('Reject…', 'too much');
    write('Answer…', 'ask Cy first');
    fireEvent.click(screen.getByLabelText('Comments: none open'));
    fireEvent.change(screen.getByLabelText('Your comment'), { target: { value: 'why 10?\u202e' } });
    act(() => {
      const decision: IDecision = { ...decided, reviewer: 'bo', reviewer_name: 'Bo' };
      model.proposal = { ...model.proposal, status: 'decided', decision };
      model.changed.emit();
    });
    const notice = container.querySelector('.jp-hitl-alert')!;
    expect(notice.textContent).toContain('Bo approved this while you were typing.');
    expect(notice.textContent).toContain('Your reason, answer and comment were not sent.');
    fireEvent.click(screen.getByText('Show them'));
    const texts = [...container.querySelectorAll('.jp-hitl-unsent dd')].map(one => one.textContent);
    expect(texts).toEqual(['too much', 'ask Cy first', 'why 10?⟨U+202E⟩']);
    fireEvent.click(screen.getByText('Copy them'));
    await screen.findByText('Copied');
    expect(copied[0]).toContain('too much');
    expect(copied[0]).toContain('ask Cy first');
    fireEvent.click(screen.getByLabelText('Drop them'));
    expect(container.querySelector('.jp-hitl-alert')).toBeNull();
  });

  test('does not take what was typed when the card is drawn again', () => {
    const model = new Model(proposal({ id: 'again', comments: [] }));
    show(model);
    fireEvent.click(screen.getByText('Reject…'));
    fireEvent.change(document.querySelector('[role=dialog]')!.querySelector('textarea')!, {
      target: { value: 'too much' }
    });
    fireEvent.click(screen.getByLabelText('Comments: none open'));
    fireEvent.change(screen.getByLabelText('Your comment'), { target: { value: 'why 10?' } });
    cleanup();
    show(new Model(proposal({ id: 'again', comments: [] })));
    expect(screen.getByLabelText<HTMLTextAreaElement>('Your comment').value).toBe('why 10?');
    fireEvent.click(screen.getByText('Reject…'));
    expect(document.querySelector('[role=dialog]')!.querySelector('textarea')!.value).toBe('too much');
  });

  test('in which nothing differs is only the problem', () => {
    const model = new Model(proposal());
    model.conflict = { shown: proposal(), now: proposal() };
    model.problem = 'the run is cancelled';
    show(model);
    expect(screen.getByRole('alert').textContent).toBe('the run is cancelled');
  });
});

describe('the views of a value', () => {
  test('are chosen once there are changes, and the choice is remembered for the kind', () => {
    const model = new Model(proposal());
    show(model);
    expect(screen.queryByRole('group', { name: 'Show' })).toBeNull();
    act(() => model.edit('pay 9'));
    screen.getByText('1 change');
    fireEvent.click(screen.getByRole('button', { name: 'Changes' }));
    const changes = screen.getByRole('region', { name: 'Changes to the agent’s version' });
    expect([changes.querySelector('del')!.textContent, changes.querySelector('ins')!.textContent]).toEqual([
      expect.stringContaining('10'),
      expect.stringContaining('9')
    ]);
    cleanup();
    const other = new Model(proposal({ id: 'p2' }));
    other.draft.edit('pay 8');
    show(other);
    expect(screen.getByRole('button', { name: 'Changes' }).getAttribute('aria-pressed')).toBe('true');
    fireEvent.click(screen.getByRole('button', { name: 'Edit' }));
  });

  test('the agent’s version is taken back as a whole', () => {
    const model = new Model(proposal());
    show(model);
    act(() => model.edit('pay 9'));
    fireEvent.click(screen.getByRole('button', { name: 'Take all back' }));
    expect(model.value).toBe('pay 10');
  });
});

test('a printed decided card is unfolded, and its evidence too, even if it was hidden', () => {
  localStorage.setItem('hitl-nb:evidence:refunds', 'hidden');
  const shown = proposal({
    status: 'decided',
    decision: decided,
    agent: 'refunds',
    context: { order: '40215' }
  });
  const container = show(new Model(shown));
  expect(container.querySelector('.jp-hitl-card')).toBeNull();
  act(() => void window.dispatchEvent(new Event('beforeprint')));
  screen.getByText('40215');
  act(() => void window.dispatchEvent(new Event('afterprint')));
  expect(container.querySelector('.jp-hitl-card')).toBeNull();
  localStorage.clear();
});

describe('the number of changes says whose they are', () => {
  test('by the people whom the server names, and who are at the draft', () => {
    const model = new Model(
      proposal({ kind: 'choice', value: 'yes', options: ['yes', 'no'], edited_by: ['Bo'] })
    );
    show(model);
    act(() => model.edit('no'));
    screen.getByText('1 change by Bo');
    const cy = { client: 7, name: 'Cy\u202e', me: false };
    jest.spyOn(model.draft, 'findPerson').mockImplementation(client => (client === 7 ? (cy as never) : null));
    const change = { value: true, remote: true, peers: [7] };
    act(() => (model.draft.changed as Signal<SharedDraft, typeof change>).emit(change));
    screen.getByText('1 change by Cy⟨U+202E⟩ and Bo');
  });

  test('by this person', () => {
    const model = Object.assign(
      new Model(proposal({ kind: 'choice', value: 'yes', options: ['yes', 'no'] })),
      {
        canUndo: true
      }
    );
    show(model);
    act(() => model.edit('no'));
    screen.getByText('1 change by you');
  });
});

describe('without changes a value is always in its editor', () => {
  const choice = (): Model => new Model(proposal({ kind: 'choice', value: 'yes', options: ['yes', 'no'] }));
  afterEach(() => localStorage.clear());

  test('if the read-only version was chosen for its kind before, and while it is edited', () => {
    localStorage.setItem('hitl-nb:view-choice', 'original');
    const model = choice();
    const container = show(model);
    expect(container.querySelector('[hidden] input')).toBeNull();
    act(() => screen.getByRole('radio', { name: 'no' }).focus());
    act(() => model.edit('no'));
    expect(screen.getByRole('button', { name: 'Edit' }).getAttribute('aria-pressed')).toBe('true');
  });

  test('if all is taken back in the read-only version', () => {
    const model = choice();
    const container = show(model);
    act(() => model.edit('no'));
    fireEvent.click(screen.getByRole('button', { name: 'Original' }));
    fireEvent.click(screen.getByRole('button', { name: 'Take all back' }));
    expect(container.querySelector('[hidden] input')).toBeNull();
    expect(screen.getAllByRole('radio')).toHaveLength(2);
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
    fireEvent.click(screen.getByRole('button', { name: 'Take all back' }));
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
    const approve = screen.getByRole('button', { name: 'Approve with edits' });
    expect(approve.getAttribute('aria-disabled')).toBe('true');
    expect(document.getElementById(approve.getAttribute('aria-describedby')!)!.textContent).toBe(
      'The text is not a valid value yet.'
    );
  });
});

describe('the decision bar', () => {
  const button = (name: string | RegExp): HTMLElement => screen.getByRole('button', { name });

  function showDeciding(over: Partial<IProposal> = {}) {
    const decide = jest.fn(async () => true);
    const model = Object.assign(new Model(proposal(over)), { decide });
    show(model);
    return { model, decide };
  }

  test('asks for the reason of a rejection, offers the author’s reasons, and keeps what was typed', async () => {
    const { decide } = showDeciding({ reasons: ['too early', 'wrong\u202e'] });
    fireEvent.click(button(/^Reject…/));
    const dialog = within(screen.getByRole('dialog', { name: 'Reject “Refund”' }));
    const field = dialog.getByLabelText('Why? The agent continues with what you write.');
    expect(document.activeElement).toBe(field);
    dialog.getByRole('button', { name: 'wrong⟨U+202E⟩' });
    fireEvent.click(dialog.getByRole('button', { name: 'too early' }));
    fireEvent.keyDown(field, { key: 'Escape' });
    expect(screen.queryByRole('dialog')).toBeNull();
    expect(document.activeElement).toBe(button(/^Reject…/));
    fireEvent.click(button(/^Reject…/));
    expect((screen.getByLabelText(/^Why/) as HTMLTextAreaElement).value).toBe('too early');
    await act(async () => fireEvent.keyDown(screen.getByLabelText(/^Why/), { key: 'Enter', ctrlKey: true }));
    expect(decide.mock.calls).toEqual([['reject', { reason: 'too early' }]]);
  });

  test('sends no empty answer', async () => {
    const { decide } = showDeciding({ allow: ['approve', 'respond'] });
    expect(screen.queryByRole('button', { name: /^Reject/ })).toBeNull();
    fireEvent.click(button(/^Answer…/));
    const send = button('Answer');
    await act(async () => fireEvent.click(send));
    expect(decide).not.toHaveBeenCalled();
    fireEvent.change(screen.getByLabelText(/in place of a decision/), { target: { value: 'Leipzig' } });
    await act(async () => fireEvent.click(send));
    expect(decide.mock.calls).toEqual([['respond', { message: 'Leipzig' }]]);
  });

  test('names what the agent’s version leaves out', async () => {
    const { model, decide } = showDeciding();
    act(() => model.edit('pay 9'));
    fireEvent.click(button('More ways to approve'));
    screen.getByText('Leaves out your 1 change');
    fireEvent.click(screen.getByRole('menuitem', { name: /^Approve the agent’s version…/ }));
    screen.getByText('Your 1 change stays in the history, the agent does not get it.');
    await act(async () => fireEvent.click(button('Approve the agent’s version')));
    expect(decide.mock.calls).toEqual([['approve', { reason: undefined, withoutDraft: true }]]);
  });

  test('asks before an approval while a suggestion is open', async () => {
    const suggestion = { ...blank, id: 's1', quote: 'pay', suggestion: 'send', text: '' };
    const { decide } = showDeciding({ comments: [suggestion] });
    await act(async () => fireEvent.click(button('Approve')));
    expect(decide).not.toHaveBeenCalled();
    screen.getByRole('dialog', { name: '1 suggestion is open' });
    await act(async () => fireEvent.click(button('Approve without them')));
    expect(decide.mock.calls).toEqual([['approve', { reason: undefined }]]);
  });

  test('says when the agent takes no changes', () => {
    const { model } = showDeciding({ allow: ['approve', 'reject'] });
    act(() => model.edit('pay 9'));
    screen.getByText('The agent takes no changes: take them back, or reject.');
  });
});

test('a card without its cell has one filled button: it puts the cell back', () => {
  const model = new Model(proposal({ path: 'n.ipynb', agent: 'refunds' }));
  Object.assign(model, { run: { id: 'r', status: 'waiting', pauses: 1 } });
  const actions = { trouble: 'cell-gone', where: '', busy: false, problem: '', kernelAlive: false };
  const listFilled = (more: object): (string | null)[] => {
    const runActions = () => ({ ...actions, ...more });
    const here = { ...host, runActions } as unknown as IHost;
    const { container } = render(<ProposalCard model={model as unknown as IProposalModel} host={here} />);
    return [...container.querySelectorAll('.jp-mod-primary:not(.jp-mod-icon)')].map(one => one.textContent);
  };
  expect(listFilled({ restoreCell: async () => undefined })).toEqual(['Put the cell back']);
  cleanup();
  expect(listFilled({})).toEqual(['Approve']);
});

test('undo by the keys of the card removes unfinished text from the screen too', () => {
  const model = Object.assign(new Model(proposal()), {
    undo(this: Model) {
      this.invalidReason = '';
    }
  });
  const container = show(model);
  act(() => model.cannotEdit('pay', 'no amount'));
  const before = editors.length;
  fireEvent.keyDown(container.querySelector('article')!, { key: 'z', ctrlKey: true });
  expect(editors.length).toBe(before + 1);
});

const AMOUNT: Partial<IProposal> = {
  schema: { properties: { amount: { title: 'Amount' } } },
  value: { amount: 1 }
};

test.each<[IProposal['kind'], Partial<IProposal>, string, string]>([
  ['plan', { value: ['pack', 'send'] }, '1', 'Step 2: must be longer'],
  ['plan', { value: ['pack', { to: 'Bo' }] }, '1/to', 'Step 2, to: must be longer'],
  ['json', AMOUNT, 'amount', 'Amount: must be longer'],
  ['json', { value: [{ id: 'a' }] }, '0/id', '[0].id: must be longer'],
  ['tool_call', { value: { name: 'pay', arguments: { to: [1] } } }, 'arguments/to/0', 'to[0]: must be longer']
])('the bar names the place of a message as the editor does: %s %j', (kind, over, path, text) => {
  const model = new Model(proposal({ kind, ...over }));
  model.fields = { [path]: 'must be longer' };
  show(model);
  expect(screen.getByRole('button', { name: 'Go there' }).closest('[role]')!.textContent).toContain(text);
  expect(screen.getAllByText('1 field must be fixed first.')).toHaveLength(1); // beside the buttons
});

test('an object without a model is called JSON, one with a model by its name', () => {
  const value = { amount: 1 };
  const view = show(new Model(proposal({ kind: 'json', value, type_name: 'dict' })));
  expect(view.querySelector('.jp-hitl-origin')!.textContent).toBe('JSON');
  cleanup();
  const named = show(new Model(proposal({ kind: 'json', value, type_name: 'Refund' })));
  expect(named.querySelector('.jp-hitl-origin')!.textContent).toBe('Refund');
});

test('what must be fixed is gone to from the other views of the value too', () => {
  const model = new Model(proposal({ kind: 'choice', value: 'yes', options: ['yes', 'no'] }));
  const container = show(model);
  act(() => model.edit('no'));
  fireEvent.click(screen.getByRole('button', { name: 'Original' }));
  const field = container.querySelector<HTMLElement>('[hidden] input')!;
  expect(field).not.toBeNull();
  model.fields = { '': 'too late' };
  act(() => model.changed.emit());
  fireEvent.click(screen.getByRole('button', { name: 'Go there' }));
  expect(document.activeElement).toBe(field);
  expect(field.closest('[hidden]')).toBeNull();
  expect(screen.getByRole('button', { name: 'Edit' }).getAttribute('aria-pressed')).toBe('true');
  localStorage.clear();
});
