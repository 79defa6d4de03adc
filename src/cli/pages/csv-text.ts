/** Rows as the text of a CSV file, with cells quoted where necessary. */
export const csvText = (
  header: readonly string[],
  rows: readonly (readonly (string | number)[])[],
): string => [header, ...rows].map((cells) => cells.map(quoted).join(",")).join("\n");

function quoted(cell: string | number): string {
  const text = String(cell);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
