/**
 * Starts the review page in the element that the server created for it.
 */

import { createRoot } from 'react-dom/client';
import { startCommands } from './page-commands';
import { PageHost } from './page-host';
import { ReviewPage } from './review-page';

const node = document.getElementById('hitl-page');
if (node) {
  const { base = '/', id = '', of, nonce = '', pass = '' } = node.dataset;
  delete node.dataset.pass;
  // The link may contain the server's token. It is stored in a cookie now, so it is removed from the address.
  history.replaceState(null, '', location.pathname);
  const host = new PageHost({ base, nonce, pass });
  startCommands(host);
  createRoot(node).render(
    <ReviewPage host={host} id={id} of={of === 'workspace' ? 'workspace' : 'proposal'} />
  );
}
