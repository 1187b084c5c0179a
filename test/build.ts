/** Makes dist/ of this repository: what is published beside bin/, and the types of it. */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { makeDist } from './rig/package.ts';

const ROOT = fileURLToPath(new URL('..', import.meta.url));

await makeDist(join(ROOT, 'dist'));
const { status } = spawnSync('npx', ['--no-install', 'tsc', '-p', 'tsconfig.build.json'], {
  cwd: ROOT,
  stdio: 'inherit',
});
process.exitCode = status ?? 1;
