/** How to run a TypeScript file in a process of its own, on the runtime that runs the tests. */
import { readdir, readFile } from 'node:fs/promises';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

/** The words that run a file given as a URL. */
export function program(file: URL, ...args: readonly string[]): readonly string[] {
  const runtime = 'Deno' in globalThis ? ['run', '-A', '--no-check', '--quiet'] : [];
  return [process.execPath, ...runtime, fileURLToPath(file), ...args];
}

/** Waits until a condition holds; it fails rather than hang. */
export async function until<Value>(
  what: string,
  look: () => Promise<Value | undefined | false>,
  within = 60_000,
): Promise<Value> {
  for (const start = performance.now(); performance.now() - start < within; await pause(5)) {
    const found = await look();
    if (found !== undefined && found !== false) return found;
  }
  throw new Error(`waited too long: ${what}`);
}

/** Whether a process runs; one that ended and waits for its parent to notice does not. */
export async function isRunning(pid: number): Promise<boolean> {
  const text = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
  const state = text.slice(text.lastIndexOf(')') + 2)[0];
  return state !== undefined && state !== 'Z' && state !== 'X';
}

/** The processes that a process started, or adopted. */
export async function childrenOf(parent: number): Promise<readonly number[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const parents = await Promise.all(
    pids.map(async (pid) => {
      const text = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
      return text.slice(text.lastIndexOf(')') + 2).split(' ')[1];
    }),
  );
  return pids.filter((_, index) => parents[index] === String(parent)).map(Number);
}

/** The number that a process wrote into a file, once it is there. */
export async function numberIn(file: string): Promise<number> {
  return until(`a number in ${file}`, async () => {
    const text = await readFile(file, 'utf8').catch(() => '');
    return text.endsWith('\n') && Number(text);
  });
}

/** Whether some process has this among its words. */
export async function isNamed(word: string): Promise<boolean> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const words = await Promise.all(
    pids.map((pid) => readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')),
  );
  return words.some((text) => text.split('\0').includes(word));
}
