import { type Listener, running, withListener } from "./calls.ts";
import type { AnyModule } from "./module.ts";

/** Called for every module whose `forward` has returned, inner ones first. */
export type CallListener = (module: AnyModule, output: unknown, inputs: readonly unknown[]) => void;

/** Runs `f`, with `onCall` after every call of a module. */
export const listenToCalls = <T>(onCall: CallListener, f: () => T): T =>
  withListener(onCall as Listener, f);

/** The module whose `forward` is running, if any. */
export const currentModule = (): AnyModule | undefined => running() as AnyModule | undefined;
