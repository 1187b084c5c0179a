/** One thing to do to one host, as data, with the reason for it: what plans, journals, logs and tests print. */
import { type Artifact, origin } from './artifact.ts';
import { artifactsOf, type Command, titled } from './command.ts';
import type { Json } from './json.ts';
import type { Script } from './shell.ts';
import type { UnitName } from './view.ts';

export type Change = { readonly why: string } & (
  | { readonly kind: 'run'; readonly command: Command }
  | { readonly kind: 'write'; readonly path: string; readonly text: string; readonly mode: number }
  /** An owner is `user` or `user:group`; what is not given stays as it is. */
  | { readonly kind: 'folder'; readonly path: string; readonly mode?: number; readonly owner?: string }
  | { readonly kind: 'place'; readonly path: string; readonly artifact: Artifact; readonly mode: number }
  /** Unpacks an archive into a folder that it replaces as a whole; `strip` leading path parts are dropped. */
  | {
      readonly kind: 'unpack';
      readonly path: string;
      readonly artifact: Artifact;
      readonly strip: number;
      /** What it may unpack to, in bytes, where it may be more than any other. */
      readonly sizeLimit?: number;
    }
  | { readonly kind: 'fetch'; readonly artifact: Artifact }
  /** Removes a file or folder, and puts back what cc replaced there. */
  | { readonly kind: 'remove'; readonly path: string }
  | { readonly kind: 'unit'; readonly unit: UnitName; readonly state: 'started' | 'restarted' | 'stopped' }
  | { readonly kind: 'packages'; readonly names: readonly string[] }
  | { readonly kind: 'script'; readonly title: string; readonly script: Script }
);

/** What a change does, in the words of a plan. */
export function describe(change: Change): string {
  return DESCRIBED[change.kind](change as never); // the table is typed by kind, so the pair always fits
}

const DESCRIBED: { readonly [K in Change['kind']]: (change: Extract<Change, { kind: K }>) => string } = {
  run: (change) => `run ${titled(change.command)}`,
  write: (change) => `write ${change.path}`,
  folder: (change) => `make the folder ${change.path}`,
  place: (change) => `place ${change.artifact.name} at ${change.path}`,
  unpack: (change) => `unpack ${change.artifact.name} into ${change.path}`,
  fetch: (change) => `fetch ${change.artifact.name} from ${origin(change.artifact)}`,
  remove: (change) => `remove ${change.path}`,
  unit: (change) => `have ${change.unit} ${change.state}`,
  packages: (change) => `install ${change.names.join(' ')}`,
  script: (change) => change.title,
};

/** The artifacts whose bytes a change needs in the store before it is performed. */
export function artifactsOfChange(change: Change): readonly Artifact[] {
  if (change.kind === 'run') return artifactsOf(change.command);
  return change.kind === 'place' || change.kind === 'unpack' ? [change.artifact] : [];
}

/** A change as JSON, for events and `--json`. */
export function changeData(change: Change): Json {
  return { kind: change.kind, what: describe(change), why: change.why };
}
