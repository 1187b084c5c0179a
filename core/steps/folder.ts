/** A folder stands where programs keep their state; it is cc's to take away only when cc made it. */
import { type Step, type StepSpec, step } from '../model/step.ts';

export interface FolderAt extends Pick<StepSpec<never>, 'where' | 'needs' | 'root'> {
  readonly name: string;
  readonly path: string;
}

export function folder({ path, ...base }: FolderAt): Step {
  return step<{ there: boolean; owned: boolean }>({
    ...base,
    inputs: { path },
    probe: async (view) => ({ there: (await view.stat(path)) !== undefined, owned: await view.owned(path) }),
    plan: ({ there }) => (there ? [] : [{ kind: 'folder', path, why: `${path} is not there` }]),
    undo: ({ owned }) => (owned ? [{ kind: 'remove', path, why: `${path} was made by cc` }] : []),
  });
}
