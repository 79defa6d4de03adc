/** All of the core, so that nothing of it is left out of a bundle. */
import * as gradus from "gradus";

Object.assign(globalThis, { gradus });
