/**
 * The interface that the plugins share: one host with client, feed and editors.
 */

import { Token } from '@lumino/coreutils';
import type { ISignal } from '@lumino/signaling';
import type { IHost } from '../components/host';
import type { KeyListener } from '../components/keys/key-listener';
import type { CommandTargets } from '../components/review-commands';

/** The host of the views in JupyterLab. */
export interface IReview extends IHost {
  readonly changed: ISignal<IHost, void>;
  readonly commandTargets: CommandTargets;
  /** The keys of cards and of the inbox in this window. */
  readonly keyListener: KeyListener;
  /** A message that this page and the server have different versions; null if the versions match. */
  readonly versionProblem: string | null;
}

/** The token of the shared host. */
export const IReview = new Token<IReview>(
  'hitl-nb:IReview',
  'The connection of JupyterLab to the proposals, decisions and runs of hitl_nb.'
);
