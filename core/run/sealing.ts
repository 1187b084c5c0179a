/** Secrets as stamps have them: a label, and a digest under the key of the host. */
import type { Reveal } from '../host/reveal.ts';
import type { Secrets } from '../host/view.ts';
import type { Json } from '../model/json.ts';
import { secretsIn, withSecrets } from '../model/secret.ts';
import type { Task } from '../model/task.ts';
import type { Session } from './session-pool.ts';

interface Revealing {
  readonly reveal: Reveal;
}

export function secretsOn({ stamps }: Session, { reveal }: Revealing): Secrets {
  return {
    reveal,
    seal: async (text) => (await import('../host/seal.ts')).sealed(await stamps.key(), text), // rarely wanted
  };
}

/**
 * A task's inputs for its manifest. A secret that cannot be read fails the task when the manifest is asked for: what was never
 * applied can be planned without. What can be read is masked from before the first look at the host.
 */
export async function sealedInputs(
  { step: { inputs = null } }: Task,
  session: Session,
  context: Revealing,
): Promise<() => Json> {
  const secrets = secretsIn(inputs);
  if (secrets.length === 0) return () => inputs as Json; // there is nothing else in it
  try {
    const { reveal, seal } = secretsOn(session, context);
    const seals = await Promise.all(
      secrets.map(async (each) => [each, `${each} ${await seal(await reveal(each))}`] as const),
    );
    const known = new Map(seals);
    const sealed = withSecrets(inputs, (each) => known.get(each) ?? String(each));
    return () => sealed;
  } catch (error) {
    return () => {
      throw error;
    };
  }
}
