/** An archive is unpacked into a folder of its own. */
import { type Artifact, artifactInput } from '../model/artifact.ts';
import { type Step, type StepSpec, step } from '../model/step.ts';

export interface UnpackedAt extends Pick<StepSpec<never>, 'where' | 'needs' | 'root'> {
  readonly path: string;
  /** Leading path parts of the archive to drop. */
  readonly strip?: number;
  /** Bytes that it may unpack to; default 4 GiB. */
  readonly most?: number;
  /** A file of the archive, relative to `path`, that is looked at to see whether the folder is there and whole. */
  readonly witness: string;
  readonly name?: string;
}

type Facts = { witness: string | null; from: string | null; owned: boolean };

/** The folder is replaced as a whole when the archive or its witness changes. */
export function unpacked(
  artifact: Artifact,
  { path, strip = 0, most, witness, name, ...base }: UnpackedAt,
): Step {
  return step<Facts>({
    name: name ?? artifact.name,
    ...base,
    artifacts: [artifact],
    inputs: { path, strip, witness, artifact: artifactInput(artifact) },
    probe: async (view) => {
      const [facts, owned] = await Promise.all([view.stat(`${path}/${witness}`), view.owned(path)]);
      const digest = facts?.kind === 'file' ? facts.digest : null;
      return { witness: digest, from: view.locked(artifact) ?? null, owned };
    },
    plan: (facts, last) => {
      const change = {
        kind: 'unpack',
        path,
        artifact,
        strip,
        ...(most === undefined ? {} : { most }),
      } as const;
      if (facts.witness === null) return [{ ...change, why: `${path}/${witness} is not there` }];
      if (!last.current) return [{ ...change, why: `${path} is not from this archive: ${last.why}` }];
      if (last.facts && (last.facts as Facts).witness !== facts.witness) {
        return [{ ...change, why: `${path}/${witness} has changed` }];
      }
      return [];
    },
    undo: ({ owned }) => (owned ? [{ kind: 'remove', path, why: `${path} was put there by cc` }] : []),
  });
}
