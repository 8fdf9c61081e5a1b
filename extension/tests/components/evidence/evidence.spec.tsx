/**
 * Evidence as it is drawn: every kind of block, what is clipped and hidden, and hostile content.
 */

import { act, fireEvent, render, screen, waitFor, within } from '@testing-library/react';
import { nullTranslator } from '@jupyterlab/translation';
import type { IEvidenceBlock, IProposal, Json } from '../../../src/api/types';
import { Evidence } from '../../../src/components/evidence/evidence';
import type { IHost } from '../../../src/components/host';

const SHA = 'a'.repeat(64);
const SVG = '<svg xmlns="http://www.w3.org/2000/svg"><script>window.evidenceRan = 1</script></svg>';

function draw(evidence: IEvidenceBlock[] | undefined, more: Partial<IProposal> = {}, picture?: Blob | Error) {
  const getPicture = jest.fn(() =>
    picture instanceof Error ? Promise.reject(picture) : Promise.resolve(picture as Blob)
  );
  const host = { trans: nullTranslator.load('hitl_nb'), client: { getPicture } } as unknown as IHost;
  const proposal = { id: 'p', agent: 'refunds', context: null, evidence, ...more } as IProposal;
  return { ...render(<Evidence proposal={proposal} host={host} />), getPicture };
}

function table(rows: number, columns: number): IEvidenceBlock {
  return {
    type: 'table',
    name: 'orders',
    columns: Array.from({ length: columns }, (_, i) => ({ name: `c${i}`, numeric: i === 0 })),
    rows: Array.from({ length: rows }, (_, i) =>
      Array.from({ length: columns }, (_, j) => (i === 1 ? null : `${i}.${j}`))
    ),
    total_rows: 10_000,
    total_columns: 300
  };
}

beforeAll(() => {
  // jsdom has neither; a browser closes a dialog by Escape and then emits "close"
  HTMLDialogElement.prototype.showModal = function () {
    this.open = true;
  };
  HTMLDialogElement.prototype.close = function () {
    this.open = false;
  };
});

beforeEach(() => window.localStorage.clear());

afterEach(() => jest.restoreAllMocks());

test('a proposal without context has no evidence', () => {
  expect(draw([]).container.innerHTML).toBe('');
});

test('facts and links come first, in one list, whatever their place', () => {
  draw([
    { type: 'markdown', name: 'summary', text: '*Hi*' },
    { type: 'fact', name: 'customer', value: 'Ann' },
    { type: 'fact', name: 'phone', value: null },
    { type: 'link', name: 'receipt', url: 'https://shop.example/r', text: 'Receipt', host: 'shop.example' }
  ]);
  const section = screen.getByRole('region', { name: 'Evidence' });
  const terms = within(section).getAllByRole('term');
  expect(terms.map(one => one.textContent)).toEqual(['customer', 'phone', 'receipt']);
  expect(
    within(section)
      .getAllByRole('definition')
      .map(one => one.textContent)
  ).toEqual(['Ann', 'none', 'Receipt (shop.example)']);
  const link = screen.getByRole('link', { name: 'Receipt' });
  expect(link.getAttribute('rel')).toBe('noopener noreferrer nofollow');
  expect(link.getAttribute('target')).toBe('_blank');
  expect(screen.getByText('Hi').tagName).toBe('EM');
});

test.each(['javascript:alert(1)', 'data:text/html,x', '//evil.example', 'https:///x', 'file:///etc/passwd'])(
  'an address that is not of the web is text: %s',
  url => {
    draw([{ type: 'link', name: 'x', url, text: 'Press', host: 'evil' }]);
    expect(screen.queryByRole('link')).toBeNull();
    expect(screen.getByRole('definition').textContent).toBe(`Press (${url})`);
  }
);

test('hidden characters are spelled out, and HTML is text', () => {
  const { container } = draw([
    { type: 'fact', name: 'na\u202eme', value: '<img src=x onerror=alert(1)>\u200b' },
    { type: 'markdown', name: 'm', text: '<script>1</script> a\u202eb' },
    { type: 'tree', name: 't', value: { 'k\u202e': 'v\u202e<b>' } },
    { type: 'diff', name: 'd', before: 'one\u202e', after: 'two<b>' },
    { ...table(1, 1), name: 't\u202e' } as IEvidenceBlock,
    { type: 'link', name: 'l', url: 'https://a.example', text: 'a\u202eb', host: 'a.example' }
  ]);
  expect(container.textContent).not.toMatch(/[\u202e\u200b]/);
  expect(container.querySelectorAll('script, img, b')).toHaveLength(0);
  expect(container.textContent).toContain('na⟨U+202E⟩me');
});

