/** The version of this package. */
export async function version(): Promise<string> {
  const { readFile } = await import("node:fs/promises");
  // package.json lies two folders above the files of src/cli and of dist/cli
  const text = await readFile(new URL("../../package.json", import.meta.url), "utf8");
  return (JSON.parse(text) as { version: string }).version;
}
