/** A run whose host does not get on with its disk can be ended all the same. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, type TestContext, test } from 'node:test';
import { promisify } from 'node:util';
import { until } from '../host/second-process.ts';
import { hostRig, type RigHost } from '../rig/hosts.ts';
import { idle, noBug, oddSite, PATIENCE, processes, soon } from './odd.ts';

const { skip, host } = await hostRig({ after });
const must = { skip, timeout: PATIENCE };
const execute = promisify(execFile);

/** A disk that stands still when told to, as one does that is reached by a network or is about to fail. */
interface Disk {
  /** The block device, as mknod wants its number. */
  readonly number: readonly string[];
  freeze(): Promise<unknown>;
  thaw(): Promise<unknown>;
}

/** The disk, or why there can be none here. requires: it is made before the hosts that use it, since these end after it moves. */
async function disk(t: TestContext): Promise<Disk | string> {
  const folder = await mkdtemp(join(tmpdir(), 'cc-test-'));
  const [image, here] = [join(folder, 'image'), join(folder, 'here')];
  const taken: [string, ...string[]][] = [['rm', '-r', folder]]; // back, the last first
  t.after(async () => {
    for (const [program, ...words] of taken.toReversed())
      await execute(program, words).catch(() => undefined);
  });
  await writeFile(image, '');
  await truncate(image, 64 * 1024 * 1024);
  await mkdir(here);
  try {
    await execute('mkfs.ext4', ['-q', image]);
    const device = (await execute('losetup', ['--find', '--show', image])).stdout.trim();
    taken.push(['losetup', '--detach', device]);
    await execute('mount', [device, here]);
    taken.push(['umount', here], ['fsfreeze', '--unfreeze', here]);
    const { stdout } = await execute('stat', ['--format=%Hr %Lr', device]);
    const told = (what: string) => () => execute('fsfreeze', [what, here]);
    return { number: stdout.trim().split(' '), freeze: told('--freeze'), thaw: told('--unfreeze') };
  } catch (error) {
    return `no disk to stop here: ${error instanceof Error ? error.message : error}`;
  }
}

async function mounted(box: RigHost, { number }: Disk): Promise<void> {
  const line = 'mknod /dev/odd b "$1" "$2" && mkdir /srv/disk && mount -t ext4 /dev/odd /srv/disk';
  const { code, stderr } = await box.exec(['sh', '-c', line, 'sh', ...number]);
  assert.equal(code, 0, stderr);
}

/** Ends when a process of the host has waited for a disk as often as it was looked at in a row. */
async function waiting(box: RigHost): Promise<void> {
  const looks = new Map<number, number>();
  await until('the host waits for its disk', async () => {
    const still = (await processes(box)).filter(({ state }) => state.startsWith('D'));
    const seen = still.map(({ pid }) => [pid, (looks.get(pid) ?? 0) + 1] as const);
    looks.clear();
    for (const [pid, count] of seen) looks.set(pid, count);
    return seen.some(([, count]) => count === LOOKS);
  });
}

const LOOKS = 10;

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  test(`a run whose host cannot write what it is sent ends with ${signal}`, must, async (t) => {
    const still = await disk(t);
    if (typeof still === 'string') return t.skip(still);
    const box = await host(t, 'box');
    await mounted(box, still);
    const steps = `written('0123456789abcdef'.repeat(2 ** 18), { name: 'text', path: '/srv/disk/text' })`;
    const site = await oddSite(t, { box }, { steps });
    await still.freeze();
    const { child, ended } = site.start('run', 'all');
    await waiting(box);
    child.kill(signal);
    const { code, stdout, stderr } = await soon('cc ends', ended, 8_000);
    assert.equal(code, signal === 'SIGINT' ? 130 : 143, stdout + stderr);
    noBug(stdout + stderr);
    await still.thaw();
    await idle(box, 5_000);
  });
}
