/**
 * Nested JSON that people unfold. Two levels are open at first; closed parts are not in the page.
 */

import { useState } from 'react';
import type { Json } from '../../api/types';
import { showHiddenCharacters } from '../../text/hidden-characters';
import type { IHost } from '../host';

/** Number of levels that are open at first. */
const OPEN_LEVELS = 2;

/** Number of items of one list or object that are shown at once. */
const PAGE_SIZE = 50;

interface IProps {
  value: Json;
  host: IHost;
  level?: number;
}

/** A tree of JSON. */
export function JsonTree({ value, host, level = 0 }: IProps): JSX.Element {
  const [count, setCount] = useState(PAGE_SIZE);
  const items = listItems(value);
  if (items === null) {
    return <Leaf value={value} />;
  }
  if (items.length === 0) {
    return <span className="jp-hitl-muted">{Array.isArray(value) ? '[ ]' : '{ }'}</span>;
  }
  const more = items.length - count;
  return (
    <ul className="jp-hitl-tree">
      {items.slice(0, count).map(([name, item]) => (
        <Branch key={name} name={name} value={item} level={level} host={host} />
      ))}
      {more > 0 && (
        <li>
          <button type="button" className="jp-hitl-link" onClick={() => setCount(count + 10 * PAGE_SIZE)}>
            {host.trans._n('Show %1 more', 'Show %1 more', more)}
          </button>
        </li>
      )}
    </ul>
  );
}

function Branch(props: { name: string; value: Json; level: number; host: IHost }): JSX.Element {
  const { name, value, level, host } = props;
  const [open, setOpen] = useState(level + 1 < OPEN_LEVELS);
  const items = listItems(value);
  const label = showHiddenCharacters(name);
  if (items === null || items.length === 0) {
    return (
      <li>
        <span className="jp-hitl-tree-name">{label}</span> <JsonTree value={value} host={host} />
      </li>
    );
  }
  return (
    <li>
      <button
        type="button"
        className="jp-hitl-tree-toggle"
        aria-expanded={open}
        onClick={() => setOpen(!open)}
      >
        <span aria-hidden="true">{open ? '▾' : '▸'}</span> <span className="jp-hitl-tree-name">{label}</span>{' '}
        <span className="jp-hitl-muted">{items.length}</span>
      </button>
      {open && <JsonTree value={value} host={host} level={level + 1} />}
    </li>
  );
}

function Leaf({ value }: { value: Json }): JSX.Element {
  return typeof value === 'string' ? (
    <span className="jp-hitl-tree-text">{showHiddenCharacters(value)}</span>
  ) : (
    <span className="jp-hitl-mono">{JSON.stringify(value)}</span>
  );
}

/** Return the parts of a list or an object with their names; null for any other value. Items count from 1. */
function listItems(value: Json): [string, Json][] | null {
  if (Array.isArray(value)) {
    return value.map((item, i) => [String(i + 1), item]);
  }
  return typeof value === 'object' && value !== null ? Object.entries(value) : null;
}
