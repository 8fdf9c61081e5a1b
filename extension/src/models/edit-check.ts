/**
 * The server's check of an edited value: whether it is valid. The check runs when typing pauses;
 * only one request is sent at a time.
 */

import type { Client } from '../api/client';
import { ApiError } from '../api/errors';
import { SingleFlight } from '../api/single-flight';
import type { Json } from '../api/types';

/** Milliseconds from the last keystroke until the value is checked. */
const DELAY_MS = 400;

/** Checks of one proposal's value while it is edited. */
export class EditCheck {
  /**
   * @param _value - returns the value to check; undefined if there is none.
   * @param _onCheck - called after each check.
   */
  constructor(
    private _client: Client,
    private _id: string,
    private _value: () => Json | undefined,
    private _onCheck: () => void
  ) {}

  /** One message for each field that is not valid. */
  get fields(): { [path: string]: string } {
    return this._fields;
  }

  /** Why the value could not be checked, or "". */
  get problem(): string {
    return this._problem;
  }

  /** Check the value after a pause in typing. */
  scheduleCheck(): void {
    clearTimeout(this._timer);
    this._timer = setTimeout(() => void this.checkNow(), DELAY_MS);
  }

  /** Check the value now. Resolves after the check. */
  checkNow(): Promise<void> {
    clearTimeout(this._timer);
    return this._checking.run();
  }

  /** Drop checks that have not begun. */
  cancel(): void {
    clearTimeout(this._timer);
    this._checking.cancel();
  }

  /** Show messages for invalid fields that came with the answer to a decision. */
  refuse(fields: { [path: string]: string }): void {
    this._fields = fields;
  }

  private async _runCheck(): Promise<void> {
    const value = this._value();
    if (value === undefined) {
      this._setResult({}, '');
      return;
    }
    try {
      await this._client.checkEdit(this._id, value);
      if (this._value() === value) {
        this._setResult({}, '');
      }
    } catch (reason) {
      if (this._value() !== value) {
        return;
      }
      if (reason instanceof ApiError && reason.details.fields) {
        this._setResult(reason.details.fields, '');
      } else {
        this._setResult(this._fields, reason instanceof Error ? reason.message : String(reason));
      }
    }
  }

  private _setResult(fields: { [path: string]: string }, problem: string): void {
    this._fields = fields;
    this._problem = problem;
  }

  private _fields: { [path: string]: string } = {};
  private _problem = '';
  private _timer: ReturnType<typeof setTimeout> | undefined;
  // Checking a large value takes seconds. Edits made during that time are checked once after it.
  private _checking = new SingleFlight(async () => {
    await this._runCheck();
    this._onCheck();
  });
}
