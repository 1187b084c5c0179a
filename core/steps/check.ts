/** Something is proven by doing it; what was learnt is kept with the stamp. */
import type { Inputs } from '../model/secret.ts';
import type { Script } from '../model/shell.ts';
import { type Step, type StepSpec, step } from '../model/step.ts';

export interface CheckAt extends Pick<StepSpec<never>, 'where' | 'needs' | 'timeout'> {
  readonly name: string;
  readonly title: string;
  readonly inputs: Inputs;
  readonly script: Script;
}

/** Runs when it never succeeded with these inputs, when something before it changed, and when asked for by name. */
export function check({ title, script, ...base }: CheckAt): Step {
  return step<null>({
    ...base,
    check: true,
    probe: async () => null,
    plan: (_, last) => (last.current ? [] : [{ kind: 'script', title, script, why: last.why }]),
  });
}
