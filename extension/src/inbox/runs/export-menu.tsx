/**
 * The menu that exports one run: its events as JSON Lines or CSV, or a page to print.
 */

import { useRef, useState } from 'react';
import type { IRun } from '../../api/types';
import { Button } from '../../components/controls/button';
import { MenuItem } from '../../components/controls/menu-item';
import { Menu } from '../../components/controls/popover';
import type { IHost } from '../../components/host';
import { showHiddenCharacters } from '../../text/hidden-characters';
import { saveFile } from '../../text/save-file';
import { printRun } from '../../timeline/printed-run';

/** The button "Export" with its menu. */
export function ExportMenu({ run, host }: { run: IRun; host: IHost }): JSX.Element {
  const { trans, client } = host;
  const [open, setOpen] = useState(false);
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState('');
  const button = useRef<HTMLButtonElement>(null);
  const perform = (work: () => Promise<void>) => (): void => {
    setOpen(false);
    setProblem('');
    setBusy(true);
    work()
      .catch((reason: unknown) => setProblem(reason instanceof Error ? reason.message : String(reason)))
      .finally(() => setBusy(false));
  };
  const save = (format: 'jsonl' | 'csv') =>
    perform(async () => saveFile(await client.exportRun(run.id, format), fileName(run, format)));
  return (
    <>
      <Button
        ref={button}
        small
        icon="download"
        opens="menu"
        expanded={open}
        disabled={busy}
        onClick={() => setOpen(!open)}
      >
        {trans.__('Export')}
      </Button>
      {open && (
        <Menu anchor={button} label={trans.__('Export this run')} onClose={() => setOpen(false)}>
          <MenuItem
            icon="download"
            hint={trans.__('The events of the log, byte for byte: they can be verified')}
            onClick={save('jsonl')}
          >
            {trans.__('JSON Lines')}
          </MenuItem>
          <MenuItem icon="table" hint={trans.__('For a spreadsheet')} onClick={save('csv')}>
            {trans.__('CSV')}
          </MenuItem>
          <MenuItem icon="text" onClick={perform(() => printRun(run.id, host))}>
            {trans.__('A page to print')}
          </MenuItem>
        </Menu>
      )}
      {problem && (
        <p className="jp-hitl-error" role="alert">
          {showHiddenCharacters(problem)}
        </p>
      )}
    </>
  );
}

/** Name the file after the agent. Characters that a file's name cannot have become hyphens. */
function fileName({ agent, generation }: IRun, format: string): string {
  const name = agent.replace(/[^\p{L}\p{N}._-]+/gu, '-').slice(0, 60) || 'run';
  return `${name}-run-${generation}.${format}`;
}
