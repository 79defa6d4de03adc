import { spawn } from "node:child_process";

/** How each system opens an address in the browser that the user has chosen. */
const openers: Readonly<Record<string, readonly string[]>> = {
  darwin: ["open"],
  win32: ["cmd", "/c", "start", ""],
};

/** Opens an address in the browser, if there is one; the address is on the terminal anyway. */
export function openBrowser(url: string): void {
  const [program, ...args] = openers[process.platform] ?? ["xdg-open"];
  const child = spawn(program!, [...args, url], { stdio: "ignore", detached: true });
  child.on("error", () => {}); // no browser, such as on a server
  child.unref();
}
