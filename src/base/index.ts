export * from "./dtype.ts";
export * from "./errors.ts";
export * from "./host-array.ts";
export * from "./options.ts";
export * from "./random.ts";
export * from "./shape.ts";
export * from "./storage.ts";
export * from "./tree.ts";
