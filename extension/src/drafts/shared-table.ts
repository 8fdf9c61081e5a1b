/**
 * A shared table: the changes to the proposed table, in four shared maps. The same layout as in
 * `hitl_nb/drafts/shared_table.py`.
 *
 * - rows: id -> JSON of a new row's cells
 * - cells: "<id>/<column>" -> JSON of a changed cell
 * - places: id -> number, the place of a new or moved row
 * - gone: id -> true
 *
 * The proposed rows have the ids "0", "1" ..., which are also their places.
 */

import * as Y from 'yjs';
import type { ITable, Json } from '../api/types';
import type { IRemovedRow } from './draft';
import { countCommonEnds, parseLeaf, isSame } from './json-parts';

type CellValues = Json[];

/** A row of the table, and its place. Rows are sorted by place. */
interface ITableRow {
  id: string;
  row: CellValues;
  place: number;
}

/** The rows of a shared table. */
export class SharedTable {
  constructor(
    doc: Y.Doc,
    private _proposed: ITable
  ) {
    this._rows = doc.getMap('rows');
    this._cells = doc.getMap('cells');
    this._places = doc.getMap('places');
    this._gone = doc.getMap('gone');
    doc.on('update', () => {
      this._standing = null;
      this._removed = null;
    });
  }

  /** The shared maps whose changes a person can undo. */
  get scope(): Y.Map<never>[] {
    return [this._rows, this._cells, this._places, this._gone] as unknown as Y.Map<never>[];
  }

  /** List the rows in their order, with their ids. Proposed rows that nobody changed are the original objects. */
  listRows(): readonly ITableRow[] {
    this._standing ??= this._readRows();
    return this._standing;
  }

  /** List the removed rows in their order. It is the same list until something changes. */
  listRemoved(): readonly IRemovedRow[] {
    this._removed ??= this._gone.size === 0 ? [] : this._readRemoved();
    return this._removed;
  }

  /** Remove a row. It can be put back. */
  remove(id: string): void {
    this._gone.set(id, true);
  }

  /** Put a removed row back. */
  restore(id: string): void {
    this._gone.delete(id);
  }

  private _readRows(): ITableRow[] {
    const [thinned, all] = [this._gone.size > 0, this._readAllRows()]; // counting the entries of a Yjs map takes time
    return thinned ? all.filter(({ id }) => !this._gone.has(id)) : all;
  }

  /** The rows of the table and the removed ones, in their order. */
  private _readAllRows(): ITableRow[] {
    const changed = this._readChangedCells();
    const all: ITableRow[] = [];
    const moved = this._places.size > 0;
    const add = (id: string, row: CellValues, own: number): void => {
      const cells = changed.get(id);
      const place = moved ? (this._places.get(id) ?? own) : own;
      all.push({ id, place, row: cells ? row.map((cell, i) => (cells.has(i) ? cells.get(i)! : cell)) : row });
    };
    this._proposed.rows.forEach((row, i) => add(String(i), row, i));
    this._rows.forEach((text, id) => {
      const row = parseLeaf(text);
      if (Array.isArray(row)) {
        add(id, row, 0);
      }
    });
    return moved ? all.sort(compareRows) : all;
  }

  private _readRemoved(): IRemovedRow[] {
    const removed: IRemovedRow[] = [];
    let at = 0;
    for (const { id, row } of this._readAllRows()) {
      if (this._gone.has(id)) {
        removed.push({ name: id, row, at, client: this._gone._map.get(id)?.id.client ?? null });
      } else {
        at++;
      }
    }
    return removed;
  }

  /** Replace the rows by `now`, changing only the parts that differ. */
  write(now: CellValues[]): void {
    const standing = this.listRows();
    const { start, end } = countCommonEnds(
      standing.map(one => one.row),
      now
    );
    const middle = standing.slice(start, standing.length - end);
    const found = matchRows(middle, now.slice(start, now.length - end));
    const left = new Set(found);
    middle.filter(({ id }) => !left.has(id)).forEach(({ id }) => this._gone.set(id, true));
    const old = new Map(middle.map(one => [one.id, one]));
    found.forEach((id, i) => {
      if (id !== null) {
        this._changeRow(id, old.get(id)!.row, now[start + i]);
      }
    });
    if (found.some((id, i) => id !== middle[i]?.id)) {
      const then = found.map(id => (id === null ? null : old.get(id)!));
      this._arrange([...standing.slice(0, start), ...then, ...standing.slice(standing.length - end)], now);
    }
  }

