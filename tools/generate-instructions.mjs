#!/usr/bin/env node
/**
 * Writes kernel/src/instructions.h from the grammar in src/runtime/instructions.ts. Run after editing
 * the grammar; test/runtime/instructions.test.ts fails when the two differ.
 */
import fs from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { dtypes } from "./generate-opcodes.mjs";

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
export const headerPath = path.join(root, "kernel/src/instructions.h");

/** @typedef {import("../src/runtime/instructions.ts").Field} Field */
/** @typedef {Record<string, Record<string, Field>>} Grammar */
/** @typedef {Pick<typeof import("../src/runtime/instructions.ts"), "pieceOf" | "reducers"> & { grammar: Grammar }} Source */

const snake = (/** @type {string} */ name) => name.replace(/[A-Z]/g, (c) => `_${c.toLowerCase()}`);

/** The C++ types of fields that are members of their own. @type {Partial<Record<Field["type"], string>>} */
const members = {
  count: "int64_t",
  flag: "bool",
  numbers: "std::vector<int64_t>",
  reducer: "Reducer",
  views: "std::vector<View>",
  bias: "std::vector<View>", // one, or none
  expression: "Expression",
};

/**
 * The fields of a kind with the members of `Instruction` that hold them: views that are read are its
 * operands, in order, the one that is written is its output.
 * @param {Record<string, Field>} fields
 */
function placed(fields) {
  let operands = 0;
  return Object.entries(fields).map(([name, field]) => {
    const own = field.type === "epilogue" ? "fused" : (field.member ?? snake(name));
    const view = field.written
      ? "outputs[0]"
      : `operands[${field.type === "view" ? operands++ : 0}]`;
    return { name, field, member: field.type === "view" ? view : own };
  });
}

/** The members of `Instruction`, each with the kinds that have it. @param {Grammar} grammar */
function declarations(grammar) {
  /** @type {Map<string, string[]>} */
  const kinds = new Map();
  for (const [kind, fields] of Object.entries(grammar))
    for (const { field, member } of placed(fields)) {
      const type =
        field.type === "view" || member.startsWith("fused") ? undefined : members[field.type];
      if (!type) continue;
      const start = field.type === "count" ? " = 0" : field.type === "flag" ? " = false" : "{}";
      const declared = `${type} ${member}${type.startsWith("std") || type === "Expression" ? "" : start};`;
      kinds.set(declared, [...(kinds.get(declared) ?? []), snake(kind)]);
    }
  return [...kinds].map(([declared, of]) => `  ${declared}  // ${of.join(", ")}`).join("\n");
}

/** How many operands and outputs a kind has, and the calls for its fields. @param {string} kind @param {Record<string, Field>} fields */
function visits(kind, fields) {
  const views = placed(fields).filter(({ field }) => field.type === "view");
  const written = views.filter(({ field }) => field.written).length;
  const sizes = views.length
    ? [
        `      resize(i.operands, ${views.length - written});`,
        `      resize(i.outputs, ${written});`,
      ]
    : [];
  const calls = placed(fields).map(({ name, member }) => `      visit("${name}", i.${member});`);
  return [`    case Kind::${snake(kind)}:`, ...sizes, ...calls, "      return;"].join("\n");
}

/** A shape in C++. @param {readonly string[]} over @param {Record<string, Field>} fields @param {Source["pieceOf"]} pieceOf */
function shape(over, fields, pieceOf) {
  const index = (/** @type {string} */ text) => {
    const [sign, name] = text.startsWith("-") ? ["-", text.slice(1)] : ["", text];
    if (/^\d/.test(name)) return text;
    return fields[name]?.type === "numbers"
      ? `${sign}int64_t(i.${snake(name)}.size())`
      : `${sign}i.${snake(name)}`;
  };
  const pieces = over.map((piece) => {
    const { name, from, to, at, size } = pieceOf(piece);
    const list = `i.${snake(name)}`;
    if (fields[name]?.type === "count") return `{${list}}`;
    if (size !== undefined) return `with(${list}, ${index(at ?? "")}, ${index(size)})`;
    if (at !== undefined) return `{element(${list}, ${index(at)})}`;
    if (from === undefined && to === undefined) return list;
    return `slice(${list}, ${index(from || "0")}, ${to ? index(to) : `int64_t(${list}.size())`})`;
  });
  return pieces.length === 1 && !pieces[0]?.startsWith("{")
    ? pieces[0]
    : `join({${pieces.join(", ")}})`;
}

