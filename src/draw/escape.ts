const entities: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

/**
 * Text as it must stand in XML and HTML, in attributes too.
 *
 * @example
 * escapeXml("a < b"); // "a &lt; b"
 */
export const escapeXml = (text: string): string =>
  text.replace(/[&<>"']/g, (character) => entities[character]!);
