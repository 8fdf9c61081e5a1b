/**
 * The id of a policy's rule as a chip, which opens what the rule says.
 */

import { type RefObject, useRef, useState } from 'react';
import { showHiddenCharacters } from '../../text/hidden-characters';
import { Icon } from '../controls/icons';
import { Popover } from '../controls/popover';
import { scopeOf, type IRule, useRule } from './use-rule';
import type { IHost } from '../host';

interface IProps {
  /** Id of the rule. */
  rule: string;
  /** The notebook to which the policy applies; null if its place is unknown. */
  path: string | null;
  host: IHost;
}

/** The chip of a rule. */
export function RuleChip(props: IProps): JSX.Element {
  const { rule, host } = props;
  const button = useRef<HTMLButtonElement>(null);
  const [open, setOpen] = useState(false);
  const name = showHiddenCharacters(rule);
  return (
    <>
      <button
        ref={button}
        type="button"
        className="jp-hitl-chip jp-mod-outlined"
        title={host.trans.__('Rule %1', name)}
        aria-haspopup="dialog"
        aria-expanded={open}
        onClick={() => setOpen(!open)}
      >
        <Icon name="shield" />
        {name}
      </button>
      {open && <RulePopover {...props} anchor={button} onClose={() => setOpen(false)} />}
    </>
  );
}

function RulePopover(props: IProps & { anchor: RefObject<HTMLElement>; onClose: () => void }): JSX.Element {
  const { rule: id, path, host, anchor, onClose } = props;
  const { trans } = host;
  const rule = useRule(id, path, host);
  return (
    <Popover anchor={anchor} title={trans.__('Rule %1', showHiddenCharacters(id))} onClose={onClose}>
      {rule ? (
        <RuleFacts rule={rule} host={host} />
      ) : (
        <p role="status">
          {rule === undefined
            ? trans.__('Reading …')
            : trans.__('The policy has no such rule now, or it cannot be read here.')}
        </p>
      )}
    </Popover>
  );
}

/** Where a rule applies, when, what it does, and its file. */
function RuleFacts({ rule, host }: { rule: IRule; host: IHost }): JSX.Element {
  const { trans } = host;
  const verdicts: { [verdict in IRule['do']]: string } = {
    ask: trans.__('people are asked'),
    block: trans.__('it is blocked'),
    pass: trans.__('nobody is asked')
  };
  const facts: [string, string][] = [
    [trans.__('Applies to'), scopeOf(rule).join(', ') || trans.__('everything')],
    [trans.__('When'), rule.when || trans.__('always')],
    [trans.__('Then'), verdicts[rule.do]],
    ...(rule.needs.length > 0 ? [[trans.__('Needed'), rule.needs.join(', ')] as [string, string]] : []),
    ...(rule.four_eyes
      ? [
          [trans.__('Four eyes'), trans.__('the person who started the run may not decide')] as [
            string,
            string
          ]
        ]
      : []),
    ...(rule.timeline.length > 0
      ? [[trans.__('Deadline'), rule.timeline.join(', ')] as [string, string]]
      : []),
    [trans.__('File'), rule.source]
  ];
  return (
    <dl className="jp-hitl-facts">
      {facts.map(([name, text]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{showHiddenCharacters(text)}</dd>
        </div>
      ))}
    </dl>
  );
}
