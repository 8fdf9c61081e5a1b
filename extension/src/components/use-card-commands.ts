/**
 * Lets commands act on a card while it is shown.
 */

import { RefObject, useEffect, useRef } from 'react';
import type { IHost } from './host';
import type { CommandHandlers } from './review-commands';

/**
 * Register the handlers of a part of a card.
 *
 * @param node - an element in the card.
 * @param handlers - may be new at each drawing; commands use the last ones.
 */
export function useCardCommands(
  host: IHost,
  proposal: string,
  node: RefObject<HTMLElement>,
  handlers: CommandHandlers
): void {
  const last = useRef(handlers);
  last.current = handlers;
  const { commandTargets: targets } = host;
  useEffect(
    () => (node.current ? targets?.addCard(proposal, node.current, () => last.current) : undefined),
    [targets, proposal, node]
  );
}