/** The views of a kind, for the verifier. @param {string} kind @param {Record<string, Field>} fields @param {Source["pieceOf"]} pieceOf */
function operands(kind, fields, pieceOf) {
  const views = placed(fields).filter(({ field }) => field.type === "view");
  if (views.length === 0) return undefined;
  const rows = views.map(({ name, field, member }) => {
    const { over = [], dtype, written = false, dense = false } = field;
    const like = views.find((v) => v.name === dtype);
    const mask = Array.isArray(dtype)
      ? dtype.map((t) => `1 << int(DType::${dtypes[t]})`).join(" | ")
      : "kAnyDType";
    const same = like ? `&i.${like.member}, "${like.name}"` : "nullptr, nullptr";
    return `        {"${name}", &i.${member}, ${shape(over, fields, pieceOf)}, ${mask}, ${same}, ${written}, ${dense}},`;
  });
  return [`    case Kind::${snake(kind)}:`, "      return {", ...rows, "      };"].join("\n");
}

/** The struct and its enumerations. @param {Source} source */
function typesOf({ grammar, reducers }) {
  const names = Object.keys(grammar);
  return `enum class Kind : int32_t { ${names.map(snake).join(", ")} };
constexpr int32_t kKinds = ${names.length};
constexpr const char* kKindNames[kKinds] = {${names.map((name) => `"${name}"`).join(", ")}};

enum class Reducer : int32_t { ${reducers.join(", ")} };
constexpr int32_t kReducers = ${reducers.length};

/// One instruction; which fields mean something depends on \`kind\`.
struct Instruction {
  Kind kind{};
  std::vector<int64_t> shape;
  Fused fused;                  // what computes and stores: all of a map, the epilogue of others
  std::vector<View> operands;   // views that are read, in order
  std::vector<View> outputs;    // of kinds without an epilogue: one
${declarations(grammar)}
};
`;
}

/** The visitor, by which instructions are read and written. @param {Source} source */
const visitorOf = ({ grammar }) => `
/// Calls visit(name, field) for every field in the order of its words. \`I\` is Instruction, const or not.
template <class I, class Visit>
void for_each_field(I& i, Visit&& visit) {
  visit("shape", i.shape);
  switch (i.kind) {
${Object.entries(grammar)
  .map(([kind, fields]) => visits(kind, fields))
  .join("\n")}
  }
}
`;

/** How kinds store their results. @param {Source} source */
function resultsOf({ grammar, pieceOf }) {
  const kinds = Object.entries(grammar);
  const results = kinds.flatMap(([kind, fields]) =>
    Object.values(fields).flatMap((field) =>
      field.type === "epilogue" && String(field.over) !== "shape"
        ? [
            `  if (i.kind == Kind::${snake(kind)}) return ${shape(field.over ?? [], fields, pieceOf)};`,
          ]
        : [],
    ),
  );
  const stored = kinds.filter(([, fields]) =>
    Object.values(fields).some(({ type, written }) => type === "view" && written),
  );
  return `
/// Whether the kind stores its result by an expression, and not by itself.
inline bool has_expression(Kind kind) {
  return ${stored.map(([kind]) => `kind != Kind::${snake(kind)}`).join(" && ")};
}

/// The shape over which the expression of \`fused\` stands.
inline std::vector<int64_t> result_shape(const Instruction& i) {
${results.join("\n")}
  return i.shape;
}
`;
}

/** What the verifier knows about views. @param {Source} source */
const operandsOf = ({ grammar, pieceOf }) => `
/// What the grammar says about a view.
struct Operand {
  const char* name;
  const View* view;
  std::vector<int64_t> shape;  // over which it stands
  int dtypes;                  // bit t is set when it may have DType t
  const View* like;            // the view whose dtype it shares, or null
  const char* like_name;
  bool written;
  bool dense;  // whether its elements must lie in order
};

/// The views of an instruction whose ranks and axes fit together.
inline std::vector<Operand> operands_of(const Instruction& i) {
  switch (i.kind) {
${Object.entries(grammar)
  .map(([kind, fields]) => operands(kind, fields, pieceOf))
  .filter(Boolean)
  .join("\n")}
    default:
      return {};
  }
}
`;

/** @param {Source} source @returns {string} the text of instructions.h */
export const instructionsHeader = (
  source,
) => `// Generated by tools/generate-instructions.mjs from src/runtime/instructions.ts. Do not edit.
#pragma once
#include "expression.h"
#include "shapes.h"

namespace gradus {

${typesOf(source)}${visitorOf(source)}${resultsOf(source)}${operandsOf(source)}
}  // namespace gradus
`;

async function main() {
  const { runnerImport } = await import("vite");
  const { module } = await runnerImport(path.join(root, "src/runtime/instructions.ts"));
  fs.writeFileSync(headerPath, instructionsHeader(/** @type {Source} */ (module)));
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await main();
