/**
 * A picture of evidence. It is only ever drawn by an `img`, in which an SVG executes and loads nothing.
 */

import { useEffect, useState } from 'react';
import type { IEvidenceBlock, IProposal } from '../../api/types';
import { showHiddenCharacters } from '../../text/hidden-characters';
import type { IHost } from '../host';
import { LargeView } from './large-view';

type PictureBlock = Extract<IEvidenceBlock, { type: 'image' | 'chart' }>;

/** The types that are drawn. */
const MEDIA_TYPES = ['image/png', 'image/jpeg', 'image/webp', 'image/svg+xml'];

/** Width of the smallest picture, so that it can be pressed, in pixels. */
const MIN_WIDTH_PX = 24;

interface IProps {
  proposal: IProposal;
  block: PictureBlock;
  host: IHost;
}

/** A picture with its description. A press opens it large. */
export function Picture({ proposal, block, host }: IProps): JSX.Element {
  const { trans } = host;
  const [open, setOpen] = useState(false);
  const [broken, setBroken] = useState(false);
  const address = usePicture(proposal.id, block, host);
  const text = showHiddenCharacters((block.alt ?? '') || block.name);
  if (address === null || broken) {
    return (
      <p className="jp-hitl-muted">
        {trans.__('The picture cannot be shown.')} {text}
      </p>
    );
  }
  // The room is kept while the picture is loaded, so that nothing moves.
  const ratio = block.width && block.height ? `${block.width} / ${block.height}` : undefined;
  const image = address !== undefined && (
    <img src={address} alt={text} draggable={false} onError={() => setBroken(true)} />
  );
  return (
    <>
      <button
        type="button"
        className="jp-hitl-picture"
        style={{
          aspectRatio: ratio,
          maxWidth: block.width ? Math.max(block.width, MIN_WIDTH_PX) : undefined
        }}
        aria-haspopup="dialog"
        aria-label={trans.__('Open large: %1', text)}
        disabled={!image}
        onClick={() => setOpen(true)}
      >
        {image}
      </button>
      {block.reduced_from && (
        <p className="jp-hitl-muted jp-hitl-small">
          {trans.__('Reduced from %1 pixels', block.reduced_from)}
        </p>
      )}
      {open && (
        <LargeView
          title={showHiddenCharacters(block.name) || trans.__('Picture')}
          onClose={() => setOpen(false)}
          host={host}
        >
          {image}
        </LargeView>
      )}
    </>
  );
}

/**
 * Load a picture as a `data:` address. Unlike a `blob:` address, it has no rights of this site if somebody opens it in
 * a tab of its own.
 *
 * @returns undefined while it is loaded; null if it cannot be shown.
 */
function usePicture(proposal: string, block: PictureBlock, host: IHost): string | null | undefined {
  const { sha256 } = block;
  const { client } = host;
  const [loaded, setLoaded] = useState<{ sha256: string; address: string | null }>();
  useEffect(() => {
    let current = true;
    const load = async (): Promise<string | null> => {
      const picture = await client.getPicture(proposal, sha256);
      return MEDIA_TYPES.includes(picture.type) ? readAsAddress(picture) : null;
    };
    load().then(
      address => current && setLoaded({ sha256, address }),
      () => current && setLoaded({ sha256, address: null })
    );
    return () => {
      current = false;
    };
  }, [client, proposal, sha256]);
  return loaded?.sha256 === sha256 ? loaded.address : undefined;
}

function readAsAddress(picture: Blob): Promise<string> {
  return new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => resolve(String(reader.result));
    reader.onerror = () => reject(new Error('the picture cannot be read'));
    reader.readAsDataURL(picture);
  });
}
