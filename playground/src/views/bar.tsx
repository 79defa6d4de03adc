import { useState } from "preact/hooks";
import { type Runner, type Speed, type State, speeds } from "../runner.ts";
import { codeOf } from "../state/code.ts";
import { presets } from "../state/presets.ts";
import { texts as t } from "../texts/en.ts";
import { Choice, percent, short, whole } from "./parts.tsx";

export type Theme = "system" | "light" | "dark";

/** The name of the page, the lesson nets, and the theme. */
export function TopBar(props: {
  runner: Runner;
  state: State;
  theme: Theme;
  setTheme: (theme: Theme) => void;
}) {
  const { runner, theme, setTheme } = props;
  const next = { system: "light", light: "dark", dark: "system" } as const;
  return (
    <header class="top">
      <div>
        <h1>
          <i aria-hidden="true" /> {t.title}
        </h1>
        <p class="soft">{t.tagline}</p>
      </div>
      <label class="field preset">
        <span>{t.preset}</span>
        <select
          value=""
          onChange={(event) => {
            if (event.currentTarget.value) runner.visit(event.currentTarget.value);
            event.currentTarget.value = "";
          }}
        >
          <option value="">{t.choosePreset}</option>
          {presets.map(({ name, hash, about }) => (
            <option key={name} value={hash} title={about}>
              {name}
            </option>
          ))}
        </select>
      </label>
      <CopyCode state={props.state} />
      <button type="button" onClick={() => setTheme(next[theme])}>
        {t.theme[theme]}
      </button>
    </header>
  );
}

/** Copies the training as a program for Node, with the epochs made so far. */
function CopyCode({ state }: { state: State }) {
  const [copied, setCopied] = useState(false);
  const copy = async () => {
    await navigator.clipboard.writeText(
      codeOf(state.settings, Math.max(1, state.frame?.epoch ?? 1)),
    );
    setCopied(true);
    setTimeout(() => setCopied(false), 2000);
  };
  return (
    <button type="button" onClick={copy} aria-live="polite">
      {copied ? t.copied : t.copyCode}
    </button>
  );
}

/** Play, pause and single steps, with where the training stands. */
export function Transport({ runner, state }: { runner: Runner; state: State }) {
  const { frame, playing, reached } = state;
  const isPerceptron = state.settings.loss === "perceptron";
  return (
    <section class="transport" aria-label={t.training}>
      <div class="buttons">
        <button type="button" class="main" disabled={!frame} onClick={() => runner.play(!playing)}>
          <Icon playing={playing} /> {playing ? t.pause : t.play}
        </button>
        <button type="button" disabled={!frame || playing} onClick={() => runner.advance(1)}>
          {t.oneBatch}
        </button>
        <button type="button" disabled={!frame || playing} onClick={() => runner.epoch()}>
          {t.oneEpoch}
        </button>
        <button type="button" onClick={() => runner.restart()}>
          {t.reset}
        </button>
        <Choice
          hidden
          label={t.speed}
          value={state.speed}
          options={Object.keys(speeds) as Speed[]}
          names={t.speeds}
          onChange={(speed) => runner.setSpeed(speed)}
        />
      </div>
      <dl>
        <Figure name={t.step} value={frame ? whole(frame.step) : "–"} />
        <Figure name={t.epoch} value={frame ? whole(frame.epoch) : "–"} />
        {isPerceptron && <Figure name={t.mistakes} value={frame ? whole(frame.mistakes) : "–"} />}
        <Figure name={t.trainLoss} value={frame ? short(frame.train.loss) : "–"} kind="train" />
        <Figure name={t.testLoss} value={frame ? short(frame.test.loss) : "–"} kind="test" />
        {frame?.test.accuracy != null && (
          <Figure name={t.testAccuracy} value={percent(frame.test.accuracy)} kind="test" />
        )}
      </dl>
      <label class="field scrub">
        <span>{t.scrub}</span>
        <input
          type="range"
          min={0}
          max={Math.max(1, reached)}
          step={1}
          value={frame?.step ?? 0}
          disabled={!frame || playing || reached === 0}
          onInput={(event) => runner.goTo(event.currentTarget.valueAsNumber)}
        />
      </label>
    </section>
  );
}

const Figure = ({ name, value, kind = "" }: { name: string; value: string; kind?: string }) => (
  <div class={kind}>
    <dt>{name}</dt>
    <dd>{value}</dd>
  </div>
);

const Icon = ({ playing }: { playing: boolean }) => (
  <svg viewBox="0 0 16 16" width="14" height="14" aria-hidden="true">
    <path d={playing ? "M3 2h4v12H3zM9 2h4v12H9z" : "M3 1l11 7-11 7z"} fill="currentColor" />
  </svg>
);
