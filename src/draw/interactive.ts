import { css, viridis } from "./colors.ts";
import { escapeXml } from "./escape.ts";
import { azimuthFor, type SurfaceData, type SurfaceOptions } from "./surface.ts";

/** Plotly's bundle for 3-D plots, as an element of a page's head: 1.7 MB. */
export async function plotlyScript(): Promise<string> {
  const [{ createRequire }, { readFile }] = await Promise.all([
    import("node:module"),
    import("node:fs/promises"),
  ]);
  const path = createRequire(import.meta.url).resolve("plotly.js-gl3d-dist-min");
  const source = await readFile(path, "utf8");
  return `<script>${source.replaceAll("</script", "<\\/script")}</script>\n`;
}

/**
 * A surface that can be rotated with the mouse or a finger, as HTML for a page that has {@link
 * plotlyScript} in its head. Without WebGL or scripts, the picture remains.
 *
 * @param picture shown until then, and in print: the SVG of `surfaceChart`.
 * @param id of the element, unique on the page.
 */
export function interactiveSurface(
  data: SurfaceData,
  options: SurfaceOptions,
  picture: string,
  id = "surface",
): string {
  const [traces, layout] = [tracesOf(data), layoutOf(data, options)];
  const { xLabel = "x", yLabel = "y", zLabel = "heights" } = options;
  const name = escapeXml(`surface: ${zLabel} over ${xLabel} and ${yLabel}`);
  return `<div class="turnable" id="${id}" role="img" aria-label="${name}">${picture}</div>
<script>
(() => {
  const place = document.getElementById(${JSON.stringify(id)});
  const canvas = document.createElement("canvas");
  if (!window.Plotly || !(canvas.getContext("webgl2") || canvas.getContext("webgl"))) return;
  const picture = place.innerHTML;
  place.innerHTML = "";
  place.classList.add("live");
  const config = { displayModeBar: false, responsive: true, scrollZoom: false };
  Plotly.newPlot(place, ${safe(traces)}, ${safe(layout)}, config).catch(() => {
    place.classList.remove("live");
    place.innerHTML = picture;
  });
})();
</script>`;
}

/** The surface, and the path over it if there is one, in Plotly's form. */
function tracesOf({ x, y, heights, path = [] }: SurfaceData): object[] {
  const finite = (row: ArrayLike<number>) =>
    Array.from(row, (z) => (Number.isFinite(z) ? rounded(z) : null));
  const surface = {
    type: "surface",
    x: Array.from(x, rounded),
    y: Array.from(y, rounded),
    z: heights.map(finite),
    colorscale: Array.from({ length: 9 }, (_, i) => [i / 8, css(viridis(i / 8))]),
    showscale: false,
    hoverinfo: "x+y+z",
    contours: { z: { show: true, usecolormap: true, width: 1 } },
  };
  const line = {
    type: "scatter3d",
    mode: "lines",
    x: path.map(([x]) => rounded(x)),
    y: path.map(([, y]) => rounded(y)),
    z: path.map(([, , z]) => rounded(z)),
    line: { color: "#e4572e", width: 5 },
    hoverinfo: "skip",
  };
  return path.length > 0 ? [surface, line] : [surface];
}

/** Axes, and the initial camera: the viewpoint of the picture. */
function layoutOf(data: SurfaceData, options: SurfaceOptions): object {
  const { xLabel = "x", yLabel = "y", zLabel = "", ticks = [] } = options;
  const angle = (azimuthFor(data) * Math.PI) / 180;
  const axis = (text: string) => ({ title: { text }, showspikes: false });
  return {
    margin: { l: 0, r: 0, t: 0, b: 0 },
    paper_bgcolor: "#ffffff",
    showlegend: false,
    font: { family: "system-ui, sans-serif", size: 11, color: "#1b1e23" },
    scene: {
      xaxis: axis(xLabel),
      yaxis: axis(yLabel),
      zaxis: {
        ...axis(zLabel),
        tickvals: ticks.map(({ height }) => rounded(height)),
        ticktext: ticks.map(({ text }) => text),
      },
      aspectratio: { x: 1, y: 1, z: 0.6 },
      camera: {
        eye: { x: 1.85 * Math.cos(angle), y: 1.85 * Math.sin(angle), z: 1 },
        center: { x: 0, y: 0, z: -0.2 },
      },
    },
  };
}

/**
 * Styles of {@link interactiveSurface}, for the page's head. On a phone, space beside it remains
 * for scrolling.
 */
export const turnableStyle = `<style>
.turnable:not(.live) > svg { display: block; width: 100%; max-width: 36rem; height: auto; border-radius: 6px; background: #fff; }
.turnable.live { max-width: 46rem; height: min(30rem, 92vw); border-radius: 6px; overflow: hidden; background: #fff; }
@media (max-width: 40rem) { .turnable.live { margin-right: 2.2rem; height: 88vw; } }
</style>
`;

/** Six digits suffice for a picture. */
const rounded = (x: number): number => Number(x.toPrecision(6));
/** JSON escaped for use in a script. */
const safe = (value: unknown): string => JSON.stringify(value).replaceAll("<", "\\u003c");
