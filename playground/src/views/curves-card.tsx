import type { Sample, State } from "../runner.ts";
import { texts as t } from "../texts/en.ts";
import { Card, percent, short } from "./parts.tsx";

/** Loss, and accuracy where there are classes, against the step. */
export function CurvesCard({ state }: { state: State }) {
  const { curve } = state;
  const hasAccuracy = curve.some(({ trainAccuracy }) => trainAccuracy !== null);
  return (
    <Card title={t.curves} id="curves" aside={<Legend />}>
      <Curve
        label={t.loss}
        samples={curve}
        of={[({ train }) => train, ({ test }) => test]}
        from={0}
        show={short}
      />
      {hasAccuracy && (
        <Curve
          label={t.accuracy}
          samples={curve}
          of={[
            ({ trainAccuracy }) => trainAccuracy ?? NaN,
            ({ testAccuracy }) => testAccuracy ?? NaN,
          ]}
          from={0}
          to={1}
          show={percent}
        />
      )}
    </Card>
  );
}

const Legend = () => (
  <p class="legend">
    <span class="line train" /> {t.curveNames.train} <span class="line test" /> {t.curveNames.test}
  </p>
);

const [width, height] = [300, 84];

interface CurveProps {
  readonly label: string;
  readonly samples: readonly Sample[];
  readonly of: readonly [(sample: Sample) => number, (sample: Sample) => number];
  readonly from: number;
  readonly to?: number;
  readonly show: (x: number) => string;
}

function Curve({ label, samples, of, from, to, show }: CurveProps) {
  const finite = samples.flatMap((sample) => of.map((get) => get(sample))).filter(Number.isFinite);
  const top = to ?? Math.max(1e-9, ...finite);
  const last = samples.at(-1);
  const end = Math.max(1, last?.step ?? 1);
  const points = (get: (sample: Sample) => number) =>
    samples
      .filter((sample) => Number.isFinite(get(sample)))
      .map((sample) => {
        const y = height - ((get(sample) - from) / (top - from)) * (height - 6) - 2;
        return `${((sample.step / end) * width).toFixed(1)},${y.toFixed(1)}`;
      })
      .join(" ");
  const values = last ? of.map((get) => show(get(last))) : [];
  return (
    <figure class="curve">
      <figcaption>
        {label} <b class="train">{values[0]}</b> <b class="test">{values[1]}</b>
      </figcaption>
      <svg
        viewBox={`0 0 ${width} ${height}`}
        preserveAspectRatio="none"
        role="img"
        aria-label={`${label}: ${t.curveNames.train} ${values[0]}, ${t.curveNames.test} ${values[1]}`}
      >
        <line x1="0" x2={width} y1={height - 1} y2={height - 1} class="axis" />
        <polyline points={points(of[1])} class="test" />
        <polyline points={points(of[0])} class="train" />
      </svg>
      <p class="scale">
        <span>0</span>
        <span>{end.toLocaleString("en-US")}</span>
      </p>
    </figure>
  );
}
