/**
 * Work that ends with what is newest: done once at a time, and once more if it was asked for meanwhile.
 */

export class SingleFlight {
  /** @param _work - never rejects. */
  constructor(private _work: () => Promise<void>) {}

  /** Do the work; settles when it was done after this call. */
  run(): Promise<void> {
    this._isRequested = true;
    this._running ??= this._runAll().finally(() => {
      this._running = null;
    });
    return this._running;
  }

  /** Take back what was asked for and has not begun. */
  cancel(): void {
    this._isRequested = false;
  }

  private async _runAll(): Promise<void> {
    while (this._isRequested) {
      this._isRequested = false;
      await this._work();
    }
  }

  private _isRequested = false;
  private _running: Promise<void> | null = null;
}
