/**
 * Errors that the server answers with.
 */

import type { IComment, IProposal, Json } from './types';

/** Name of the error if the server does not have hitl_nb: its 404 does not come from the API. */
export const MISSING_SERVER = 'MissingServer';

/** An answer of the API with an error status, or no answer. */
export class ApiError extends Error {
  /**
   * In `details`, `fields` has one message for each field that is not valid. `difference` has the fields that changed
   * after the page was drawn, with both values.
   *
   * @param status - the HTTP status; 0 without an answer.
   * @param error - its name in Python ("InvalidEdit").
   * @param message - one sentence for people.
   */
  constructor(
    readonly status: number,
    readonly error: string,
    message: string,
    readonly details: {
      proposal?: IProposal;
      fields?: { [path: string]: string };
      difference?: { [field: string]: { shown: Json; now: Json } };
      holder?: string;
      owner?: string;
      comment?: IComment;
    } = {}
  ) {
    super(message);
    this.name = error;
  }
}
