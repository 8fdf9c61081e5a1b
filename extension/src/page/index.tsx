/**
 * Starts the page of its own, in the element that the server made for it.
 */

import { createRoot } from 'react-dom/client';
import { PageHost } from './page-host';
import { ReviewPage } from './review-page';

const node = document.getElementById('hitl-page');
if (node) {
  const { base = '/', id = '', of, nonce = '', pass = '' } = node.dataset;
  delete node.dataset.pass;
  // A link may carry the server's token; it is a cookie by now, and need not be seen or kept.
  history.replaceState(null, '', location.pathname);
  const host = new PageHost({ base, nonce, pass });
  createRoot(node).render(
    <ReviewPage host={host} id={id} of={of === 'workspace' ? 'workspace' : 'proposal'} />
  );
}