test('a table shows its first rows and its size, and opens large', () => {
  const { container } = draw([table(200, 40)]);
  expect(screen.getByText('5 of 10,000 rows')).toBeTruthy();
  expect(container.querySelectorAll('tbody tr')).toHaveLength(5);
  expect(container.querySelectorAll('thead th')).toHaveLength(8);
  expect(container.querySelectorAll('thead th.jp-mod-number')).toHaveLength(1);
  expect(container.querySelectorAll('tbody tr')[1].textContent).toBe('–'.repeat(8));
  const button = screen.getByRole('button', { name: 'Open' });
  act(() => button.focus());
  fireEvent.click(button);
  const dialog = screen.getByRole('dialog', { name: 'orders' });
  expect(within(dialog).getByText('200 of 10,000 rows, 40 of 300 columns')).toBeTruthy();
  expect(dialog.querySelectorAll('tbody tr')).toHaveLength(200);
  fireEvent(dialog, new Event('close')); // as after Escape
  expect(screen.queryByRole('dialog')).toBeNull();
  expect(document.activeElement).toBe(button);
});

test('no key of a large view reaches the notebook', () => {
  const { container } = draw([table(200, 40)]);
  fireEvent.click(screen.getByRole('button', { name: 'Open' }));
  const heard = jest.fn();
  container.parentElement!.addEventListener('keydown', heard);
  fireEvent.keyDown(screen.getByRole('button', { name: 'Close' }), { key: 'x' });
  expect(heard).not.toHaveBeenCalled();
});

test('a small table has no Open', () => {
  draw([{ ...table(3, 2), total_rows: 3, total_columns: 2 } as IEvidenceBlock]);
  expect(screen.getByText('3 rows')).toBeTruthy();
  expect(screen.queryByRole('button', { name: 'Open' })).toBeNull();
});

test('a picture is loaded through the client, drawn by an img, and opens large', async () => {
  const picture = new Blob([SVG], { type: 'image/svg+xml' });
  const block: IEvidenceBlock = {
    ...{ type: 'chart', name: 'plot', sha256: SHA, media_type: 'image/svg+xml', alt: 'Refunds rise' },
    ...{ reduced_from: '8000 x 6000' }
  };
  const { container, getPicture } = draw([block], {}, picture);
  const image = await screen.findByRole('img', { name: 'Refunds rise' });
  expect(getPicture).toHaveBeenCalledWith('p', SHA);
  expect(image.getAttribute('src')).toMatch(/^data:image\/svg\+xml;base64,/);
  expect(container.querySelectorAll('object, embed, iframe, script')).toHaveLength(0);
  expect(window).not.toHaveProperty('evidenceRan');
  expect(screen.getByText('Reduced from 8000 x 6000 pixels')).toBeTruthy();
  fireEvent.click(screen.getByRole('button', { name: 'Open large: Refunds rise' }));
  expect(within(screen.getByRole('dialog', { name: 'plot' })).getByRole('img')).toBeTruthy();
});

test.each([
  ['that is not there', new Error('404')],
  ['of another type', new Blob(['<b>x</b>'], { type: 'text/html' })]
])('a picture %s is replaced by its description', async (_, picture) => {
  draw(
    [{ type: 'image', name: 'scan', sha256: SHA, media_type: 'image/png', alt: 'A receipt' }],
    {},
    picture
  );
  await waitFor(() => expect(screen.getByText(/The picture cannot be shown\. A receipt/)).toBeTruthy());
  expect(screen.queryByRole('img')).toBeNull();
});

test('pictures are folded in a window as narrow as a phone, and other blocks are not', async () => {
  const before = globalThis.matchMedia;
  globalThis.matchMedia = query => ({ ...before(query), matches: query === '(width <= 600px)' });
  const { container } = draw(
    [
      { type: 'image', name: 'scan', sha256: SHA, media_type: 'image/png', alt: 'A receipt' },
      { type: 'markdown', name: 'note', text: 'Hi' }
    ],
    {},
    new Blob(['PNG'], { type: 'image/png' })
  );
  globalThis.matchMedia = before;
  const [folded, ...others] = container.querySelectorAll('details');
  expect([folded.open, others.length]).toEqual([false, 0]);
  await within(folded).findByRole('img', { name: 'A receipt', hidden: true });
  expect(screen.getByText('Hi').closest('details')).toBeNull();
});

