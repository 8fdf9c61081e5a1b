/**
 * Markdown of agents and people as React elements. Only elements of a fixed list are drawn, nothing is loaded from
 * other sites, HTML stays text, and unknown attributes are dropped. Hidden characters are spelled out before parsing
 * and again after it, since an entity can produce one. Markdown that cannot be drawn is shown as plain text.
 */

import { useMemo } from 'react';
import Renderer, { type Components } from 'react-markdown';
import remarkGfm from 'remark-gfm';
import { showHiddenCharacters } from '../text/hidden-characters';

/**
 * Longer texts, or texts with more marks, are shown as plain text. Parsing time grows with the square of the open
 * marks, and blocks the page.
 */
const MAX_CHARS = 20_000;
const MAX_MARKS = 2_000;
const MAX_DEPTH = 60;

const MARK_PATTERN = /[*_~`[<>&]|[-+.)]\s/g;

const ELEMENTS = [
  ...['p', 'br', 'hr', 'h1', 'h2', 'h3', 'h4', 'h5', 'h6', 'blockquote', 'ul', 'ol', 'li', 'input'],
  ...['pre', 'code', 'em', 'strong', 'del', 'sup', 'a', 'table', 'thead', 'tbody', 'tr', 'th', 'td']
];

/** The fields of a syntax tree's node that are used here. */
interface ISyntaxNode {
  type: string;
  value?: string;
  tagName?: string;
  properties?: { [name: string]: unknown };
  children?: ISyntaxNode[];
}

/** Draws Markdown, or its plain text if it cannot be drawn safely. */
export function Markdown({ text }: { text: string }): JSX.Element {
  const content = useMemo(() => renderMarkdown(text), [text]);
  return <div className="jp-hitl-markdown">{content}</div>;
}

function renderMarkdown(text: string): JSX.Element {
  const source = showHiddenCharacters(text);
  if (source.length <= MAX_CHARS && (source.match(MARK_PATTERN)?.length ?? 0) <= MAX_MARKS) {
    try {
      // Called as a plain function, since it has no hooks. Its errors are caught here, so the card is still drawn.
      return Renderer({
        children: source,
        remarkPlugins: [remarkGfm],
        rehypePlugins: [makeSanitizer],
        allowedElements: ELEMENTS,
        unwrapDisallowed: true,
        urlTransform: url => url,
        components: COMPONENTS
      });
    } catch {
      // nested too deeply
    }
  }
  return <pre>{source}</pre>;
}

const COMPONENTS: Components = {
  a: ({ href, children }) => (
    <a
      href={href}
      title={showHiddenCharacters(href ?? '')}
      rel="noopener noreferrer nofollow"
      target="_blank"
    >
      {children}
    </a>
  )
};

function makeSanitizer(): (tree: ISyntaxNode) => void {
  return tree => sanitizeNode(tree, 0);
}

/** Remove everything from the tree that must not be shown. */
function sanitizeNode(node: ISyntaxNode, depth: number): void {
  if (depth > MAX_DEPTH) {
    throw new Error('nested too deep');
  }
  const made: ISyntaxNode[] = [];
  for (const child of node.children ?? []) {
    sanitizeNode(child, depth + 1);
    if (child.type === 'text' || child.type === 'raw') {
      const after = made[made.length - 1];
      const text = showHiddenCharacters(child.value ?? '');
      // The parser adds a newline after a break; one of the two is enough.
      made.push({ type: 'text', value: after?.tagName === 'br' ? text.replace(/^\n/, '') : text });
    } else if (child.type === 'element') {
      made.push(...sanitizeElement(child));
    }
  }
  if (node.children) {
    node.children = made;
  }
}

function sanitizeElement(node: ISyntaxNode): ISyntaxNode[] {
  const given = node.properties ?? {};
  node.properties = {};
  switch (node.tagName) {
    case 'img':
      return [{ type: 'text', value: `[image: ${showHiddenCharacters(String(given.alt ?? ''))}]` }];
    case 'a': {
      const address = String(given.href ?? '');
      if (isSafeAddress(address)) {
        node.properties.href = address;
        return [node];
      }
      return isFootnote(address)
        ? (node.children ?? [])
        : [...(node.children ?? []), { type: 'text', value: ` (${showHiddenCharacters(address)})` }];
    }
    case 'input':
      node.properties = { type: 'checkbox', checked: given.checked === true, disabled: true };
      return [node];
    case 'ol':
      node.properties = typeof given.start === 'number' ? { start: given.start } : {};
      return [node];
    default:
      return [node];
  }
}

/** Return true for https and mailto addresses. Relative ones would lead to this server. */
function isSafeAddress(address: string): boolean {
  return /^(https:\/\/[^/\\]|mailto:.)/i.test(address) && !/[\s\p{Cc}]/u.test(address);
}

function isFootnote(address: string): boolean {
  return /^#(user-content-)?fn(ref)?-/.test(address);
}
