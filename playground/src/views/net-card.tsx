import { useEffect, useRef, useState } from "preact/hooks";
import { type About, type Frame, grid } from "../engine/view.ts";
import type { Runner, State } from "../runner.ts";
import { activationNames, type LayerSpec, most } from "../state/settings.ts";
import { texts as t } from "../texts/en.ts";
import { type Column, edgePath, type Layout, layoutOf, parametersAt } from "./net-layout.ts";
import { drawImage, signedImage } from "./paint.ts";
import { Card, Choice } from "./parts.tsx";

/** A unit, or an input where the layer is −1. */
export interface Unit {
  readonly layer: number;
  readonly unit: number;
}

interface Props {
  readonly runner: Runner;
  readonly state: State;
  readonly dark: boolean;
  readonly chosen: Unit | null;
  readonly choose: (unit: Unit) => void;
}

/** The net as a picture: units with what they compute over the plane, weights as lines. */
export function NetCard({ runner, state, dark, chosen, choose }: Props) {
  const frameBox = useRef<HTMLDivElement>(null);
  const available = useWidth(frameBox);
  const { about, frame } = state;
  const layout = about && layoutOf([2, ...about.layers.map(({ shape }) => shape[0]!)], available);
  return (
    <Card title={t.net} id="net" aside={<AddLayer runner={runner} state={state} />}>
      <div class="scroller" ref={frameBox}>
        {about && frame && layout && (
          <div style={{ width: `${layout.width}px` }}>
            <div class="columns">
              <ColumnHead title={t.inputs} />
              {state.settings.layers.map((layer, n) => (
                <LayerHead key={n} runner={runner} state={state} layer={layer} n={n} />
              ))}
              <ColumnHead title={t.output} />
            </div>
            <div class="picture" style={{ height: `${layout.height}px` }}>
              <Edges layout={layout} about={about} frame={frame} choose={choose} />
              {layout.columns.map((column) => (
                <Units key={column.layer} {...{ column, layout, frame, dark, chosen, choose }} />
              ))}
            </div>
          </div>
        )}
      </div>
    </Card>
  );
}

function useWidth(box: { current: HTMLElement | null }): number {
  const [width, setWidth] = useState(600);
  useEffect(() => {
    const observer = new ResizeObserver(([entry]) =>
      setWidth(Math.floor(entry!.contentRect.width)),
    );
    if (box.current) observer.observe(box.current);
    return () => observer.disconnect();
  }, [box]);
  return width;
}

const ColumnHead = ({ title }: { title: string }) => (
  <div class="head">
    <b>{title}</b>
  </div>
);

function AddLayer({ runner, state }: { runner: Runner; state: State }) {
  const { layers } = state.settings;
  const last = layers.findLast((layer) => layer.kind === "dense");
  const added: LayerSpec = last ?? { kind: "dense", units: 4, activation: "tanh" };
  return (
    <button
      type="button"
      disabled={layers.length >= most.layers}
      onClick={() => runner.change({ layers: [...layers, added] })}
    >
      + {t.addLayer}
    </button>
  );
}

function LayerHead(props: { runner: Runner; state: State; layer: LayerSpec; n: number }) {
  const { runner, layer, n } = props;
  const { layers } = props.state.settings;
  if (layer.kind !== "dense") return <ColumnHead title={t.kinds[layer.kind]} />;
  const replace = (by: LayerSpec | null) =>
    runner.change({ layers: layers.flatMap((old, i) => (i === n ? (by ?? []) : old)) });
  const resize = (by: number) =>
    replace({ ...layer, units: Math.min(most.units, Math.max(1, layer.units + by)) });
  return (
    <div class="head">
      <div class="counter">
        <button
          type="button"
          aria-label={t.fewerUnits(n + 1)}
          disabled={layer.units <= 1}
          onClick={() => resize(-1)}
        >
          −
        </button>
        <b>{layer.units}</b>
        <button type="button" aria-label={t.moreUnits(n + 1)} onClick={() => resize(1)}>
          +
        </button>
        <button
          type="button"
          class="quiet"
          aria-label={t.removeLayer(n + 1)}
          onClick={() => replace(null)}
        >
          ×
        </button>
      </div>
      <Choice
        hidden
        label={t.activationOf(n + 1)}
        value={layer.activation}
        options={activationNames}
        names={t.activations}
        onChange={(activation) => replace({ ...layer, activation })}
      />
    </div>
  );
}

