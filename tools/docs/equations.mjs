/**
 * A typedoc plugin: lines that a docstring indents by two spaces or more (equations, tables) keep
 * their line breaks, as code does; Markdown would join them.
 */

/** Paragraphs of lines that are all indented. */
const setIn = /(?<=^|\n\n)(?: {2,}\S.*(?:\n|$))+(?=\n|$)/g;

/** @param {string} text */
const fenced = (text) =>
  text.replace(setIn, (lines) => {
    const margin = Math.min(...[...lines.matchAll(/^ +/gm)].map(([space]) => space.length));
    const body = lines.replace(new RegExp(`^ {${margin}}`, "gm"), "").trimEnd();
    return `\`\`\`text\n${body}\n\`\`\`\n`;
  });

/** @typedef {{ kind: string, text: string }} Part */
/** @typedef {{ summary: Part[], blockTags: { tag: string, content: Part[] }[] }} Comment */

/** @param {any} app */
export function load(app) {
  app.converter.on("resolveBegin", (/** @type {any} */ { project }) => {
    for (const reflection of Object.values(project.reflections)) {
      /** @type {Comment | undefined} */
      const comment = reflection.comment;
      for (const part of comment?.summary ?? [])
        if (part.kind === "text") part.text = fenced(part.text);
    }
  });
}
