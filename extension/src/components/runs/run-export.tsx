/**
 * The export of one run: its events as JSON Lines or CSV, or a page to print.
 */

import { useState } from 'react';
import type { IRun } from '../../api/types';
import { saveFile } from '../../text/save-file';
import { MenuItem } from '../controls/menu-item';
import type { IHost } from '../host';

/** A way to export a run, and its state. */
export interface IRunExport {
  readonly busy: boolean;
  /** Why the last export failed, or "". */
  readonly problem: string;
  /** Save the events of the log as a file. */
  save(format: 'jsonl' | 'csv'): void;
  /** Let the browser print the run; absent where it cannot. */
  print?(): void;
}

/** Return the ways to export a run. */
export function useRunExport(run: IRun | null, host: IHost): IRunExport {
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState('');
  const perform = (work: (run: IRun) => Promise<void>): void => {
    if (run === null) {
      return;
    }
    setProblem('');
    setBusy(true);
    work(run)
      .catch((reason: unknown) => setProblem(reason instanceof Error ? reason.message : String(reason)))
      .finally(() => setBusy(false));
  };
  const { printRun } = host;
  return {
    busy,
    problem,
    save: format =>
      perform(async one => saveFile(await host.client.exportRun(one.id, format), fileName(one, format))),
    print: printRun && (() => perform(one => printRun(one.id)))
  };
}

/** The items of a menu that export a run. */
export function ExportItems(props: { work: IRunExport; host: IHost; onClose: () => void }): JSX.Element {
  const { work, host, onClose } = props;
  const { trans } = host;
  const { print } = work;
  const closing = (act: () => void) => (): void => {
    onClose();
    act();
  };
  return (
    <>
      <MenuItem
        icon="download"
        hint={trans.__('The events of the log, byte for byte: they can be verified')}
        onClick={closing(() => work.save('jsonl'))}
      >
        {trans.__('JSON Lines')}
      </MenuItem>
      <MenuItem icon="table" hint={trans.__('For a spreadsheet')} onClick={closing(() => work.save('csv'))}>
        {trans.__('CSV')}
      </MenuItem>
      {print && (
        <MenuItem icon="text" onClick={closing(print)}>
          {trans.__('A page to print')}
        </MenuItem>
      )}
    </>
  );
}

/** Name the file after the agent. Characters that a file's name cannot have become hyphens. */
function fileName({ agent, generation }: IRun, format: string): string {
  const name = agent.replace(/[^\p{L}\p{N}._-]+/gu, '-').slice(0, 60) || 'run';
  return `${name}-run-${generation}.${format}`;
}