test('a picture that the browser cannot decode is replaced by its description', async () => {
  const picture = new Blob(['no picture'], { type: 'image/png' });
  draw([{ type: 'image', name: 'scan', sha256: SHA, media_type: 'image/png', alt: '' }], {}, picture);
  fireEvent.error(await screen.findByRole('img'));
  expect(screen.getByText(/The picture cannot be shown\. scan/)).toBeTruthy();
});

test('changes are marked, and what was cut says so', () => {
  const { container } = draw([
    { type: 'diff', name: 'letter', before: 'Dear Ann', after: 'Dear Bo', cut: true }
  ]);
  expect(container.querySelector('del')!.textContent).toContain('Ann');
  expect(container.querySelector('ins')!.textContent).toContain('Bo');
  expect(screen.getByText('cut')).toBeTruthy();
});

test('a tree has two levels open, and the others are not in the page until they are opened', () => {
  const value: Json = { order: { lines: [{ sku: 'A1' }], total: 9.5 }, empty: [], none: null };
  const { container } = draw([{ type: 'tree', name: 'raw', value }]);
  expect(screen.getByText('9.5')).toBeTruthy();
  expect(container.textContent).not.toContain('A1');
  fireEvent.click(screen.getByRole('button', { name: /lines/, expanded: false }));
  fireEvent.click(screen.getByRole('button', { name: /^▸ 1 1|1/, expanded: false }));
  expect(screen.getByText('A1')).toBeTruthy();
});

test('a long list is shown in parts', () => {
  const { container } = draw([
    { type: 'tree', name: 'raw', value: Array.from({ length: 120 }, (_, i) => i) }
  ]);
  expect(container.querySelectorAll('li')).toHaveLength(51);
  fireEvent.click(screen.getByRole('button', { name: 'Show 70 more' }));
  expect(container.querySelectorAll('li')).toHaveLength(120);
});

test('hidden evidence is remembered for its agent', () => {
  const first = draw([{ type: 'fact', name: 'customer', value: 'Ann' }]);
  const button = screen.getByRole('button', { name: 'Hide', expanded: true });
  fireEvent.click(button);
  expect(screen.queryByText('Ann')).toBeNull();
  expect(button.textContent).toBe('Show');
  first.unmount();
  const second = draw([{ type: 'fact', name: 'customer', value: 'Bo' }]);
  expect(screen.queryByText('Bo')).toBeNull();
  second.unmount();
  draw([{ type: 'fact', name: 'customer', value: 'Cy' }], { agent: 'letters' });
  expect(screen.getByText('Cy')).toBeTruthy();
});

test('a browser without storage shows the evidence', () => {
  jest.spyOn(Storage.prototype, 'getItem').mockImplementation(() => {
    throw new Error('storage is forbidden');
  });
  draw([{ type: 'fact', name: 'customer', value: 'Ann' }]);
  expect(screen.getByText('Ann')).toBeTruthy();
});

test('high evidence is clipped until all of it is wanted, or something in it has the focus', () => {
  jest.spyOn(HTMLElement.prototype, 'offsetHeight', 'get').mockReturnValue(900);
  const link: IEvidenceBlock = {
    ...{ type: 'link', name: 'r', url: 'https://a.example', text: 'Receipt', host: 'a.example' }
  };
  const first = draw([link]);
  expect(first.container.querySelector('[data-clipped]')).not.toBeNull();
  fireEvent.click(screen.getByRole('button', { name: 'Show all' }));
  expect(first.container.querySelector('[data-clipped]')).toBeNull();
  expect(screen.queryByRole('button', { name: 'Show all' })).toBeNull();
  first.unmount();
  const second = draw([link]);
  act(() => screen.getByRole('link').focus());
  expect(second.container.querySelector('[data-clipped]')).toBeNull();
});

test('a server without evidence blocks: they are made of the context', () => {
  const first = draw(undefined, { context: { who: 'Ann', lines: [1, 2], none: null } });
  expect(screen.getAllByRole('definition').map(one => one.textContent)).toEqual(['Ann', '[1,2]', 'none']);
  first.unmount();
  draw(undefined, { context: 'See *this*' });
  expect(screen.getByText('this').tagName).toBe('EM');
});
