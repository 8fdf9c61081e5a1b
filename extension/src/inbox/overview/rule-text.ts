/**
 * The text of a policy's rule, in one sentence.
 */

import { useEffect, useState } from 'react';
import type { IHost } from '../../components/host';
import { ruleOf } from '../../components/terms-sentences';
import { showHiddenCharacters } from '../../text/hidden-characters';

/** Return what a rule says now: where it applies, when, and what it does. "" while it is not known. */
export function useRuleText(rule: string, path: string | null, host: IHost): string {
  const { client, trans } = host;
  const [text, setText] = useState('');
  useEffect(() => {
    let gone = false;
    setText('');
    if (path !== null) {
      client.getPolicy(path).then(
        ({ rules }) => {
          const found = rules.find(one => one.id === ruleOf(rule));
          if (!gone && found) {
            const scope = Object.entries(found.scope).map(([name, pattern]) => `${name} ${pattern}`);
            const when = found.when || trans.__('always');
            setText(showHiddenCharacters([...scope, when, `(${found.source})`].join(' · ')));
          }
        },
        () => undefined // the text is an addition: the rule may be removed, or the notebook moved
      );
    }
    return () => {
      gone = true;
    };
  }, [client, rule, path, trans]);
  return text;
}
