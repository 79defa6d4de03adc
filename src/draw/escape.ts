const entities: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

/**
 * Text escaped for XML and HTML, also in attributes.
 * @example
 * escapeXml("a < b"); // "a &lt; b"
 */
export const escapeXml = (text: string): string =>
  text.replace(/[&<>"']/g, (character) => entities[character]!);
