/** The version of this package; `tests/version.spec.ts` holds it to package.json and to the Python package. */
export const version = '0.1.0';
