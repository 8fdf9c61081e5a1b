/**
 * Work that ends with what is newest: done once at a time, and once more if it was asked for meanwhile.
 */

export class Latest {
  /** @param _work - never rejects. */
  constructor(private _work: () => Promise<void>) {}

  /** Do the work; settles when it was done after this call. */
  run(): Promise<void> {
    this._asked = true;
    this._running ??= this._all().finally(() => {
      this._running = null;
    });
    return this._running;
  }

  /** Take back what was asked for and has not begun. */
  cancel(): void {
    this._asked = false;
  }

  private async _all(): Promise<void> {
    while (this._asked) {
      this._asked = false;
      await this._work();
    }
  }

  private _asked = false;
  private _running: Promise<void> | null = null;
}
