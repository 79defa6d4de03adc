import { useEffect, useRef, useState } from "preact/hooks";
import { grid, type Points } from "../engine/view.ts";
import type { State } from "../runner.ts";
import { texts as t } from "../texts/en.ts";
import { answerImage, colorOf, drawImage } from "./paint.ts";
import { Card } from "./parts.tsx";

const pixels = 640;

/** The plane in the colors of the net's answers, with the examples. */
export function AnswerCard({ state, dark }: { state: State; dark: boolean }) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const [showTest, setShowTest] = useState(false);
  const [sharp, setSharp] = useState(false);
  const { about, frame } = state;
  useEffect(() => {
    const values = frame?.plane.at(-1);
    if (!canvas.current || !about || !values) return;
    const context = drawImage(canvas.current, answerImage(about.task, values, grid.side, sharp));
    if (showTest) drawPoints(context, about.task, about.points.test, true);
    drawPoints(context, about.task, about.points.train, false);
  }, [frame, about, showTest, sharp, dark]);
  return (
    <Card title={t.answer} id="answer">
      <canvas
        ref={canvas}
        width={pixels}
        height={pixels}
        role="img"
        aria-label={about ? t.answerOf[about.task] : t.answer}
      />
      <div class="checks">
        <label>
          <input type="checkbox" checked={showTest} onChange={() => setShowTest(!showTest)} />
          {t.showTest}
        </label>
        {about?.task !== "regression" && (
          <label>
            <input type="checkbox" checked={sharp} onChange={() => setSharp(!sharp)} />
            {t.sharp}
          </label>
        )}
      </div>
    </Card>
  );
}

function drawPoints(
  context: CanvasRenderingContext2D,
  task: string,
  points: Points,
  hollow: boolean,
): void {
  const place = (x: number) => (pixels * (x / grid.reach + 1)) / 2;
  const many = points.targets.length > 400;
  for (let i = 0; i < points.targets.length; i++) {
    const color = task === "reconstruction" ? "#777" : colorOf(task, points.targets[i]!);
    context.beginPath();
    context.arc(
      place(points.inputs[2 * i]!),
      place(-points.inputs[2 * i + 1]!),
      many ? 5 : 7,
      0,
      7,
    );
    context.fillStyle = hollow ? "#fff" : color;
    context.strokeStyle = hollow ? color : "#fff";
    context.lineWidth = hollow ? 3 : 1.5;
    context.fill();
    context.stroke();
  }
}
