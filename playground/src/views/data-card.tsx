import type { Runner, State } from "../runner.ts";
import { type DataName, dataNames, hasClasses, limits, taskOf } from "../state/settings.ts";
import { texts as t } from "../texts/en.ts";
import { Card, NumberField, Slider } from "./parts.tsx";

/** Which data, and how many. */
export function DataCard({ runner, state }: { runner: Runner; state: State }) {
  const { settings } = state;
  const change = runner.change.bind(runner);
  return (
    <Card title={t.data} id="data">
      <Sets chosen={settings.data} choose={(data) => change({ data })} />
      {taskOf(settings) === "regression" && <p class="soft">{t.regression}</p>}
      {hasClasses(settings.data) && (
        <Slider
          label={t.classes}
          value={settings.classes}
          range={limits.classes}
          step={1}
          onChange={(classes) => change({ classes })}
        />
      )}
      <Slider
        label={t.noise}
        value={settings.noise}
        range={[0, 0.5]}
        step={0.01}
        onChange={(noise) => change({ noise })}
      />
      <Slider
        label={t.split}
        value={settings.split}
        range={limits.split}
        step={5}
        onChange={(split) => change({ split })}
      />
      <div class="pair">
        <NumberField
          label={t.size}
          value={settings.size}
          range={limits.size}
          step={1}
          onChange={(size) => change({ size })}
        />
        <NumberField
          label={t.seed}
          value={settings.seed}
          range={limits.seed}
          step={1}
          onChange={(seed) => change({ seed })}
        />
      </div>
    </Card>
  );
}

const Sets = (props: { chosen: DataName; choose: (name: DataName) => void }) => (
  <div class="sets" role="radiogroup" aria-label={t.data}>
    {dataNames.map((name) => (
      <label key={name} class={name === props.chosen ? "set chosen" : "set"}>
        <input
          type="radio"
          name="data"
          class="unseen"
          checked={name === props.chosen}
          onChange={() => props.choose(name)}
        />
        <SetPicture name={name} />
        <span>{t.dataNames[name]}</span>
      </label>
    ))}
  </div>
);

/** Pictures of the sets in two colors, drawn once by formula. */
function SetPicture({ name }: { name: DataName }) {
  const dots = dotsOf(name);
  return (
    <svg viewBox="-1.3 -1.3 2.6 2.6" aria-hidden="true">
      {dots.map(([x, y, k], i) => (
        <circle key={i} cx={x} cy={-y} r={0.13} class={`class-${k}`} />
      ))}
    </svg>
  );
}

type Dot = readonly [x: number, y: number, k: number];

function dotsOf(name: DataName): Dot[] {
  const count = (n: number, dot: (i: number, k: number) => readonly [number, number]): Dot[] =>
    [0, 1].flatMap((k) => Array.from({ length: n }, (_, i): Dot => [...dot(i, k), k]));
  const round = (r: number, a: number): [number, number] => [r * Math.cos(a), r * Math.sin(a)];
  if (name === "moons")
    return count(8, (i, k) => {
      const [x, y] = round(0.75, (Math.PI * i) / 7);
      return k === 0 ? [x - 0.35, y - 0.2] : [0.35 - x, 0.2 - y];
    });
  if (name === "circles") return count(10, (i, k) => round(k === 0 ? 1 : 0.45, (Math.PI * i) / 5));
  if (name === "spiral")
    return count(9, (i, k) => round((i + 1) / 9, 4.5 * ((i + 1) / 9) + Math.PI * k));
  if (name === "xor")
    return count(8, (i, k) => {
      const [x, y] = [0.35 + 0.5 * (i % 2), 0.35 + 0.5 * ((i >> 1) % 2)];
      const side = i < 4 ? 1 : -1;
      return [side * x, (k === 0 ? 1 : -1) * side * y];
    });
  if (name === "blobs")
    return count(9, (i, k) => {
      const [x, y] = round(0.15 + 0.12 * (i % 3), 2.4 * i);
      return [x + (k ? 0.55 : -0.55), y + (k ? 0.5 : -0.5)];
    });
  const height =
    name === "waves"
      ? (x: number, y: number) => Math.sin(3 * x) * Math.cos(2 * y)
      : (x: number, y: number) => x + y;
  return Array.from({ length: 36 }, (_, i): Dot => {
    const [x, y] = [((i % 6) - 2.5) / 2.5, (Math.floor(i / 6) - 2.5) / 2.5];
    return [x, y, height(x, y) < 0 ? 0 : 1];
  });
}
