/**
 * What the server refused, with what it said about it.
 */

import type { IComment, IProposal, Json } from './types';

/** An answer of the API that is no success. */
export class ApiError extends Error {
  /**
   * @param status - the HTTP status; 0 if there was no answer.
   * @param error - the name of the error, as in Python ("AlreadyDecided", "InvalidEdit" ...).
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
