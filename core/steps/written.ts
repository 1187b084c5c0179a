/** A file holds exactly the given text; `note` says what it means, where a plan would not tell. */
import { digestOf } from '../model/digest.ts';
import { fail } from '../model/failure.ts';
import type { Json } from '../model/json.ts';
import { type Step, step } from '../model/step.ts';
import type { View } from '../model/view.ts';
import { difference, type Found, found, type PlacedAt, removal } from './placed.ts';

export function written(
  text: string,
  { path, mode = 0o644, name, note, ...base }: PlacedAt & { name: string; note?: string },
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
      return why ? [{ kind: 'write', path, text, mode, why: note ? `${why}; ${note}` : why }] : [];
    },
    undo: (facts) => removal(facts, path),
  });
}

/** A text, or what the host lacks for it, in words. */
export type Composition = { readonly text: string } | { readonly lacks: readonly string[] };

export interface Composed {
  /** What the text is made of, beside what the host says. */
  readonly inputs: Json;
  readonly compose: (view: View) => Promise<Composition>;
}

type ComposedFacts = Found & { host: string; text: string | null; lacks: readonly string[] };

/** The same for a text that depends on the host; refuses where it cannot be made. */
export function composed(
  { inputs, compose }: Composed,
  { path, mode = 0o644, name, ...base }: PlacedAt & { name: string },
): Step {
  return step<ComposedFacts>({
    name,
    ...base,
    inputs: { path, mode, of: inputs },
    probe: async (view) => {
      const [made, there] = await Promise.all([compose(view), found(view, path)]);
      return { host: view.name, text: null, lacks: [], ...made, ...there };
    },
    plan: ({ host, text, lacks, ...facts }) => {
      if (text === null)
        return fail({ kind: 'check-failed', host, what: `${path} can be written`, reasons: lacks });
      const why = difference(facts, { digest: digestOf(text), mode }, path);
      return why ? [{ kind: 'write', path, text, mode, why }] : [];
    },
    undo: (facts) => removal(facts, path),
  });
}
