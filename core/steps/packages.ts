/** Debian packages are installed from the archive that the host itself is set up for. */
import { type Step, type StepSpec, step } from '../model/step.ts';

export interface PackagesAt extends Pick<StepSpec<never>, 'where' | 'needs'> {
  readonly name?: string;
}

/** Has no undo: a package may have found other users since. */
export function packages(names: readonly string[], { name = 'packages', ...base }: PackagesAt = {}): Step {
  return step<{ missing: readonly string[] }>({
    name,
    ...base,
    locks: ['apt'],
    inputs: { names },
    probe: async (view) => ({ missing: await view.missingPackages(names) }),
    plan: ({ missing }) =>
      missing.length === 0
        ? []
        : [{ kind: 'packages', names: missing, why: `${missing.join(', ')} not installed` }],
  });
}
