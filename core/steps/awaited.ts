/** Something comes true by itself, in its own time. */
import { type Step, type StepSpec, step } from '../model/step.ts';
import type { View } from '../model/view.ts';

export interface AwaitedAt extends Pick<StepSpec<never>, 'where' | 'needs' | 'inputs' | 'root'> {
  readonly name: string;
  /** What is waited for, as a sentence: `the node is ready`. */
  readonly what: string;
  /** Seconds it may take. */
  readonly within: number;
  /** Why it is not so yet; undefined when it is. */
  readonly look: (view: View) => Promise<string | undefined>;
}

/** Where it is not so, the change is to wait, and running out of time fails with the last reason. */
export function awaited({ what, within, look, inputs = {}, ...base }: AwaitedAt): Step {
  return step<{ reason: string | null }>({
    ...base,
    inputs,
    timeout: within + 60,
    probe: async (view) => ({ reason: (await look(view)) ?? null }),
    plan: ({ reason }) =>
      reason === null
        ? []
        : [
            {
              kind: 'script',
              title: `wait until ${what}`,
              why: reason,
              script: async (shell) => {
                await shell.until(what, within, () => look(shell.view));
                return undefined;
              },
            },
          ],
  });
}
