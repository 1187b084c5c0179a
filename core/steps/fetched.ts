/** Bytes from elsewhere are in the store, and are what they must be. */
import { type Artifact, artifactInput } from '../model/artifact.ts';
import { type Step, step } from '../model/step.ts';

/** The engine derives one of these for every artifact, so that all downloads start at once. */
export function fetched(artifact: Artifact): Step {
  return step<{ digest: string | null }>({
    name: artifact.name,
    where: 'controller',
    root: false,
    inputs: artifactInput(artifact),
    timeout: 3600,
    probe: async (view) => ({ digest: view.locked(artifact) ?? null }),
    plan: ({ digest }) =>
      digest === null ? [{ kind: 'fetch', artifact, why: `${artifact.name} is not in the store` }] : [],
  });
}
