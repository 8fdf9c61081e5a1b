/**
 * Asynchronous work that is never done twice at the same time. A request during the work runs it once more after
 * that.
 */

/** Runs one function at a time; requests that arrive meanwhile are merged into one more run. */
export class SingleFlight {
  /** @param _work - the function to run; it never rejects. */
  constructor(private _work: () => Promise<void>) {}

  /** Request a run. Resolves when a run that began after this call has ended. */
  run(): Promise<void> {
    this._isRequested = true;
    this._running ??= this._runAll().finally(() => {
      this._running = null;
    });
    return this._running;
  }

  /** Drop a requested run that has not begun. */
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
