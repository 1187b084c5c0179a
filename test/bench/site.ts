/** The built package, installed in a folder of its own as a user would, with configurations beside it. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Subject } from './measure.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

export interface Site extends Disposable {
  readonly folder: string;
  /** A folder for one measurement: its own configuration, state and cache. */
  place(name: string, config: string): Place;
}

export interface Place {
  readonly folder: string;
  /** The arguments by which Node runs `cc` with these words. */
  cc(...words: readonly string[]): readonly string[];
  /** Where and with what surroundings; state and cache are below the folder. */
  readonly around: Pick<Subject, 'cwd' | 'env'>;
  /** Forgets everything earlier runs left. */
  forget(): void;
}

/** Packs what `npm run build` has made, and installs it. */
export function site(): Site {
  const folder = mkdtempSync(join(tmpdir(), 'cc-bench-'));
  const npm = (...words: readonly string[]) =>
    execFileSync('npm', [...words, '--silent'], { cwd: ROOT, encoding: 'utf8' }).trim();
  const archive = npm('pack', '--ignore-scripts', '--pack-destination', folder).split('\n').at(-1)!; // its last line
  npm('install', '--omit=dev', '--prefer-offline', '--prefix', folder, join(folder, archive));
  const main = join(folder, 'node_modules', 'cc-kubernetes', 'bin', 'cc.js');
  return {
    folder,
    place: (name, config) => placed(join(folder, name), main, config),
    [Symbol.dispose]: () => rmSync(folder, { recursive: true, force: true }),
  };
}

function placed(folder: string, main: string, config: string): Place {
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'package.json'), '{ "private": true, "type": "module" }\n');
  writeFileSync(join(folder, 'cc.config.ts'), config);
  const [state, cache] = [join(folder, 'state'), join(folder, 'cache')];
  return {
    folder,
    cc: (...words) => [main, ...words],
    around: { cwd: folder, env: { HOME: folder, XDG_STATE_HOME: state, XDG_CACHE_HOME: cache } },
    forget: () => {
      for (const path of [state, cache]) rmSync(path, { recursive: true, force: true });
    },
  };
}
