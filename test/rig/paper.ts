/** A host on paper: files, systemd units, packages and commands in memory; it fails on whatever it was not told. */
import { readFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { ExecOptions, Exit, Files, Records, Transport } from '../../core/host/transport.ts';
import type { Arch } from '../../core/model/artifact.ts';
import { shown } from '../../core/model/command.ts';
import { type Digest, digestOf } from '../../core/model/digest.ts';
import { fail } from '../../core/model/failure.ts';
import type { FileFacts } from '../../core/model/view.ts';

export type PaperFile =
  | (Owned & { readonly kind: 'file'; readonly bytes: Uint8Array; readonly digest: Digest })
  | (Owned & { readonly kind: 'directory' })
  | { readonly kind: 'other' };

/** Whatever has no owner belongs to root. */
interface Owned {
  readonly mode: number;
  readonly owner?: string | undefined;
}

export interface PaperUnit {
  readonly active: string;
  readonly enabled: string;
  /** How often it was started, restarts included. */
  readonly starts: number;
}

/** What a command does: its standard output, its whole exit, or a function of its words that answers one of these. */
export type Answer = string | Partial<Exit>;
export type Effect = Answer | ((argv: readonly string[], options: ExecOptions) => Answer | Promise<Answer>);

export interface Paper extends Transport {
  readonly disk: Map<string, PaperFile>;
  readonly units: Map<string, PaperUnit>;
  readonly packages: Set<string>;
  /** Paths that cc put there. */
  readonly owned: Set<string>;
  /** Commands that ran, as they could be pasted. */
  readonly ran: string[];
  /** Stamps by the name of their record. */
  readonly stamps: Map<string, string>;
  /** Puts a file on the disk that is not cc's. */
  write(path: string, text: string, mode?: number): void;
  /** The text of a file; fails where there is none. */
  read(path: string): string;
  /** Registers what a command does: the words it starts with, or a test of all its words. The last one registered wins. */
  when(command: string | ((argv: readonly string[]) => boolean), effect: Effect): void;
  /** All that could be seen of the host, for comparing before with after. */
  snapshot(): readonly string[];
}

type State = Pick<Paper, 'disk' | 'units' | 'packages' | 'owned' | 'stamps'> & {
  /** What stood at a path before cc came, with all below it. */
  readonly replaced: Map<string, readonly (readonly [string, PaperFile])[]>;
  readonly made: Set<string>;
};

type Registered = { readonly matches: (argv: readonly string[]) => boolean; readonly effect: Effect };

const DEBIAN = 'ID=debian\nVERSION_ID="12"\n';
const ABOUT = { os: 'Linux', user: 'root' };
/** As `uname -m` names them. */
const MACHINES = { amd64: 'x86_64', arm64: 'aarch64' } as const;

/** `release` is what the host's /etc/os-release says, `arch` the processor it has. */
export function paper(host: string, release = DEBIAN, arch: Arch = 'amd64'): Paper {
  const state: State = {
    disk: new Map([['/', { kind: 'directory', mode: 0o755 }]]),
    units: new Map(),
    packages: new Set(),
    owned: new Set(),
    stamps: new Map(),
    replaced: new Map(),
    made: new Set(),
  };
  const registered: Registered[] = [];
  const ran: string[] = [];
  const exec = async (argv: readonly string[], options: ExecOptions = {}): Promise<Exit> => {
    ran.push(shown({ argv }));
    const own = registered.findLast(({ matches }) => matches(argv));
    const effect = own ? own.effect : builtIn(state, argv);
    if (effect === undefined) throw new Error(`${host} is on paper and was not told of: ${shown({ argv })}`);
    const exit = exitOf(typeof effect === 'function' ? await effect(argv, options) : effect);
    for (const stream of ['stdout', 'stderr'] as const)
      if (exit[stream]) options.onOutput?.(exit[stream], stream);
    return exit;
  };
  const self: Paper = {
    host,
    ...state,
    ran,
    exec,
    files: filesOf(host, state),
    records: recordsOf(state),
    about: async () => ({ ...ABOUT, machine: MACHINES[arch], release: self.read('/etc/os-release') }),
    reap: async () => 0,
    lock: async () => {},
    write: (path, text, mode = 0o644) => put(state, path, { kind: 'file', mode, ...bytesOf(text) }),
    read: (path) => {
      const file = state.disk.get(path);
      if (file?.kind !== 'file') throw new Error(`${host} has no file ${path}`);
      return Buffer.from(file.bytes).toString();
    },
    when: (command, effect) => {
      const matches =
        typeof command === 'function'
          ? command
          : (argv: readonly string[]) => `${shown({ argv })} `.startsWith(`${command} `);
      registered.push({ matches, effect });
    },
    snapshot: () => snapshot(state),
    [Symbol.asyncDispose]: async () => {},
  };
  self.write('/etc/os-release', release);
  return self;
}

function exitOf(answer: Answer): Exit {
  return {
    code: 0,
    signal: null,
    stdout: '',
    stderr: '',
    ...(typeof answer === 'string' ? { stdout: answer } : answer),
  };
}

function bytesOf(content: string | Uint8Array) {
  const bytes = typeof content === 'string' ? Buffer.from(content) : content;
  return { bytes, digest: digestOf(bytes) };
}

function snapshot({ disk, units, packages, owned }: State): readonly string[] {
  const files = [...disk].map(([path, file]) => {
    const mode = file.kind === 'other' ? '' : file.mode.toString(8);
    const digest = file.kind === 'file' ? file.digest.slice(0, 12) : '';
    const owner = file.kind === 'other' ? '' : (file.owner ?? '');
    return [path, file.kind, mode, owner, digest, owned.has(path) ? 'owned' : ''].filter(Boolean).join(' ');
  });
  const known = [...units].map(([name, { active, enabled }]) => `${name} ${active} ${enabled}`);
  return [...files, ...known, ...packages].toSorted();
}

/** Puts a file in place with the folders above it; answers the folders that were not there. */
function put({ disk }: State, path: string, file: PaperFile): readonly string[] {
  const made: string[] = [];
  for (let folder = dirname(path); !disk.has(folder); folder = dirname(folder)) made.push(folder);
  for (const folder of made) disk.set(folder, { kind: 'directory', mode: 0o755 });
  if (disk.get(dirname(path))?.kind !== 'directory') throw new Error(`${dirname(path)} is no folder`);
  disk.set(path, file);
  return made;
}

function below(disk: State['disk'], path: string): readonly string[] {
  return [...disk.keys()].filter(
    (other) => other.startsWith(`${path === '/' ? '' : path}/`) && other !== '/',
  );
}

function filesOf(host: string, state: State): Files {
  const { disk, owned, replaced, made } = state;
  const claim = (path: string) => {
    const before = [...disk].filter(([other]) => other === path || other.startsWith(`${path}/`));
    if (!owned.has(path) && before.length > 0) replaced.set(path, before);
    owned.add(path);
  };
  const cannot = (what: string, why: string) => fail({ kind: 'cannot-tell', host, what, why });
  return {
    noted: async () => [...owned].toSorted(),
    look: async (path) => ({ facts: factsOf(disk.get(path)), owned: owned.has(path) }),
    text: async (path) => {
      const file = disk.get(path);
      if (file && file.kind !== 'file') return cannot(`read ${path}`, 'it is no file');
      return file && Buffer.from(file.bytes).toString();
    },
    install: async (path, { source, digest }, { mode = 0o644, owner }) => {
      const content = bytesOf(typeof source === 'string' ? source : await readFile(source.file));
      if (content.digest !== digest)
        cannot(`write ${path}`, `arrived as ${content.digest}, sent as ${digest}`);
      if (disk.get(path)?.kind === 'directory') cannot(`write ${path}`, 'it is a folder');
      claim(path);
      for (const folder of put(state, path, { kind: 'file', mode, owner, ...content })) made.add(folder);
    },
    folder: async (path, { mode, owner }) => {
      const there = disk.get(path);
      if (there && there.kind !== 'directory') cannot(`make ${path}`, 'it is no folder');
      if (!there) owned.add(path);
      const before = { kind: 'directory', mode: 0o700, ...there } as const;
      const form = { mode: mode ?? before.mode, ...(owner ? { owner } : {}) };
      for (const folder of put(state, path, { ...before, ...form })) made.add(folder);
    },
    unpack: async (path, { file, digest, strip }) => {
      const packed = await readFile(file, 'utf8');
      if (digestOf(packed) !== digest) cannot(`unpack ${path}`, 'other bytes arrived than were sent');
      const entries = Object.entries(JSON.parse(packed) as Record<string, string>);
      claim(path);
      for (const inside of below(disk, path)) disk.delete(inside);
      for (const folder of put(state, path, { kind: 'directory', mode: 0o755 })) made.add(folder);
      for (const [name, text] of entries) {
        const parts = name.split('/').slice(strip);
        const file = { kind: 'file', mode: 0o755, ...bytesOf(text) } as const;
        if (parts.length > 0) put(state, [path, ...parts].join('/'), file);
      }
    },
    remove: async (path) => {
      for (const inside of [path, ...below(disk, path)]) disk.delete(inside);
      for (const [other, file] of replaced.get(path) ?? []) disk.set(other, file);
      owned.delete(path);
      replaced.delete(path);
      for (let folder = dirname(path); made.has(folder); folder = dirname(folder)) {
        if (below(disk, folder).length > 0) break;
        made.delete(folder);
        disk.delete(folder);
      }
    },
  };
}

function factsOf(file: PaperFile | undefined): FileFacts | undefined {
  if (!file || file.kind === 'other') return file;
  const common = { mode: file.mode, owner: file.owner ?? 'root:root' };
  if (file.kind === 'directory') return { kind: 'directory', ...common };
  return { kind: 'file', ...common, size: file.bytes.length, digest: file.digest };
}

function recordsOf({ stamps }: State): Records {
  return {
    all: async () => new Map(stamps),
    write: async (name, text) => void stamps.set(name, text),
    settle: async (name, from = '', to) => {
      if ((stamps.get(name) ?? '') === from) stamps.set(name, to);
      return stamps.get(name) ?? '';
    },
    remove: async (name) => {
      stamps.delete(name);
      if (stamps.size === 1) stamps.delete('site');
    },
  };
}

type Program = (words: readonly string[], state: State) => Answer | undefined;

/** The programs that every host has and cc itself uses. */
const PROGRAMS: Readonly<Record<string, Program>> = {
  cat: ([path = ''], { disk }) => {
    const file = disk.get(path);
    return file?.kind === 'file'
      ? Buffer.from(file.bytes).toString()
      : { code: 1, stderr: `no file ${path}\n` };
  },
  df: () => 'Filesystem 1B-blocks Used Available Capacity Mounted on\npaper 9 0 999999999999 0% /\n',
  'dpkg-query': (words, { packages }) => {
    const names = words.filter((word) => !word.startsWith('-'));
    const lines = names.filter((name) => packages.has(name)).map((name) => `${name} amd64 installed\n`);
    return { code: lines.length === names.length ? 0 : 1, stdout: lines.join('') };
  },
  'apt-get': (words, { packages }) => {
    if (words.at(-1) === 'update') return '';
    const at = words.indexOf('install');
    if (at < 0) return undefined;
    for (const name of words.slice(at + 1)) packages.add(name);
    return '';
  },
  'apt-config': ([verb]) =>
    verb === 'shell' ? "list='/etc/apt/sources.list'\nparts='/etc/apt/sources.list.d/'\n" : '',
  systemctl: (words, state) =>
    systemctl(
      words.filter((word) => word !== '--quiet'),
      state,
    ),
};

function builtIn(state: State, [program = '', ...words]: readonly string[]): Answer | undefined {
  return Object.hasOwn(PROGRAMS, program) ? PROGRAMS[program]!(words, state) : undefined;
}

const UNIT_FOLDERS = ['/etc/systemd/system', '/lib/systemd/system', '/usr/lib/systemd/system'];
const STOPPED: PaperUnit = { active: 'inactive', enabled: 'disabled', starts: 0 };

/** A unit is known when it has a file, or was put on the paper as such. */
function unitOf({ units, disk }: State, name: string): PaperUnit | undefined {
  const installed = UNIT_FOLDERS.some((folder) => disk.has(`${folder}/${name}`));
  return units.get(name) ?? (installed ? STOPPED : undefined);
}

function systemctl(words: readonly string[], state: State): Answer | undefined {
  const [verb, ...rest] = words;
  if (verb === 'daemon-reload') return '';
  if (verb === 'show') {
    const [option, properties, ...names] = rest;
    if (`${option} ${properties}` !== '-p ActiveState,UnitFileState') return undefined;
    const parts = names.map((name) => {
      const { active, enabled } = unitOf(state, name) ?? { active: 'inactive', enabled: '' };
      return `ActiveState=${active}\nUnitFileState=${enabled}\n`;
    });
    return parts.join('\n');
  }
  const name = rest.at(-1) ?? '';
  const unit = unitOf(state, name);
  const change = UNIT_VERBS[words.slice(0, -1).join(' ')];
  if (!change) return undefined;
  if (!unit) return { code: 5, stderr: `Unit ${name} not found.\n` };
  state.units.set(name, change(unit));
  return '';
}

const UNIT_VERBS: Readonly<Record<string, (unit: PaperUnit) => PaperUnit>> = {
  enable: (unit) => ({ ...unit, enabled: 'enabled' }),
  start: (unit) => (unit.active === 'active' ? unit : { ...unit, active: 'active', starts: unit.starts + 1 }),
  restart: (unit) => ({ ...unit, active: 'active', starts: unit.starts + 1 }),
  stop: (unit) => ({ ...unit, active: 'inactive' }),
  disable: (unit) => ({ ...unit, enabled: 'disabled' }),
  'disable --now': (unit) => ({ ...unit, enabled: 'disabled', active: 'inactive' }),
};
