/**
 * What the server says about a value while it is edited: whether it fits, and what it changes. Asked for when everybody
 * pauses, one question at a time.
 */

import type { Client } from '../api/client';
import { ApiError } from '../api/errors';
import { SingleFlight } from '../api/single-flight';
import type { Json } from '../api/types';

/** Milliseconds from the last keystroke until the value is checked. */
const DELAY_MS = 400;

export class EditCheck {
  /**
   * @param _id - of the proposal.
   * @param _value - what is to be checked; undefined if there is nothing.
   * @param _changed - called when there is an answer.
   */
  constructor(
    private _client: Client,
    private _id: string,
    private _value: () => Json | undefined,
    private _changed: () => void
  ) {}

  /** One message for each field that does not fit. */
  get fields(): { [path: string]: string } {
    return this._fields;
  }

  /** Unified diff from the agent's version to the value, or "". */
  get changes(): string {
    return this._changes;
  }

  /** Why the value could not be checked, or "". */
  get problem(): string {
    return this._problem;
  }

  scheduleCheck(): void {
    clearTimeout(this._timer);
    this._timer = setTimeout(() => void this.checkNow(), DELAY_MS);
  }

  checkNow(): Promise<void> {
    clearTimeout(this._timer);
    return this._checking.run();
  }

  /** Nothing that has not begun is asked any more. */
  cancel(): void {
    clearTimeout(this._timer);
    this._checking.cancel();
  }

  /** The server has said by itself what does not fit. */
  refuse(fields: { [path: string]: string }): void {
    this._fields = fields;
  }

  private async _runCheck(): Promise<void> {
    const value = this._value();
    if (value === undefined) {
      this._setResult({}, '', '');
      return;
    }
    try {
      const { changes } = await this._client.checkEdit(this._id, value);
      if (this._value() === value) {
        this._setResult({}, changes, '');
      }
    } catch (reason) {
      if (this._value() !== value) {
        return;
      }
      if (reason instanceof ApiError && reason.details.fields) {
        this._setResult(reason.details.fields, this._changes, '');
      } else {
        this._setResult(
          this._fields,
          this._changes,
          reason instanceof Error ? reason.message : String(reason)
        );
      }
    }
  }

  private _setResult(fields: { [path: string]: string }, changes: string, problem: string): void {
    this._fields = fields;
    this._changes = changes;
    this._problem = problem;
  }

  private _fields: { [path: string]: string } = {};
  private _changes = '';
  private _problem = '';
  private _timer: ReturnType<typeof setTimeout> | undefined;
  // A large value is checked for seconds; what is typed meanwhile is checked once after that.
  private _checking = new SingleFlight(async () => {
    await this._runCheck();
    this._changed();
  });
}
