/** What the page asks of its worker. */
import { engineInfo, loadEngine } from "gradus";
import type { Settings } from "../state/settings.ts";
import { Viewer } from "./frame.ts";
import { type Budget, Session } from "./session.ts";
import type { About, Frame } from "./view.ts";

export interface Opened {
  readonly about: About;
  readonly frame: Frame;
}

let ready: Promise<void> | undefined;
let session: Session | undefined;
let viewer: Viewer | undefined;

const current = (): { session: Session; viewer: Viewer } => {
  if (!session || !viewer) throw new Error("no net is open.");
  return { session, viewer };
};

/** Methods of the worker. SIMD without relaxed products: the same bits on every processor. */
export const api = {
  async open(settings: Settings): Promise<Opened> {
    ready ??= loadEngine({ isa: "simd128", threads: 1 });
    await ready;
    session = new Session(settings);
    viewer = new Viewer(session);
    return { about: viewer.about(), frame: viewer.frame() };
  },
  advance(budget: Budget): Frame {
    const { session, viewer } = current();
    session.advance(budget);
    return viewer.frame();
  },
  goTo(step: number): Frame {
    const { session, viewer } = current();
    session.goTo(step);
    return viewer.frame();
  },
  edit(path: string, index: number, value: number): Frame {
    const { session, viewer } = current();
    session.edit(path, index, value);
    return viewer.frame();
  },
  setLearningRate(lr: number): void {
    current().session.setLearningRate(lr);
  },
  /** The losses of the batches so far, for comparisons with other machines. */
  losses: (): number[] => current().session.losses.slice(0, current().session.step),
  /** Steps per second of training alone, without drawing, over about this time. */
  measure(milliseconds: number): number {
    const { session } = current();
    const begin = performance.now();
    const steps = session.advance({ steps: 1e9, milliseconds });
    return (1000 * steps) / (performance.now() - begin);
  },
  engine: () => engineInfo(),
};

export type Api = typeof api;
