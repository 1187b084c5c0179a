/** Bytes from elsewhere are in the store, and are what they must be. */
import { type Artifact, artifactInput } from '../model/artifact.ts';
import { type Step, step } from '../model/step.ts';

/** The engine derives one of these for every artifact, so that all downloads start at once. */
export function fetched(artifact: Artifact): Step {
  return step<{ digest: string | null; changed?: true }>({
    name: artifact.name,
    where: 'controller',
    root: false,
    inputs: artifactInput(artifact),
    timeout: 3600,
    probe: async (view) => {
      const digest = view.locked(artifact) ?? null;
      if (digest === null || (await view.fetched(artifact))) return { digest };
      return { digest: null, changed: true };
    },
    plan: ({ digest, changed }) => {
      const why = changed
        ? `${artifact.name} in the store has other bytes than its digest says`
        : `${artifact.name} is not in the store`;
      return digest === null ? [{ kind: 'fetch', artifact, why }] : [];
    },
  });
}
