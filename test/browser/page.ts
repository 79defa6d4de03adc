import * as gradus from "gradus";
import { train } from "./training.ts";

Object.assign(globalThis, { gradus, train });
