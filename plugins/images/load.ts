/** Images of an archive, which every node takes in. */
import { type Artifact, type Command, fail, type Step, step, type View } from '../../core/mod.ts';
import type { Cri } from '../capabilities.ts';

/** Where the runtime's program is not there yet, nothing is loaded; one that fails has told nothing. */
async function listed(view: View, list: Command): Promise<readonly string[]> {
  const { code, stdout, stderr } = await view.result(list, { lasting: true });
  if (code === 0) return stdout.split('\n');
  if (code === NOT_FOUND) return [];
  const why = stderr.trim() || `it exited ${code}`;
  return fail({
    kind: 'cannot-tell',
    host: view.name,
    what: 'ask the container runtime for its images',
    why,
  });
}

/** What a shell, and cc, says of a program that is not there. */
const NOT_FOUND = 127;

type Loaded = { missing: readonly string[]; archive: string | null };

/**
 * Every node has the images; which bytes they came from is remembered with the stamp. A node that runs already has them `ahead` of
 * its turn, because what is upgraded on another one may start a pod here.
 */
export function loaded(
  plugin: string,
  bundle: Artifact,
  refs: readonly string[],
  { runtime: { unit, listImages }, take }: { readonly runtime: Cri; readonly take: Command },
): readonly Step[] {
  const missingOn = async (view: View) => {
    const there = await listed(view, listImages);
    return refs.filter((ref) => !there.includes(ref));
  };
  const taken = (why: string) => [{ kind: 'run', command: { ...take, input: bundle }, why }] as const;
  const lacks = (missing: readonly string[]) => `${missing.join(', ')} not loaded`;
  return [
    step<Loaded>({
      name: 'ahead',
      needs: [],
      artifacts: [bundle],
      inputs: { refs },
      probe: async (view) => {
        const runs = (await view.unit(unit)).active === 'active';
        return { missing: runs ? await missingOn(view) : [], archive: view.locked(bundle) ?? null };
      },
      plan: ({ missing, archive }, last) => {
        const before = last.facts as Loaded | undefined; // what this step's own probe found
        if (missing.length > 0) return taken(lacks(missing));
        if (last.unfinished) return taken(last.why);
        if (last.current || before === undefined || before.archive === archive) return [];
        return taken('the images come from another archive');
      },
    }),
    step<readonly string[]>({
      name: 'loaded',
      needs: ['cri', `${plugin}/ahead`],
      artifacts: [bundle],
      inputs: { refs },
      probe: missingOn,
      plan: (missing) => (missing.length === 0 ? [] : taken(lacks(missing))),
    }),
  ];
}
