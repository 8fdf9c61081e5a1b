/**
 * A value that a view follows only after it has lasted for some time, so that nothing flickers.
 */

import { useEffect, useState } from 'react';

/** Return `value` after it has lasted for `delay` milliseconds; `initial` until then, and at once when it is back. */
export function useDelayed<T>(value: T, initial: T, delay: number): T {
  const [late, setLate] = useState(initial);
  useEffect(() => {
    const timer = setTimeout(() => setLate(value), value === initial ? 0 : delay);
    return () => clearTimeout(timer);
  }, [value, initial, delay]);
  return value === initial ? initial : late;
}
