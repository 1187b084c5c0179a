/** Files made by commands: a source build, an image, anything whose making is worth remembering. */
import { type Artifact, artifactInput } from '../model/artifact.ts';
import { type Command, commandInput } from '../model/command.ts';
import { sameData } from '../model/digest.ts';
import type { Json } from '../model/json.ts';
import type { Inputs } from '../model/secret.ts';
import type { Script } from '../model/shell.ts';
import { type Step, type StepSpec, step } from '../model/step.ts';

export interface BuiltAt extends Pick<StepSpec<never>, 'where' | 'needs' | 'root' | 'timeout'> {
  readonly name: string;
  readonly artifacts?: readonly Artifact[];
  /** The files that the commands make; a later step uses one as an artifact with the source `built`. */
  readonly outputs: readonly string[];
  /** Commands, or a script where what is made takes more than commands; then `inputs` must name all it depends on. */
  readonly make: readonly Command[] | { readonly title: string; readonly script: Script };
  readonly inputs?: Inputs;
}

/** What a `built` step found, as other steps may read it: the digest of each output. */
export type BuiltFacts = { outputs: { [path: string]: string | null } };

/**
 * A build cannot be seen by looking, so its stamp is part of its facts: it runs again when its inputs differ from those
 * of the last build, or when an output is not what that build made. It has no undo: what was built is a cache.
 */
export function built({ name, artifacts = [], outputs, make, inputs = {}, ...base }: BuiltAt): Step {
  return step<BuiltFacts>({
    name,
    ...base,
    artifacts,
    inputs: {
      extra: inputs,
      outputs,
      artifacts: artifacts.map(artifactInput),
      make: 'script' in make ? make.title : make.map(commandInput),
    },
    probe: async (view) => {
      const found = await Promise.all(
        outputs.map(async (path) => {
          const facts = await view.stat(path);
          return [path, facts?.kind === 'file' ? facts.digest : null] as const;
        }),
      );
      return { outputs: Object.fromEntries(found) };
    },
    plan: (facts, last) => {
      const why = reason(facts, last.current, last.why, last.facts);
      if (!why) return [];
      return 'script' in make
        ? [{ kind: 'script', ...make, why }]
        : make.map((command) => ({ kind: 'run', command, why }));
    },
  });
}

function reason(
  facts: BuiltFacts,
  current: boolean,
  why: string,
  before: Json | undefined,
): string | undefined {
  const missing = Object.entries(facts.outputs).find(([, digest]) => digest === null);
  if (missing) return `${missing[0]} is not built`;
  if (!current) return why;
  return before && !sameData(before, facts) ? 'an output is not what was built' : undefined;
}
