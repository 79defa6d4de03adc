/** Small parts that several views use. */
import type { ComponentChildren } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";

/** A number in few digits. */
export const short = (x: number): string => {
  if (!Number.isFinite(x)) return Number.isNaN(x) ? "NaN" : x > 0 ? "∞" : "−∞";
  const size = Math.abs(x);
  const text =
    size !== 0 && (size < 1e-3 || size >= 1e5)
      ? x.toExponential(1)
      : String(Number(x.toPrecision(3)));
  return text.replace("-", "−");
};
export const percent = (x: number): string => `${(100 * x).toFixed(1)} %`;
export const whole = (x: number): string => x.toLocaleString("en-US");

export function Card(props: {
  title: string;
  id: string;
  children: ComponentChildren;
  aside?: ComponentChildren;
}) {
  return (
    <section class={`card ${props.id}`} aria-labelledby={`${props.id}-title`}>
      <header>
        <h2 id={`${props.id}-title`}>{props.title}</h2>
        {props.aside}
      </header>
      {props.children}
    </section>
  );
}

export function Choice<T extends string>(props: {
  label: string;
  value: T;
  options: readonly T[];
  names: Readonly<Record<T, string>>;
  onChange: (value: T) => void;
  hidden?: boolean;
}) {
  return (
    <label class="field">
      <span class={props.hidden ? "unseen" : ""}>{props.label}</span>
      <select
        value={props.value}
        onChange={(event) => props.onChange(event.currentTarget.value as T)}
      >
        {props.options.map((option) => (
          <option key={option} value={option} selected={option === props.value}>
            {props.names[option]}
          </option>
        ))}
      </select>
    </label>
  );
}

/** A number that takes effect when it is entered. */
export function NumberField(props: {
  label: string;
  value: number;
  range: readonly [number, number];
  step?: number | "any";
  onChange: (value: number) => void;
}) {
  const { label, value, range, step = "any", onChange } = props;
  const field = useRef<HTMLInputElement>(null);
  useEffect(() => {
    if (field.current && Number(field.current.value) !== value) field.current.value = String(value);
  }, [value]);
  return (
    <label class="field">
      <span>{label}</span>
      <input
        ref={field}
        type="number"
        inputMode="decimal"
        defaultValue={String(value)}
        min={range[0]}
        max={range[1]}
        step={step}
        onChange={(event) => {
          const given = event.currentTarget.valueAsNumber;
          if (Number.isFinite(given)) onChange(given);
          else event.currentTarget.value = String(value);
        }}
      />
    </label>
  );
}

/** A slider with its value; the change takes effect when it is let go. */
export function Slider(props: {
  label: string;
  value: number;
  range: readonly [number, number];
  step: number;
  onChange: (value: number) => void;
}) {
  const [shown, setShown] = useState(props.value);
  useEffect(() => setShown(props.value), [props.value]);
  return (
    <label class="field slider">
      <span>
        {props.label} <output>{short(shown)}</output>
      </span>
      <input
        type="range"
        value={shown}
        min={props.range[0]}
        max={props.range[1]}
        step={props.step}
        onInput={(event) => setShown(event.currentTarget.valueAsNumber)}
        onChange={(event) => props.onChange(event.currentTarget.valueAsNumber)}
      />
    </label>
  );
}
