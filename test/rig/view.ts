/** A host of paper for probes: it answers what it was told, and fails on anything else. */
import { type Command, shown } from '../../core/model/command.ts';
import { type Digest, digestOf } from '../../core/model/digest.ts';
import { labelled } from '../../core/model/secret.ts';
import type { FileFacts, UnitFacts, View } from '../../core/model/view.ts';

/** What a paper host answers, by path, unit, package or artifact; null stands for "there is none". */
export interface Paper {
  readonly stat?: Readonly<Record<string, FileFacts | null>>;
  readonly owned?: Readonly<Record<string, boolean>>;
  readonly text?: Readonly<Record<string, string | null>>;
  readonly unit?: Readonly<Record<string, UnitFacts>>;
  /** Debian packages, and whether they are installed. */
  readonly packages?: Readonly<Record<string, boolean>>;
  readonly locked?: Readonly<Record<string, Digest | null>>;
  /** Whether the bytes are what they must be. */
  readonly fetched?: Readonly<Record<string, boolean>>;
  /** Standard output by the command as it is shown; null for one that exits non-zero. */
  readonly commands?: Readonly<Record<string, string | null>>;
}

/** A controller without artifacts. */
export const NOTHING: Pick<View, 'locked' | 'fetched'> = {
  locked: () => undefined,
  fetched: async () => false,
};

export function paperView(paper: Paper = {}): View {
  const ask = async (command: Command) => registered(paper.commands, 'command', shown(command)) ?? undefined;
  return {
    name: 'paper',
    platform: { os: 'linux', arch: 'amd64', distro: 'debian 12' },
    ask,
    result: async (command) => {
      const stdout = await ask(command);
      return stdout === undefined ? { code: 1, stdout: '', stderr: '' } : { code: 0, stdout, stderr: '' };
    },
    read: async (command) => {
      const text = await ask(command);
      if (text === undefined) throw new Error(`the paper host fails at: ${shown(command)}`);
      return text;
    },
    stat: async (path) => registered(paper.stat, 'stat', path) ?? undefined,
    text: async (path) => registered(paper.text, 'text', path) ?? undefined,
    owned: async (path) => registered(paper.owned, 'owned', path),
    sealed: async (of) => `sealed ${'digest' in of ? of.digest : digestOf(labelled(of.text))}`,
    unit: async (name) => registered(paper.unit, 'unit', name),
    missingPackages: async (names) => names.filter((name) => !registered(paper.packages, 'package', name)),
    on: async (place) => {
      throw new Error(`the paper host was not told of the place ${JSON.stringify(place)}`);
    },
    reported: async () => undefined,
    locked: ({ name }) => registered(paper.locked, 'artifact', name) ?? undefined,
    fetched: async ({ name }) => registered(paper.fetched, 'bytes', name),
  };
}

function registered<Value>(
  answers: Readonly<Record<string, Value>> | undefined,
  what: string,
  key: string,
): Value {
  if (!answers || !Object.hasOwn(answers, key))
    throw new Error(`the paper host was not told of ${what} ${key}`);
  return answers[key] as Value; // there, as the line before shows
}
