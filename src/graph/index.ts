export * from "./node.ts";
export * from "./op.ts";
export * from "./print.ts";
export * from "./verify.ts";
