import { useEffect, useState } from "preact/hooks";
import type { Runner } from "./runner.ts";
import { texts as t } from "./texts/en.ts";
import { AnswerCard } from "./views/answer-card.tsx";
import { type Theme, TopBar, Transport } from "./views/bar.tsx";
import { CurvesCard } from "./views/curves-card.tsx";
import { DataCard } from "./views/data-card.tsx";
import { LayersCard } from "./views/layers-card.tsx";
import { NetCard, type Unit } from "./views/net-card.tsx";
import { TrainingCard } from "./views/training-card.tsx";
import { UnitCard } from "./views/unit-card.tsx";

/** The page. */
export function App({ runner }: { runner: Runner }) {
  const [state, setState] = useState(runner.state);
  useEffect(() => runner.subscribe(() => setState(runner.state)), [runner]);
  const [theme, setTheme, dark] = useTheme();
  const [chosen, choose] = useState<Unit | null>(null);
  return (
    <>
      <TopBar {...{ runner, state, theme, setTheme }} />
      <Transport runner={runner} state={state} />
      {state.error && (
        <p class="error" role="alert">
          {t.error}: {state.error}
        </p>
      )}
      <main>
        <div class="left">
          <DataCard runner={runner} state={state} />
          <TrainingCard runner={runner} state={state} />
        </div>
        <div class="middle">
          <NetCard {...{ runner, state, dark, chosen, choose }} />
          <UnitCard {...{ runner, state, chosen }} close={() => choose(null)} />
          <LayersCard state={state} />
        </div>
        <div class="right">
          <AnswerCard state={state} dark={dark} />
          <CurvesCard state={state} />
        </div>
      </main>
    </>
  );
}

const darkScheme = matchMedia("(prefers-color-scheme: dark)");

/** The chosen theme, how to choose another, and whether the page is dark now. */
function useTheme(): [Theme, (theme: Theme) => void, boolean] {
  const [theme, setTheme] = useState<Theme>(
    (localStorage.getItem("theme") as Theme | null) ?? "system",
  );
  const [system, setSystem] = useState(darkScheme.matches);
  useEffect(() => {
    const follow = () => setSystem(darkScheme.matches);
    darkScheme.addEventListener("change", follow);
    return () => darkScheme.removeEventListener("change", follow);
  }, []);
  const dark = theme === "system" ? system : theme === "dark";
  document.documentElement.dataset.theme = dark ? "dark" : "light";
  const choose = (wanted: Theme) => {
    localStorage.setItem("theme", wanted);
    setTheme(wanted);
  };
  return [theme, choose, dark];
}
