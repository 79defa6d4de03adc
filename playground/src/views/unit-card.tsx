import type { Runner, State } from "../runner.ts";
import { texts as t } from "../texts/en.ts";
import type { Unit } from "./net-card.tsx";
import { parametersAt } from "./net-layout.ts";
import { Card, NumberField } from "./parts.tsx";

const anyNumber = [-1e6, 1e6] as const;

/** The weights and the bias of a unit, to read and to change. */
export function UnitCard(props: {
  runner: Runner;
  state: State;
  chosen: Unit | null;
  close: () => void;
}) {
  const { runner, state, chosen, close } = props;
  const { about, frame } = state;
  const layer = chosen && about?.layers[chosen.layer];
  const found = frame && layer ? parametersAt(frame.parameters, layer.path) : null;
  if (!chosen || !found || chosen.unit >= found.bias.values.length)
    return <p class="soft hint">{t.unitHint}</p>;
  const { unit } = chosen;
  const inputs = found.weight.values.length / found.bias.values.length;
  const name =
    chosen.layer === about!.layers.length - 1 ? t.output : `${t.layer} ${chosen.layer + 1}`;
  const from = (i: number) => (chosen.layer === 0 ? t.inputName(i + 1) : String(i + 1));
  const field = (path: string, index: number, label: string, value: number) => (
    <NumberField
      key={`${path}.${index}`}
      label={label}
      value={Number(value.toPrecision(5))}
      range={anyNumber}
      onChange={(given) => {
        runner.play(false);
        runner.edit(path, index, given);
      }}
    />
  );
  return (
    <Card
      title={t.unit(name, unit + 1)}
      id="unit"
      aside={
        <button type="button" onClick={close}>
          {t.close}
        </button>
      }
    >
      <div class="weights">
        {field(found.bias.path, unit, t.bias, found.bias.values[unit]!)}
        {Array.from({ length: inputs }, (_, i) =>
          field(
            found.weight.path,
            unit * inputs + i,
            t.weightFrom(from(i)),
            found.weight.values[unit * inputs + i]!,
          ),
        )}
      </div>
    </Card>
  );
}
