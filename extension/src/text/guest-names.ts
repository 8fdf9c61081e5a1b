/**
 * Names of people whom the server knows by its token alone. Jupyter invents a name for each of their browsers, such as
 * "Anonymous Eurydome", which says nothing about the person.
 */

/** Return true if Jupyter generated this user name, for a person who knows only the server's password or token. */
export function isGeneratedName(username: string): boolean {
  return /^[0-9a-f]{32}$/.test(username);
}

/** Return the name of a person for display: "a guest" for a generated user name. */
export function displayName(username: string, name: string): string {
  return isGeneratedName(username) ? 'a guest' : name || username;
}
