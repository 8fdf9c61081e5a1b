/**
 * The button that exports one run.
 */

import { useRef, useState } from 'react';
import type { IRun } from '../../api/types';
import { Button } from '../../components/controls/button';
import { Menu } from '../../components/controls/popover';
import type { IHost } from '../../components/host';
import { ExportItems, useRunExport } from '../../components/runs/run-export';
import { showHiddenCharacters } from '../../text/hidden-characters';

/** The button "Export" with its menu. */
export function ExportMenu({ run, host }: { run: IRun; host: IHost }): JSX.Element {
  const { trans } = host;
  const [open, setOpen] = useState(false);
  const button = useRef<HTMLButtonElement>(null);
  const work = useRunExport(run, host);
  const close = (): void => setOpen(false);
  return (
    <>
      <Button
        ref={button}
        small
        icon="download"
        opens="menu"
        expanded={open}
        disabled={work.busy}
        onClick={() => setOpen(!open)}
      >
        {trans.__('Export')}
      </Button>
      {open && (
        <Menu anchor={button} label={trans.__('Export this run')} onClose={close}>
          <ExportItems work={work} host={host} onClose={close} />
        </Menu>
      )}
      {work.problem && (
        <p className="jp-hitl-error" role="alert">
          {showHiddenCharacters(work.problem)}
        </p>
      )}
    </>
  );
}
