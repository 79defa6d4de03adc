import { Command, CommanderError } from "commander";
import type { Define } from "./commands/define.ts";
import { describeError, Exit, failed } from "./terminal/errors.ts";
import { processTerminal, type Terminal } from "./terminal/terminal.ts";
import { waitFor } from "./terminal/waiting.ts";
import { version } from "./version.ts";

interface CommandRow {
  readonly about: string;
  readonly load: () => Promise<{ define: Define }>;
  /**
   * Whether the important results are in files, so that a lost standard output is not a failure.
   */
  readonly keepsFiles?: boolean;
}

/** The commands. A command's file and its imports are loaded only when it is called. */
const commands: Record<string, CommandRow> = {
  train: {
    about:
      "train a network or a learner, by default a small convolutional net on handwritten digits",
    load: () => import("./commands/train.ts"),
    keepsFiles: true,
  },
  evaluate: {
    about: "measure a trained model on its test data, or on other data",
    load: () => import("./commands/evaluate.ts"),
  },
  predict: {
    about: "let a trained model look at images, recordings or rows of a table",
    load: () => import("./commands/predict.ts"),
  },
  search: {
    about: "try settings at random, on a grid or by halving, and keep the best",
    load: () => import("./commands/search.ts"),
    keepsFiles: true,
  },
  models: {
    about: "list all models, networks and learners, with a line each",
    load: () => import("./commands/models.ts"),
  },
  embed: {
    about: "draw a map of data: PCA, t-SNE or UMAP, as CSV, picture and page",
    load: () => import("./commands/embed.ts"),
  },
  "find-lr": {
    about: "look for a learning rate by a short sweep",
    load: () => import("./commands/find-lr.ts"),
  },
  report: {
    about: "write a page about a trained model: curves, mistakes, weights, sizes",
    load: () => import("./commands/report.ts"),
  },
  export: {
    about: "write a trained network as an ONNX file, for other programs",
    load: () => import("./commands/export.ts"),
    keepsFiles: true,
  },
  data: {
    about: "download data sets by name: MNIST, Fashion-MNIST, CIFAR-10, Iris",
    load: () => import("./commands/data.ts"),
  },
  config: {
    about: "print the settings that a training would have",
    load: () => import("./commands/config.ts"),
  },
  summary: {
    about: "list what a trained model or a network is made of, with sizes",
    load: () => import("./commands/summary.ts"),
  },
  inspect: {
    about: "look inside a trained network: filters, feature maps, patches, attributions, audit",
    load: () => import("./commands/inspect.ts"),
  },
  landscape: {
    about: "look at the loss around a trained network: contour, surface, curvature, audit",
    load: () => import("./commands/landscape.ts"),
  },
  play: {
    about: "open the playground, where a net is trained, taken apart and understood",
    load: () => import("./commands/play.ts"),
  },
  experiment: {
    about: "run a claim of the theory as a program, and see whether it holds",
    load: () => import("./commands/experiment.ts"),
  },
  convolve: {
    about: "apply a kernel to an image: blur, sharpen, look for edges",
    load: () => import("./commands/convolve.ts"),
  },
  doctor: {
    about: "say what gradus runs on here",
    load: () => import("./commands/doctor.ts"),
  },
};

/**
 * Runs one command line.
 *
 * @param args the arguments after the program's name: `["train", "--epochs", "2"]`.
 * @returns the exit code: 0, 1 for an error, 130 after Ctrl-C, 143 after SIGTERM, 129 after SIGHUP.
 */
export async function run(args: readonly string[], terminal = processTerminal()): Promise<number> {
  try {
    const root = await program(args, terminal);
    const name = args.find((word) => Object.hasOwn(commands, word));
    await waitFor(`gradus ${name ?? ""}`.trim(), () =>
      root.parseAsync([...args], { from: "user" }),
    );
    const keepsFiles = name !== undefined && commands[name]!.keepsFiles;
    return (await terminal.lost?.()) && !keepsFiles ? failed : 0;
  } catch (error) {
    if (error instanceof Exit) return error.code;
    if (error instanceof CommanderError) return error.exitCode; // commander has already printed it
    terminal.error(describeError(error));
    return failed;
  }
}

async function program(args: readonly string[], terminal: Terminal): Promise<Command> {
  const root = new Command("gradus")
    .description("Deep learning in TypeScript: train, explain and ship neural networks.")
    .version(await version(), "-V, --version", "print the version")
    .showSuggestionAfterError()
    .showHelpAfterError(
      "  fix: `gradus --help` lists the commands, `gradus <command> --help` its options.",
    )
    .configureOutput({
      writeOut: (text) => terminal.out(text.trimEnd()),
      writeErr: (text) => terminal.error(text.trimEnd()),
    })
    .exitOverride();
  for (const [name, { about, load }] of Object.entries(commands)) {
    const command = root.command(name).description(about).copyInheritedSettings(root);
    if (args.includes(name)) (await load()).define(command, terminal);
  }
  return root;
}
