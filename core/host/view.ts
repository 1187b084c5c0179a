/** A host that can be looked at, through its transport. */
import type { Artifact } from '../model/artifact.ts';
import { type Command, shown } from '../model/command.ts';
import type { Digest } from '../model/digest.ts';
import { fail } from '../model/failure.ts';
import type { Platform, UnitFacts, View } from '../model/view.ts';
import type { Exit, Look, Transport } from './transport.ts';

export type Locked = (artifact: Artifact) => Digest | undefined;

/** Looks at one path are made once per view, so make a new view to look again; `stop` ends its commands. */
export function viewOf(
  transport: Transport,
  platform: Platform,
  locked: Locked,
  stop?: () => AbortSignal,
): View {
  const { host, files } = transport;
  const looks = new Map<string, Promise<Look>>();
  const look = (path: string): Promise<Look> => {
    const known = looks.get(path) ?? files.look(path);
    looks.set(path, known);
    return known;
  };
  const exec = async (command: Command): Promise<Exit> => {
    const { argv, input, env, cwd } = command;
    const signal = stop?.();
    const exit = await transport.exec(argv.map(word), {
      ...(input === undefined ? {} : { input: word(input) }),
      ...(env ? { env } : {}),
      ...(cwd ? { cwd } : {}),
      ...(signal ? { signal } : {}),
    });
    // A command that was stopped has answered nothing, whatever its exit says.
    if (signal?.aborted)
      fail({ kind: 'cannot-tell', host, what: `run ${shown(command)}`, why: 'it was stopped' });
    return exit;
  };
  const read = async (command: Command): Promise<string> => {
    const { code, signal, stdout, stderr } = await exec(command);
    if (code === 0) return stdout;
    return fail({ kind: 'command-failed', host, command: shown(command), code, signal, stderr });
  };
  return {
    name: host,
    platform,
    locked,
    read,
    ask: async (command) => {
      const { code, signal, stdout, stderr } = await exec(command);
      if (code !== null) return code === 0 ? stdout : undefined;
      return fail({ kind: 'command-failed', host, command: shown(command), code, signal, stderr });
    },
    stat: async (path) => (await look(path)).facts,
    owned: async (path) => (await look(path)).owned,
    text: (path) => files.text(path),
    unit: async (name) =>
      unitFacts(await read({ argv: ['systemctl', 'show', '-p', 'ActiveState,UnitFileState', name] })),
    missingPackages: async (names) => {
      const { code, stdout, stderr } = await exec({ argv: ['dpkg-query', '-W', `-f=${FORMAT}`, ...names] });
      if (code === 0 || code === 1) return missingFrom(names, stdout);
      return fail({ kind: 'cannot-tell', host, what: 'ask dpkg for packages', why: stderr.trim() });
    },
  };
}

const FORMAT = '${binary:Package} ${db:Status-Status}\\n';

function word(word: string | Artifact): string {
  if (typeof word === 'string') return word;
  throw new Error(`a probe cannot use the bytes of ${word.name}`);
}

function unitFacts(text: string): UnitFacts {
  const value = (key: string) => new RegExp(`^${key}=(.*)$`, 'm').exec(text)?.[1] ?? '';
  return { active: value('ActiveState'), enabled: value('UnitFileState') };
}

/** dpkg-query exits 1 when a package is unknown, and prints what it knows. */
function missingFrom(names: readonly string[], text: string): readonly string[] {
  const lines = text.split('\n').map((line) => line.split(' '));
  const installed = new Set(
    lines.filter(([, status]) => status === 'installed').map(([name]) => name?.split(':')[0]),
  );
  return names.filter((name) => !installed.has(name));
}
