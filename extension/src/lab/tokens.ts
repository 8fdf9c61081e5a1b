/**
 * What the plugins share: one host (client, feed, editors) for all of them.
 */

import { Token } from '@lumino/coreutils';
import type { ISignal } from '@lumino/signaling';
import type { IHost } from '../components/host';

/** The host of the views in JupyterLab. */
export interface IReview extends IHost {
  readonly changed: ISignal<IHost, void>;
  /** That this page and the server are of different versions, in a sentence; null if they fit. */
  readonly outdated: string | null;
}

export const IReview = new Token<IReview>(
  'hitl-nb:IReview',
  'The connection of JupyterLab to the proposals, decisions and runs of hitl_nb.'
);
