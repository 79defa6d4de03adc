/**
 * Figures as SVG and PNG, and pages in one file.
 *
 * @module gradus/draw
 */
export { type ChartOptions, chart, type Marks } from "./chart.ts";
export { css, viridis } from "./colors.ts";
export { escapeXml } from "./escape.ts";
export { interactiveSurface, plotlyScript, turnableStyle } from "./interactive.ts";
export {
  figure,
  grid,
  image,
  type PageOptions,
  page,
  paragraph,
  section,
  table,
  tiles,
} from "./page.ts";
export { type Picture, pictureToPng } from "./picture.ts";
export { svgToPng } from "./png.ts";
export { type SurfaceData, type SurfaceOptions, surfaceChart } from "./surface.ts";
