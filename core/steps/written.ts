/** A file holds exactly the given text; `note` says what it means, where a plan would not tell. */
import { readableFault } from '../model/change.ts';
import { digestOf } from '../model/digest.ts';
import { Failed, fail } from '../model/failure.ts';
import { type Inputs, labelled, secretsIn, type Text } from '../model/secret.ts';
import { type Step, step } from '../model/step.ts';
import type { View } from '../model/view.ts';
import { difference, type Found, found, type PlacedAt, removal } from './placed.ts';

export interface WrittenAt extends PlacedAt {
  readonly name: string;
  readonly note?: string;
}

/** A text with secrets in it is for root alone, unless the mode says for whom else. */
export function written(text: Text, at: WrittenAt): Step {
  return typeof text === 'string' ? plain(text, at) : secretive(text, at);
}

function plain(text: string, { path, mode = 0o644, name, note, ...base }: WrittenAt): Step {
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

type SealedFacts = Found & { wanted: string | null; unread: Unread | null };

/** What keeps a secret from being read. */
type Unread = { host: string; what: string; why: string };

/** Neither facts nor inputs have a digest of the text, by which a short secret could be guessed. */
function secretive(text: Text, { path, mode = 0o600, name, note, ...base }: WrittenAt): Step {
  const secrets = secretsIn(text);
  const [first] = secrets;
  const byLabel = Object.fromEntries(secrets.map((each) => [each.label, each]));
  if (first && (mode & 0o007) !== 0) throw new Error(readableFault(first, path));
  return step<SealedFacts>({
    name,
    ...base,
    claims: [path],
    inputs: { path, mode, digest: digestOf(labelled(text)), secrets: byLabel },
    probe: async (view) => {
      const there = await found(view, path);
      if (there.digest === null) return { ...there, wanted: null, unread: null };
      const digest = await view.sealed({ digest: there.digest });
      return { ...there, digest, ...(await wantedBy(view, text)) };
    },
    plan: ({ unread, ...facts }) => {
      if (unread) return fail({ kind: 'cannot-tell', ...unread });
      const why = difference(facts, { digest: facts.wanted, mode }, path);
      return why ? [{ kind: 'write', path, text, mode, why: note ? `${why}; ${note}` : why }] : [];
    },
    undo: (facts) => removal(facts, path),
  });
}

/** What is taken back needs no secret, and so a probe does without. */
async function wantedBy(view: View, text: Text): Promise<Pick<SealedFacts, 'wanted' | 'unread'>> {
  try {
    return { wanted: await view.sealed({ text }), unread: null };
  } catch (error) {
    if (!(error instanceof Failed) || error.failure.kind !== 'cannot-tell') throw error;
    const { host, what, why } = error.failure;
    return { wanted: null, unread: { host, what, why } };
  }
}

/** A text, or what the host lacks for it, in words. */
export type Composition = { readonly text: string } | { readonly lacks: readonly string[] };

export interface Composed {
  /** What the text is made of, beside what the host says. */
  readonly inputs: Inputs;
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
    claims: [path],
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
