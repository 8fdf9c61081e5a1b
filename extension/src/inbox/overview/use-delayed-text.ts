/**
 * A typed text, and the text that is searched for: the same a moment after the last key.
 */

import { useEffect, useState } from 'react';

/** Delay of a search after the last key, in milliseconds. */
const DELAY_MS = 150;

/** Return the typed text, the text to search for, and a function that sets the typed text. */
export function useDelayedText(): [typed: string, searched: string, type: (text: string) => void] {
  const [typed, setTyped] = useState('');
  const [searched, setSearched] = useState('');
  useEffect(() => {
    const timer = setTimeout(() => setSearched(typed.trim()), DELAY_MS);
    return () => clearTimeout(timer);
  }, [typed]);
  return [typed, searched, setTyped];
}
