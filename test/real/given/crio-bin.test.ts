/**
 * What is known of CRI-O's configuration, tried on its program itself. CC_CRIO_BIN names a crio of any version in the table, as
 * `cc run crio/compile` builds it; without it there is nothing here to try.
 */
import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { runProcess } from '../../../core/host/own-agent.ts';
import { type Settings, settingsFor, toml, type Wanted } from '../../../plugins/crio/config.ts';
import { KEYS, keyOf } from '../../../plugins/crio/keys.ts';
import { tempFolder } from '../../rig/temp.ts';

const BIN = process.env['CC_CRIO_BIN'];
const skip = BIN === undefined ? 'CC_CRIO_BIN names no crio' : false;

async function versionOf(): Promise<string> {
  const { stdout } = await runProcess([BIN ?? '', '--version']);
  return /(\d+\.\d+\.\d+)/.exec(stdout)?.[1] ?? '';
}

/** What `crio config` makes of a file, and of no other: later versions look for more of them. */
async function configured(t: TestContext, text: string, ...flags: readonly string[]) {
  const file = join(await tempFolder(t), 'crio.conf');
  await writeFile(file, text);
  const alone = keyOf('crio.runtime.pinns_path', await versionOf()) ? ['--config-dir', ''] : [];
  return runProcess([BIN ?? '', '--config', file, ...alone, 'config', ...flags]);
}

const WANTED: Omit<Wanted, 'version'> = {
  cgroupDriver: 'cgroupfs',
  programs: { conmon: '/b/conmon', pinns: '/b/pinns', runtime: '/b/runc' },
  vm: { handler: 'kata', path: '/b/containerd-shim-kata-v2', type: 'vm', config: '/b/kata.toml' },
  untrusted: true,
  pauseImage: 'registry.lab/pause:3.2',
  policy: '/etc/crio/policy.json',
  storage: { root: '/s', runroot: '/r' },
  cni: { bin: '/opt/cni/bin', config: '/etc/cni/net.d' },
};

/** Whether `crio config` prints a key with this value: a list may have lines of its own, a default stands in a comment. */
function prints(text: string, path: string, value: Settings[string]): boolean {
  const [table, key] = parts(path);
  const [, body = ''] = text.split(new RegExp(`^[# ]*\\[${table.replaceAll('.', '\\.')}\\]$`, 'm'));
  const said = new RegExp(`^#?\\s*${key} = (\\[[^\\]]*\\]|.*)$`, 'm').exec(body)?.[1] ?? '';
  const plain = said.replaceAll(/[\s#]/g, '').replace(/,\]$/, ']');
  return plain === JSON.stringify(value) || plain === JSON.stringify(String(value)); // 1.20 quotes a flag
}

function parts(path: string): readonly [table: string, key: string] {
  const dot = path.lastIndexOf('.');
  return [path.slice(0, dot), path.slice(dot + 1)];
}

/** What versions read, as the next test shows, and do not print; 1.21 to 1.23 leave out what is as their defaults. */
const SILENT = /^1\.1[6-9]\..*privileged_without_host_devices$/;

test('crio takes each setting with its value', { skip }, async (t) => {
  const version = await versionOf();
  const defaults = (await configured(t, '', '--default')).stdout;
  for (const cgroupDriver of ['cgroupfs', 'systemd'] as const) {
    const settings = settingsFor({ ...WANTED, version, cgroupDriver });
    const { code, stdout, stderr } = await configured(t, toml(settings));
    assert.equal(code, 0, stderr);
    const lost = Object.entries(settings).filter(([path, value]) => !prints(stdout, path, value));
    const silent = ([path, value]: (typeof lost)[number]) =>
      SILENT.test(`${version} ${path}`) || (/^1\.2[1-3]\./.test(version) && prints(defaults, path, value));
    assert.deepEqual(
      lost.filter((setting) => !silent(setting)),
      [],
    );
  }
});

/** A file in which a key has a value that no key can have. */
function wrong(path: string, type: string): string {
  const real = path.replace('.*.', '.runc.');
  const [table, key] = type === 'table' ? [real, 'x'] : parts(real);
  return `[${table}]\n${key} = 1979-05-27T07:32:00Z\n`;
}

/** What CRI-O says of a value of another type, over the years. */
const MISTYPED = /type mismatch|incompatible types|cannot load TOML/i;

test('crio knows the keys of the table, and none that its version is said not to know', {
  skip,
}, async (t) => {
  const version = await versionOf();
  const answers: Record<string, boolean> = {};
  for (const [path, { type }] of Object.entries(KEYS)) {
    const { stdout, stderr } = await configured(t, wrong(path, type));
    answers[path] = MISTYPED.test(stdout + stderr);
  }
  const expected = Object.keys(KEYS).map((path) => [
    path,
    keyOf(path.replace('.*.', '.runc.'), version) !== undefined,
  ]);
  assert.deepEqual(answers, Object.fromEntries(expected));
});
