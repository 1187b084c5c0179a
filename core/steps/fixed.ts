/** What stands already and cannot be changed any more is as declared. */
import { type Difference, fail } from '../model/failure.ts';
import { type Step, type StepSpec, step } from '../model/step.ts';
import type { View } from '../model/view.ts';

export interface FixedAt extends Pick<StepSpec<never>, 'where' | 'needs'> {
  readonly name: string;
  /** What it is about, after "Cannot change": `the cluster`. */
  readonly what: string;
  /** What is declared, each under the words that a message has for it: `{ 'the version': '1.20.2' }`. */
  readonly declared: Readonly<Record<string, string>>;
  /** What is there, under the same words; what is not there yet, and can still be made as declared, is left out. */
  readonly look: (view: View) => Promise<Readonly<Record<string, string>>>;
  /** How it can be had all the same. */
  readonly fix: string;
}

/**
 * Refuses where it differs, before anything on the host is changed. The facts hold differences alone: what is there may come
 * after this step was done, and would make every task of the host look changed.
 */
export function fixed({ what, declared, look, fix, ...base }: FixedAt): Step {
  return step<{ host: string; differences: readonly Difference[] }>({
    ...base,
    first: true,
    inputs: { declared },
    probe: async (view) => {
      const there = Object.entries(await look(view));
      const differences = there.flatMap(([what, is]) => {
        const wanted = declared[what] ?? 'nothing';
        return is === wanted ? [] : [{ what, is, declared: wanted }];
      });
      return { host: view.name, differences };
    },
    plan: ({ host, differences }) =>
      differences.length === 0 ? [] : fail({ kind: 'cannot-change', host, what, differences, fix }),
  });
}