  /** The changed cells, by row id and column index. */
  private _readChangedCells(): Map<string, Map<number, Json>> {
    const changed = new Map<string, Map<number, Json>>();
    this._cells.forEach((text, place) => {
      const [id, column] = place.split('/');
      const cells = changed.get(id) ?? new Map<number, Json>();
      changed.set(id, cells.set(Number(column), parseLeaf(text)));
    });
    return changed;
  }

  private _changeRow(id: string, old: CellValues, now: CellValues): void {
    now.forEach((cell, column) => {
      if (!isSame(old[column], cell)) {
        this._cells.set(`${id}/${column}`, JSON.stringify(cell));
      }
    });
  }

  /** Give new rows an id, and set the place of each row that is not in order already. */
  private _arrange(then: (ITableRow | null)[], now: CellValues[]): void {
    makeRising(then.map(one => one?.place ?? null)).forEach((place, i) => {
      const id = then[i]?.id ?? `r${crypto.getRandomValues(new Uint32Array(2)).join('x')}`;
      if (then[i] === null) {
        this._rows.set(id, JSON.stringify(now[i]));
      }
      if (place !== then[i]?.place) {
        this._places.set(id, place);
      }
    });
  }

  private _standing: ITableRow[] | null = null;
  private _removed: IRemovedRow[] | null = null;
  private _rows: Y.Map<string>;
  private _cells: Y.Map<string>;
  private _places: Y.Map<number>;
  private _gone: Y.Map<boolean>;
}

function compareRows(one: ITableRow, other: ITableRow): number {
  return one.place - other.place || (one.id < other.id ? -1 : 1);
}

/**
 * Match new rows to old ones: the id of the old row, or null for a row that was added. Equal rows match. If the rest
 * has as many old rows as new ones, they match in their order: they were edited in place.
 */
function matchRows(old: ITableRow[], now: CellValues[]): (string | null)[] {
  const equal = new Map<string, string[]>();
  for (const { id, row } of old) {
    const text = JSON.stringify(row);
    equal.set(text, [...(equal.get(text) ?? []), id]);
  }
  const found = now.map(row => equal.get(JSON.stringify(row))?.shift() ?? null);
  const others = new Set([...equal.values()].flat());
  if (others.size !== found.filter(id => id === null).length) {
    return found;
  }
  const rest = old.filter(({ id }) => others.has(id)).map(({ id }) => id);
  return found.map(id => id ?? rest.shift()!);
}

/**
 * Return rising places. Given places are kept where they rise already; the others are put between their neighbors.
 */
function makeRising(places: readonly (number | null)[]): number[] {
  const kept = findLongestRising(places);
  const above: (number | null)[] = places.map(() => null);
  for (let i = places.length - 2; i >= 0; i--) {
    above[i] = kept.has(i + 1) ? places[i + 1] : above[i + 1];
  }
  const made: number[] = [];
  places.forEach((place, i) => {
    const after = above[i];
    const below = i > 0 ? made[i - 1] : after !== null ? after - 2 : -1;
    made.push(place !== null && kept.has(i) ? place : after === null ? below + 1 : (below + after) / 2);
  });
  const apart = made.every((place, i) => i === 0 || made[i - 1] < place);
  // The floating-point numbers between two neighbors can be used up.
  return apart ? made : made.map((_, i) => i);
}

/** Find the indices of a longest rising subsequence, by patience sorting. */
function findLongestRising(places: readonly (number | null)[]): Set<number> {
  const tops: number[] = [];
  const piles: number[] = [];
  const before = new Map<number, number>();
  places.forEach((place, i) => {
    if (place === null) {
      return;
    }
    let low = 0;
    let high = tops.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (tops[middle] < place) {
        low = middle + 1;
      } else {
        high = middle;
      }
    }
    if (low > 0) {
      before.set(i, piles[low - 1]);
    }
    tops[low] = place;
    piles[low] = i;
  });
  const found = new Set<number>();
  for (let at = piles[piles.length - 1] as number | undefined; at !== undefined; at = before.get(at)) {
    found.add(at);
  }
  return found;
}
