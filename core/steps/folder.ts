/** A folder stands where programs keep their state; it is cc's to take away only when cc made it. */
import { type Step, type StepSpec, step } from '../model/step.ts';
import { octal } from './placed.ts';

export interface FolderAt extends Pick<StepSpec<never>, 'where' | 'needs' | 'root'> {
  readonly name: string;
  readonly path: string;
  /** Default: 0o755 where cc makes it; a folder that was there keeps the mode that it has. */
  readonly mode?: number;
  /** `user` or `user:group`; default: whoever cc is on that host, or whoever has it. */
  readonly owner?: string;
}

type Facts = { mode: number | null; owner: string | null; owned: boolean };

/** What cc gives a folder that nobody declares otherwise: what `mkdir` would, were there no umask. */
const USUAL = 0o755;

export function folder({ path, mode, owner, ...base }: FolderAt): Step {
  return step<Facts>({
    ...base,
    claims: [path],
    inputs: { path, mode, owner },
    probe: async (view) => {
      const [facts, owned] = await Promise.all([view.stat(path), view.owned(path)]);
      const there = facts?.kind === 'directory' ? facts : undefined;
      return { mode: there?.mode ?? null, owner: there?.owner ?? null, owned };
    },
    plan: (facts) => {
      const wanted = mode ?? (facts.mode === null || facts.owned ? USUAL : facts.mode);
      const why = difference(facts, wanted, owner, path);
      return why ? [{ kind: 'folder', path, mode: wanted, ...(owner ? { owner } : {}), why }] : [];
    },
    undo: ({ owned }) =>
      owned ? [{ kind: 'remove', path, folder: true, why: `${path} was made by cc` }] : [],
  });
}

function difference(facts: Facts, mode: number, owner: string | undefined, path: string): string | undefined {
  if (facts.mode === null) return `${path} is no folder yet`;
  if (facts.mode !== mode) return `${path} has mode ${octal(facts.mode)}, declared ${octal(mode)}`;
  const [user = '', group] = facts.owner?.split(':') ?? [];
  const same = owner === undefined || owner === user || owner === `${user}:${group}`;
  return same ? undefined : `${path} belongs to ${facts.owner}, declared ${owner}`;
}
