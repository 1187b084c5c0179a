/** An archive is unpacked into a folder of its own. */
import { type Artifact, artifactInput } from '../model/artifact.ts';
import { type Step, type StepSpec, step } from '../model/step.ts';

export interface UnpackedAt extends Pick<StepSpec<never>, 'where' | 'needs' | 'root'> {
  readonly path: string;
  /** Leading path parts of the archive to drop. */
  readonly strip?: number;
  /** Bytes that it may unpack to; default 4 GiB. */
  readonly sizeLimit?: number;
  /** Entries, relative to `path`, that are expected to be setuid, setgid or writable by everybody; all others are refused. */
  readonly unsafe?: readonly string[];
  /** A file of the archive, relative to `path`, that is looked at to see whether the folder is there and whole. */
  readonly marker: string;
  readonly name?: string;
}

type Facts = { marker: string | null; from: string | null; owned: boolean };

/** The folder is replaced as a whole when the archive or its marker changes. */
export function unpacked(
  artifact: Artifact,
  { path, strip = 0, sizeLimit, unsafe, marker, name, ...base }: UnpackedAt,
): Step {
  return step<Facts>({
    name: name ?? artifact.name,
    ...base,
    claims: [path],
    artifacts: [artifact],
    inputs: { path, strip, marker, artifact: artifactInput(artifact) },
    probe: async (view) => {
      const [facts, owned] = await Promise.all([view.stat(`${path}/${marker}`), view.owned(path)]);
      const digest = facts?.kind === 'file' ? facts.digest : null;
      return { marker: digest, from: view.locked(artifact) ?? null, owned };
    },
    plan: (facts, last) => {
      const change = {
        kind: 'unpack',
        path,
        artifact,
        strip,
        ...(sizeLimit === undefined ? {} : { sizeLimit }),
        ...(unsafe === undefined ? {} : { unsafe }),
      } as const;
      if (facts.marker === null) return [{ ...change, why: `${path}/${marker} is not there` }];
      if (!last.current) return [{ ...change, why: `${path} is not from this archive: ${last.why}` }];
      if (last.facts && (last.facts as Facts).marker !== facts.marker) {
        return [{ ...change, why: `${path}/${marker} has changed` }];
      }
      return [];
    },
    undo: ({ owned }) => (owned ? [{ kind: 'remove', path, why: `${path} was put there by cc` }] : []),
  });
}
