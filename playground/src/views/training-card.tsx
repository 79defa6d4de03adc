import type { Runner, State } from "../runner.ts";
import { constantsOf, initNames, limits, lossesOf, ruleNames, taskOf } from "../state/settings.ts";
import { texts as t } from "../texts/en.ts";
import { Card, Choice, NumberField } from "./parts.tsx";

/** How the net learns. */
export function TrainingCard({ runner, state }: { runner: Runner; state: State }) {
  const { settings } = state;
  const change = runner.change.bind(runner);
  const number = (
    name: "lr" | "batch" | "l1" | "l2" | "rho" | "beta1" | "beta2" | "eps",
    label: string,
  ) => (
    <NumberField
      key={name}
      label={label}
      value={settings[name]}
      range={limits[name]}
      step={name === "batch" ? 1 : "any"}
      onChange={(value) => change({ [name]: value })}
    />
  );
  return (
    <Card title={t.training} id="training">
      <div class="pair">
        {number("lr", t.lr)}
        {number("batch", t.batch)}
      </div>
      <Choice
        label={t.rule}
        value={settings.rule}
        options={ruleNames}
        names={t.rules}
        onChange={(rule) => change({ rule })}
      />
      {constantsOf[settings.rule].length > 0 && (
        <div class="pair">
          {constantsOf[settings.rule].map((name) => number(name, t.constants[name]))}
        </div>
      )}
      <Choice
        label={t.loss}
        value={settings.loss}
        options={lossesOf(taskOf(settings))}
        names={t.losses}
        onChange={(loss) => change({ loss })}
      />
      <Choice
        label={t.init}
        value={settings.init}
        options={initNames}
        names={t.inits}
        onChange={(init) => change({ init })}
      />
      <div class="pair">
        {number("l1", t.l1)}
        {number("l2", t.l2)}
      </div>
    </Card>
  );
}
