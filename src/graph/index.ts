export * from "./key.ts";
export * from "./node.ts";
export * from "./print.ts";
export * from "./rewrite.ts";
export * from "./verify.ts";
export { Watch } from "./watch.ts";