/** Weights as lines: blue above 0, orange below, thicker when larger. A click chooses the unit. */
function Edges(props: {
  layout: Layout;
  about: About;
  frame: Frame;
  choose: (unit: Unit) => void;
}) {
  const { layout, about, frame, choose } = props;
  const lines = layout.columns.slice(1).flatMap(({ layer, places }, c) => {
    const found = parametersAt(frame.parameters, about.layers[layer]!.path);
    if (!found) return [];
    const { shape, values } = found.weight;
    return places.flatMap((to, unit) =>
      layout.columns[c]!.places.map((from, input) => {
        const weight = values[unit * shape[1]! + input]!;
        const size = Math.min(3, Math.abs(weight) || 0);
        return (
          // biome-ignore lint/a11y/noStaticElementInteractions: for keys, units do the same
          <path
            key={`${layer}.${unit}.${input}`}
            d={edgePath(from, to, layout.side)}
            class={weight < 0 ? "minus" : "plus"}
            stroke-width={0.4 + 1.7 * size}
            stroke-opacity={0.25 + 0.25 * size}
            onClick={() => choose({ layer, unit })}
          />
        );
      }),
    );
  });
  return (
    <svg class="edges" width={layout.width} height={layout.height} aria-hidden="true">
      {lines}
    </svg>
  );
}

interface UnitsProps {
  readonly column: Column;
  readonly layout: Layout;
  readonly frame: Frame;
  readonly dark: boolean;
  readonly chosen: Unit | null;
  readonly choose: (unit: Unit) => void;
}

/** One column. Arrow keys go from unit to unit. */
function Units({ column, layout, frame, dark, chosen, choose }: UnitsProps) {
  const { layer, places, hidden } = column;
  const name =
    layer < 0
      ? t.inputs
      : layer === layout.columns.length - 2
        ? t.output
        : `${t.layer} ${layer + 1}`;
  return (
    <fieldset class="column" aria-label={name} onKeyDown={walk}>
      {places.map(({ x, y }, unit) => (
        <button
          key={unit}
          type="button"
          class={chosen?.layer === layer && chosen.unit === unit ? "unit chosen" : "unit"}
          aria-label={layer < 0 ? t.inputName(unit + 1) : t.unit(name, unit + 1)}
          disabled={layer < 0}
          style={{
            left: `${x - layout.side / 2}px`,
            top: `${y - layout.side / 2}px`,
            width: `${layout.side}px`,
            height: `${layout.side}px`,
          }}
          onClick={() => choose({ layer, unit })}
        >
          <Thumbnail {...{ frame, layer, unit, dark }} />
        </button>
      ))}
      {hidden > 0 && (
        <span class="more" style={{ left: `${places[0]!.x}px` }}>
          {t.hiddenUnits(hidden)}
        </span>
      )}
    </fieldset>
  );
}

function walk(event: KeyboardEvent): void {
  const by = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  const group = event.currentTarget as HTMLElement;
  const columns = [...group.parentElement!.querySelectorAll<HTMLElement>(".column")];
  const units = (of: HTMLElement) => [...of.querySelectorAll<HTMLElement>(".unit:enabled")];
  const at = units(group).indexOf(document.activeElement as HTMLElement);
  const side = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
  const beside = side ? columns[columns.indexOf(group) + side] : undefined;
  const others = beside ? units(beside) : [];
  const next = by ? units(group)[at + by] : others[Math.min(at, others.length - 1)];
  if (!next) return;
  event.preventDefault();
  next.focus();
}

/** What a unit computes over the plane. */
function Thumbnail(props: { frame: Frame; layer: number; unit: number; dark: boolean }) {
  const { frame, layer, unit, dark } = props;
  const canvas = useRef<HTMLCanvasElement>(null);
  const values = layer < 0 ? coordinates[unit]! : frame.plane[layer];
  const stride = layer < 0 ? 1 : (values?.length ?? 0) / grid.side ** 2;
  useEffect(() => {
    if (canvas.current && values)
      drawImage(canvas.current, signedImage(values, stride, layer < 0 ? 0 : unit, grid.side));
  }, [values, stride, unit, layer, dark]);
  return <canvas ref={canvas} width={grid.side} height={grid.side} />;
}

/** The two inputs over the plane. */
const coordinates = [0, 1].map((axis) =>
  Float32Array.from({ length: grid.side ** 2 }, (_, i) => {
    const [row, column] = [Math.floor(i / grid.side), i % grid.side];
    const at = (k: number) => (2 * (k + 0.5)) / grid.side - 1;
    return axis === 0 ? at(column) : -at(row);
  }),
);
