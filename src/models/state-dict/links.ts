/** The names in PyTorch of what a model holds. */
import type { AnyModule } from "../../nn/index.ts";
import { Generator, isVariable, type Variable } from "../../tensor/index.ts";
import { type Link, same, turned } from "./link.ts";
import { ruleOf } from "./rules.ts";

/** What a model is in a file of PyTorch's. */
export interface Links {
  readonly links: readonly Link[];
  /** Names that PyTorch has and that say nothing here. */
  readonly ignored: readonly string[];
}

/** The tensors of a model, in the order of its fields. */
export function linksOf(model: AnyModule): Links {
  const modules = model.modules();
  const paths = Object.keys(modules);
  const parent = (path: string) => ownerOf(path, modules);
  const children = new Map<string, string[]>();
  for (const path of paths)
    if (path !== "") children.set(parent(path), [...(children.get(parent(path)) ?? []), path]);
  const own = new Map<string, [field: string, variable: Variable][]>();
  for (const [path, variable] of Object.entries(model.state())) {
    const owner = ownerOf(path, modules);
    own.set(owner, [...(own.get(owner) ?? []), [below(path, owner), variable]]);
  }
  const gather = (path: string): Links => {
    const module = modules[path]!;
    const rule = ruleOf(module);
    if (rule.links) return { links: rule.links(module), ignored: [] };
    const { fields = {}, transposed: across = [], ignored = [] } = rule;
    const called = (field: string, rest: string) => nameOf(field, rest, fields);
    const links = (own.get(path) ?? [])
      .filter(([field]) => !isOfGenerator(module, field))
      .map(([field, variable]) =>
        across.includes(field)
          ? turned(called(field, ""), variable)
          : same(called(field, ""), variable),
      );
    const skipped = [...ignored];
    for (const child of children.get(path) ?? []) {
      const field = below(child, path);
      const inner = gather(child);
      for (const link of inner.links)
        links.push({ ...link, names: link.names.map((name) => called(field, name)) });
      skipped.push(...inner.ignored.map((name) => called(field, name)));
    }
    return { links, ignored: skipped };
  };
  return gather("");
}

/** The innermost module that a path leads through. */
function ownerOf(path: string, modules: Readonly<Record<string, AnyModule>>): string {
  for (let at = path.lastIndexOf("."); at >= 0; at = path.lastIndexOf(".", at - 1)) {
    const head = path.slice(0, at);
    if (Object.hasOwn(modules, head)) return head;
    if (at === 0) break;
  }
  return "";
}

const below = (path: string, owner: string): string =>
  owner === "" ? path : path.slice(owner.length + 1);

/** The state of a generator of random numbers is of no use to PyTorch. */
function isOfGenerator(module: AnyModule, field: string): boolean {
  const [first] = field.split(".");
  const part: unknown = Reflect.get(module, first!);
  return part instanceof Generator && !isVariable(part);
}

/** The name of a part's tensor: `rest` is what the part calls it. */
function nameOf(field: string, rest: string, fields: Readonly<Record<string, string>>): string {
  const whole = join(field, rest);
  const [from, to] =
    Object.entries(fields)
      .filter(([from]) => whole === from || whole.startsWith(`${from}.`))
      .sort(([a], [b]) => b.length - a.length)[0] ?? [];
  if (from === undefined) return join(snake(field), rest);
  return join(to!, whole.slice(from.length + 1));
}

const join = (a: string, b: string): string => (a === "" || b === "" ? a + b : `${a}.${b}`);
const snake = (field: string): string =>
  field.replace(/(?<=[a-z0-9])[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
