/** A file from an artifact stands at its place, byte for byte. */
import { type Artifact, artifactInput } from '../model/artifact.ts';
import type { Change } from '../model/change.ts';
import type { Digest } from '../model/digest.ts';
import { type Step, type StepSpec, step } from '../model/step.ts';
import type { View } from '../model/view.ts';

type Base = Pick<StepSpec<never>, 'where' | 'needs' | 'spares' | 'root'>;

export interface PlacedAt extends Base {
  readonly path: string;
  readonly mode?: number;
  readonly name?: string;
}

/** What stands at a path. */
export type Found<Sum extends string = string> = { digest: Sum | null; mode: number | null; owned: boolean };
type PlacedFacts = { wanted: string | null } & Found;

export function placed(artifact: Artifact, { path, mode = 0o755, name, ...base }: PlacedAt): Step {
  return step<PlacedFacts>({
    name: name ?? artifact.name,
    ...base,
    claims: [path],
    artifacts: [artifact],
    inputs: { path, mode, artifact: artifactInput(artifact) },
    probe: async (view) => ({ wanted: view.locked(artifact) ?? null, ...(await found(view, path)) }),
    plan: (facts) => {
      const why = difference(facts, { digest: facts.wanted, mode }, path);
      return why ? [{ kind: 'place', path, artifact, mode, why }] : [];
    },
    undo: (facts) => removal(facts, path),
  });
}

/** What stands at a path, as far as a file that cc puts there is concerned. */
export async function found(view: View, path: string): Promise<Found<Digest>> {
  const [facts, owned] = await Promise.all([view.stat(path), view.owned(path)]);
  if (facts?.kind !== 'file') return { digest: null, mode: null, owned };
  return { digest: facts.digest, mode: facts.mode, owned };
}

/** Why a file is not as declared; undefined when it is. */
export function difference(
  facts: Found,
  wanted: { readonly digest: string | null; readonly mode: number },
  path: string,
): string | undefined {
  if (facts.digest === null) return `${path} is not there`;
  if (facts.digest !== wanted.digest) return `${path} has other bytes than declared`;
  if (facts.mode !== wanted.mode)
    return `${path} has mode ${octal(facts.mode)}, declared ${octal(wanted.mode)}`;
  return undefined;
}

/** Takes away a file that is cc's; another's is left alone. */
export function removal({ owned }: Found, path: string): readonly Change[] {
  return owned ? [{ kind: 'remove', path, why: `${path} was put there by cc` }] : [];
}

export function octal(mode: number | null): string {
  return (mode ?? 0).toString(8).padStart(4, '0');
}
