/** A file holds exactly the given text. */
import { digestOf } from '../model/digest.ts';
import { type Step, step } from '../model/step.ts';
import { difference, found, type PlacedAt, removal } from './placed.ts';

export function written(
  text: string,
  { path, mode = 0o644, name, ...base }: PlacedAt & { name: string },
): Step {
  const digest = digestOf(text);
  return step<{ digest: string | null; mode: number | null; owned: boolean }>({
    name,
    ...base,
    claims: [path],
    inputs: { path, mode, digest },
    probe: (view) => found(view, path),
    plan: (facts) => {
      const why = difference(facts, { digest, mode }, path);
      return why ? [{ kind: 'write', path, text, mode, why }] : [];
    },
    undo: (facts) => removal(facts, path),
  });
}
