/** Results of experiments as Markdown. */
import { z } from "zod";
import type { Experiment, Outcome } from "../../lab/index.ts";

/** A finished experiment. */
export interface Done {
  readonly experiment: Experiment;
  readonly outcome: Outcome;
  readonly seconds: number;
}

interface How {
  readonly quick?: boolean;
  readonly seed: number;
}

const command = (id: string, { quick, seed }: How): string =>
  ["gradus experiment", id, quick && "--quick", seed !== 0 && `--seed ${seed}`]
    .filter(Boolean)
    .join(" ");

const verdict = ({ holds, control }: Pick<Outcome, "holds" | "control">): string =>
  `${holds ? "holds" : "**fails**"}${control ? "" : ", **but its control does not fail**"}`;

/** One claim: its text, the result, the figures, every number. */
export function resultPage({ experiment, outcome, seconds }: Done, how: How): string {
  const { id, title, claim, source, measured, criterion } = experiment;
  const pictures = Object.keys(outcome.charts).map((name) => `![${name}](${id}-${name}.svg)`);
  const remarks = (outcome.remarks ?? []).map((remark) => `- ${remark}`);
  return `# ${id}: ${title}

**Claim.** ${claim} (${source})

**Measured.** ${measured}

**Criterion.** ${criterion}

**Result.** The claim ${verdict(outcome)}: ${outcome.summary}.

**Control.** ${outcome.control ? "It fails, as it must" : "It does not fail"}: ${outcome.controlSummary}.

${pictures.join("\n\n")}
${remarks.length > 0 ? `\n## Remarks\n\n${remarks.join("\n")}\n` : ""}
## Numbers

${numbersTable(outcome.figures)}

\`${command(id, how)}\`, ${seconds} s on the machine that wrote this page. The numbers as JSON: [${id}.json](${id}.json).
`;
}

function numbersTable(figures: Readonly<Record<string, unknown>>): string {
  const rows = Object.entries(figures).map(([name, value]) => `| ${name} | ${shown(value)} |`);
  return ["| what | value |", "| --- | --- |", ...rows].join("\n");
}

/** Longest list that a page shows in full; the JSON has everything. */
const mostShown = 24;

function shown(value: unknown): string {
  if (typeof value === "number") return number(value);
  if (Array.isArray(value)) {
    const few = value.slice(0, mostShown).map(shown).join(", ");
    return value.length > mostShown ? `${few}, … (${value.length})` : few;
  }
  if (typeof value === "object" && value !== null)
    return Object.entries(value)
      .map(([name, each]) => `${name}: ${shown(each)}`)
      .join("; ");
  return String(value).replaceAll("|", "\\|");
}

const number = (x: number): string =>
  Number.isInteger(x) ? String(x) : String(Number(x.toPrecision(4)));

/** The content of a page's JSON, as far as the index needs it. */
export const storedSchema = z.object({
  id: z.string(),
  title: z.string(),
  quick: z.boolean(),
  seed: z.number(),
  holds: z.boolean(),
  control: z.boolean(),
  summary: z.string(),
  charts: z.array(z.string()),
  seconds: z.number(),
});
export type Stored = z.infer<typeof storedSchema>;

/** All claims with results in a folder, with their first figures. */
export function indexPage(results: readonly Stored[]): string {
  const inOrder = [...results].sort((a, b) => Number(a.id.slice(1)) - Number(b.id.slice(1)));
  const rows = inOrder.map((each) => {
    const { id, title, charts, quick, seed } = each;
    const [first] = charts;
    const picture = first
      ? `<a href="${id}.md"><img src="${id}-${first}.svg" width="260" alt="${id}"></a>`
      : "";
    const how = quick || seed !== 0 ? ` (\`${command(id, { quick, seed })}\`)` : "";
    return `| [${id}](${id}.md) | ${title} | ${verdict(each)}: ${each.summary}${how} | ${picture} |`;
  });
  const minutes = inOrder.reduce((sum, each) => sum + each.seconds, 0) / 60;
  const kept = inOrder.filter(({ holds, control }) => holds && control).length;
  return `# The theory's claims, reproduced

Each claim is a program in [experiments/](../../experiments/): what it measures, the criterion by which it passes, and a negative control that must fail. ${kept} of ${inOrder.length} hold with their controls failing. \`gradus experiment all\` writes these pages, ${minutes.toFixed(0)} minutes of the machine that wrote them, other work included.

| | claim | result | |
| --- | --- | --- | --- |
${rows.join("\n")}
`;
}
