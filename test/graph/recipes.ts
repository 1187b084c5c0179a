/** Small recipes for tests of the graph: steps that do nothing, plugins by name, one call to expand them. */
import { type ExpandContext, type Expanded, expand } from '../../core/graph/expand.ts';
import { flattened } from '../../core/graph/flatten.ts';
import { Failed, type Failure, type Problem } from '../../core/model/failure.ts';
import { type Body, type Context, type Host, type PluginUse, plugin } from '../../core/model/plugin.ts';
import type { Recipe } from '../../core/model/recipe.ts';
import { type Step, type StepSpec, step } from '../../core/model/step.ts';
import * as v from '../../core/model/vocabulary.ts';

export const EXPAND_CONTEXT: ExpandContext = {
  arch: 'amd64',
  cache: '/cache',
  state: '/state',
  file: '/site/cc.config.ts',
};

/** A step that is only a place in the graph. */
export function bare(name: string, spec: Partial<StepSpec<null>> = {}): Step {
  return step<null>({ name, probe: async () => null, plan: () => [], ...spec });
}

export interface Spec {
  readonly provides?: readonly { readonly name: string }[];
  readonly epoch?: number;
  readonly isCleanup?: boolean;
}

/** A plugin without options. */
export function part(name: string, build: (context: Context) => Body, spec: Spec = {}): PluginUse {
  return plugin({
    name,
    help: name,
    options: v.strictObject({}),
    ...spec,
    build: (_, context) => build(context),
  })();
}

/** A plugin with these steps. */
export function steps(name: string, ...all: readonly Step[]): PluginUse {
  return part(name, () => ({ steps: all }));
}

export function host(name: string, ...roles: readonly string[]): Host {
  return { name, roles, connection: { kind: 'ssh', address: name } };
}

export function expanded(...layers: readonly Recipe[]): Expanded {
  const problems: Problem[] = [];
  return expand(flattened(layers, problems), EXPAND_CONTEXT, problems);
}

/** Each task with what it needs. */
export function needsOf({ tasks }: Expanded): Readonly<Record<string, readonly string[]>> {
  return Object.fromEntries(tasks.map(({ id, needs }) => [id, needs]));
}

/** The failure that a call ends with; a test fails when there is none, or a bug. */
export function failureIn(call: () => unknown): Failure {
  try {
    call();
  } catch (error) {
    if (error instanceof Failed) return error.failure;
    throw error;
  }
  throw new Error('it did not fail');
}
