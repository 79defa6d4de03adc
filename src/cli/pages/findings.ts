/** The findings of an audit, in words, as HTML. */
import { escapeXml, paragraph } from "../../draw/index.ts";
import { diagnose, type ModelAudit } from "../../lab/index.ts";

/** Each finding with its likely cause and remedy, or a note that there are none. */
export function findingsList(audit: ModelAudit): string {
  const found = diagnose(audit);
  if (found.length === 0)
    return paragraph("The audit finds nothing wrong with units or gradients.");
  const items = found.map(
    ({ kind, path, what, cause, cure }) =>
      `<dt>${escapeXml(kind[0]!.toUpperCase() + kind.slice(1))}${path && ` in <code>${escapeXml(path)}</code>`}</dt>
<dd>${escapeXml(what)}<br><b>Likely cause:</b> ${escapeXml(cause)}<br><b>What to do:</b> ${escapeXml(cure)}</dd>`,
  );
  return `<dl class="findings">\n${items.join("\n")}\n</dl>`;
}

/** Styles of {@link findingsList}, for the page's head. */
export const findingsHead = `<style>
.findings { margin: .6rem 0; max-width: 46rem; } .findings dt { font-weight: 600; margin-top: .7rem; overflow-wrap: anywhere; }
.findings dd { margin: .1rem 0 0; padding-left: .8rem; border-left: 3px solid var(--accent); font-size: .92rem; }
</style>
`;
