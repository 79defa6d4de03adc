/** Settings as the readable part of an address: `#v=1&data=spiral&net=16.tanh,16.tanh`. */
import {
  activationNames,
  dataNames,
  defaults,
  initNames,
  type LayerSpec,
  limits,
  lossNames,
  most,
  type NumberName,
  repaired,
  ruleNames,
  type Settings,
} from "./settings.ts";

/** Raised when an old address would be read wrongly. */
const version = "1";

const names = { data: dataNames, init: initNames, loss: lossNames, rule: ruleNames } as const;

/** What differs from the defaults; equal settings give equal texts. */
export function toHash(settings: Settings): string {
  const parts = [`v=${version}`];
  for (const name of Object.keys(names) as (keyof typeof names)[])
    if (settings[name] !== defaults[name]) parts.push(`${name}=${settings[name]}`);
  for (const name of Object.keys(limits) as NumberName[])
    if (settings[name] !== defaults[name]) parts.push(`${name}=${settings[name]}`);
  if (settings.reconstruct) parts.push("task=reconstruct");
  const net = settings.layers.map(layerText).join(",");
  if (net !== defaults.layers.map(layerText).join(",")) parts.push(`net=${net || "none"}`);
  return `#${parts.join("&")}`;
}

/** The settings of an address; what is missing or wrong is the default. */
export function fromHash(hash: string): Settings {
  const given = new URLSearchParams(hash.replace(/^#/, ""));
  if ((given.get("v") ?? version) !== version) return defaults;
  const settings: Record<string, unknown> = { ...defaults };
  for (const [name, known] of Object.entries(names)) {
    const value = given.get(name);
    if (value !== null && (known as readonly string[]).includes(value)) settings[name] = value;
  }
  for (const name of Object.keys(limits)) {
    const value = given.get(name);
    if (value && Number.isFinite(Number(value))) settings[name] = Number(value);
  }
  settings.reconstruct = given.get("task") === "reconstruct";
  const net = given.get("net");
  if (net === "none") settings.layers = [];
  else if (net) settings.layers = net.split(",").flatMap((text) => readLayer(text) ?? []);
  return repaired(settings as unknown as Settings);
}

function layerText(layer: LayerSpec): string {
  if (layer.kind === "dense") return `${layer.units}.${layer.activation}`;
  return `dropout${layer.percent}`;
}

function readLayer(text: string): LayerSpec | undefined {
  const match = /^(dropout)?(\d+)(?:\.(\w+))?$/.exec(text);
  if (!match) return undefined;
  const [, kind, digits, name] = match;
  const count = (largest: number) => Math.min(largest, Math.max(1, Number(digits)));
  if (kind === "dropout") return { kind, percent: count(90) };
  const activation = activationNames.find((known) => known === name) ?? "relu";
  return { kind: "dense", units: count(most.units), activation };
}
