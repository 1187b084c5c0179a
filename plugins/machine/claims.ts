/**
 * What machines of one recipe have on the controller, no other recipe may take: names, addresses and the bridge. A file for each says
 * whose it is.
 */
import { fail, step } from '../../core/mod.ts';

const FOLDER = '/var/lib/cc/claims';

export interface Claim {
  /** What messages call it: `the bridge cclab0`. */
  readonly what: string;
  /** The name of its file, and the option that names another. */
  readonly file: string;
  readonly option: string;
}

/** `owner` tells this recipe from all others. */
export function claims(wanted: readonly Claim[], owner: string) {
  const pathOf = ({ file }: Claim) => `${FOLDER}/${file}`;
  const text = `${owner}\n`;
  // A machine that is added makes no other one anew: as long as all is this recipe's, what is found is the same.
  return step<{ free: readonly string[]; taken: { [file: string]: string } }>({
    name: 'claims',
    where: 'controller',
    needs: [],
    claims: wanted.map(pathOf),
    inputs: { owner, wanted: wanted.map(({ file }) => file) },
    probe: async (view) => {
      const found = await Promise.all(
        wanted.map(async (claim) => [claim.file, (await view.text(pathOf(claim))) ?? ''] as const),
      );
      return {
        free: found.filter(([, owned]) => owned === '').map(([file]) => file),
        taken: Object.fromEntries(found.filter(([, owned]) => owned !== '' && owned !== text)),
      };
    },
    plan: ({ free, taken }) => {
      const others = wanted.filter(({ file }) => taken[file] !== undefined);
      if (others.length > 0) refuse(others, taken);
      return wanted
        .filter(({ file }) => free.includes(file))
        .map((claim) => {
          const why = `nobody has ${claim.what} yet`;
          return { kind: 'write', path: pathOf(claim), text, mode: 0o644, why };
        });
    },
    undo: ({ free, taken }) =>
      wanted
        .filter(({ file }) => !free.includes(file) && taken[file] === undefined)
        .map((claim) => {
          return { kind: 'remove', path: pathOf(claim), why: `${claim.what} was taken by this recipe` };
        }),
  });
}

function refuse(taken: readonly Claim[], owners: { readonly [file: string]: string }): never {
  const reasons = taken.map(
    ({ what, file, option }) =>
      `${what} is of ${owners[file]?.trim()}; name another (${option}), or end that one there: cc run cleanup`,
  );
  return fail({ kind: 'check-failed', host: 'controller', what: 'no other recipe has the same', reasons });
}
