/**
 * The memory of the notifications, which survives a reload. Told ones are kept as long as the browser tab lives, those
 * to tell later in the browser's storage.
 */

const TOLD_KEY = 'hitl-nb:told';
const SNOOZED_KEY = 'hitl-nb:snoozed';

/** Most notifications that are remembered; the oldest are forgotten first. */
const MAX_TOLD = 1000;

/** The memory of the notifications. */
export class NoticeMemory {
  /** Remember that something is told now. Returns false if it was told before. */
  tell(what: string): boolean {
    if (this._told.includes(what)) {
      return false;
    }
    this._told = [...this._told, what].slice(-MAX_TOLD);
    write(sessionStorage, TOLD_KEY, this._told);
    return true;
  }

  /** The proposals to tell later, with the times in milliseconds. */
  get snoozed(): { [id: string]: number } {
    return readObject(localStorage, SNOOZED_KEY);
  }

  /** Tell a proposal later, or (null) not any more. */
  snooze(id: string, at: number | null): void {
    const others = Object.entries(this.snoozed).filter(([one]) => one !== id);
    write(localStorage, SNOOZED_KEY, Object.fromEntries(at === null ? others : [...others, [id, at]]));
  }

  private _told = readList(sessionStorage, TOLD_KEY);
}

function readList(storage: Storage, key: string): string[] {
  const found = read(storage, key);
  return Array.isArray(found) ? found.map(String) : [];
}

function readObject(storage: Storage, key: string): { [id: string]: number } {
  const found = read(storage, key);
  const entries = typeof found === 'object' && found !== null ? Object.entries(found) : [];
  return Object.fromEntries(entries.filter((pair): pair is [string, number] => typeof pair[1] === 'number'));
}

function read(storage: Storage, key: string): unknown {
  try {
    return JSON.parse(storage.getItem(key) ?? 'null');
  } catch {
    return null; // something else wrote it
  }
}

function write(storage: Storage, key: string, value: unknown): void {
  try {
    storage.setItem(key, JSON.stringify(value));
  } catch {
    // The storage is full or forbidden: then it is remembered until the next reload.
  }
}
