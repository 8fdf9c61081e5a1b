/** The version of this package. `tests/version.spec.ts` compares it with package.json and with the Python package. */
export const version = '0.1.0';
