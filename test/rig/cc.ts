/** Runs the real `cc` in a folder of its own, with state and cache below it, on the runtime that runs the tests. */
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { quoted } from '../../core/model/command.ts';
import { CACHE } from './cache.ts';

const ROOT = new URL('../..', import.meta.url);
const BIN = fileURLToPath(new URL('node_modules/.bin', ROOT));

/** The folder of the package that test/suite.ts made for all tests; without it they start the sources. */
const BUILT = process.env['CC_BUILT'];

/** The public module, as a site's configuration imports it. */
export const MOD = (
  BUILT === undefined ? new URL('core/mod.ts', ROOT) : pathToFileURL(join(BUILT, 'dist/core/mod.js'))
).href;

export const CC = join(BUILT ?? fileURLToPath(ROOT), 'bin/cc.js');

/** Starts the sources in any case. */
export const CLONE = fileURLToPath(new URL('bin/cc.js', ROOT));

/** The words that start `cc`, and the same for a shell. */
const CC_WORDS = wordsOf(CC);
export const CC_LINE = CC_WORDS.map(quoted).join(' ');

/** Where the runtimes keep what they make of code: without it most of a test is compiling, and tests do not look for it. */
const CODE = {
  NODE_COMPILE_CACHE: join(BUILT ?? CACHE, 'code'),
  DENO_DIR: join(BUILT ?? CACHE, 'deno'),
  DENO_NO_UPDATE_CHECK: '1',
};

export interface Ran {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** What a test of the command line registers its clean-up with. */
export interface Cleanup {
  after(done: () => Promise<void>): void;
}

/** A fresh folder that is gone after the test, holding the given files; its name is the real one. */
export async function folder(test: Cleanup, files: Readonly<Record<string, string>> = {}): Promise<string> {
  const path = await realpath(await mkdtemp(join(tmpdir(), 'cc-test-')));
  test.after(() => rm(path, { recursive: true, force: true }));
  for (const [name, text] of Object.entries(files)) {
    await mkdir(dirname(join(path, name)), { recursive: true });
    await writeFile(join(path, name), text);
  }
  return path;
}

/** Runs `cc` to its end; nothing of the caller's own state or configuration is in reach. */
export function cc(cwd: string, ...words: readonly string[]): Promise<Ran> {
  return ccWith({}, cwd, ...words);
}

/** The same, with more in its environment, or without what is undefined. */
export function ccWith(more: More, cwd: string, ...words: readonly string[]): Promise<Ran> {
  return startCc(more, cwd, ...words).ended;
}

type More = Readonly<Record<string, string | undefined>>;

/** What `cc` finds in its environment in this folder. What is measured of a test is measured of the cc that it starts. */
export function envIn(cwd: string, more: More = {}): Readonly<Record<string, string | undefined>> {
  const coverage = process.env['NODE_V8_COVERAGE'];
  return {
    PATH: process.env['PATH'] ?? '',
    HOME: join(cwd, 'home'),
    XDG_STATE_HOME: join(cwd, 'state'),
    XDG_CACHE_HOME: join(cwd, 'cache'),
    ...CODE,
    ...(coverage === undefined ? {} : { NODE_V8_COVERAGE: coverage }),
    ...more,
  };
}

/** One that may be sent signals while it runs. */
export interface Running {
  readonly child: ChildProcess;
  readonly ended: Promise<Ran>;
}

/** Starts `cc`, and leaves it running. */
export function startCc(more: More, cwd: string, ...words: readonly string[]): Running {
  return started([...CC_WORDS, ...words], envIn(cwd, more), cwd);
}

/** Runs it by Node in any case, for what Node does or says in a way of its own. */
export function ccByNode(more: More, cwd: string, ...words: readonly string[]): Promise<Ran> {
  return started([node(), CC, ...words], envIn(cwd, more), cwd).ended;
}

/** Runs the sources in any case, as a clone does. */
export function ccOfClone(cwd: string, ...words: readonly string[]): Promise<Ran> {
  return started([...wordsOf(CLONE), ...words], envIn(cwd), cwd).ended;
}

function wordsOf(main: string): readonly string[] {
  if (!('Deno' in globalThis)) return [process.execPath, main];
  return [process.execPath, 'run', '-A', '--no-check', '--quiet', main];
}

function started([program, ...words]: readonly string[], env: More, cwd: string): Running {
  const { promise, resolve, reject } = Promise.withResolvers<Ran>();
  const child = spawn(program!, words, { cwd, env, stdio: ['ignore', 'pipe', 'pipe'] }); // a command has a program
  let [stdout, stderr] = ['', ''];
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  child.on('error', reject);
  child.on('close', (code) => resolve({ code, stdout, stderr }));
  return { child, ended: promise };
}

/** Node, for what only it can do: under Deno it is this repository's, or that of the PATH. */
export function node(): string {
  if (!('Deno' in globalThis)) return process.execPath;
  const found = [BIN, ...(process.env['PATH'] ?? '').split(delimiter)]
    .map((place) => join(place, 'node'))
    .find((path) => existsSync(path));
  if (!found) throw new Error('there is no node in PATH');
  return found;
}
