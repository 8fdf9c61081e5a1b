/**
 * Saving bytes as a file of the person's computer.
 */

/** Let the browser save bytes, unchanged, under a name. */
export function saveFile(bytes: Blob, name: string): void {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(bytes);
  link.download = name;
  link.click();
  // The browser has the bytes once the click was handled.
  setTimeout(() => URL.revokeObjectURL(link.href));
}
