export { jvp } from "./jvp.ts";
export { type BackwardRule, vjp } from "./vjp.ts";
