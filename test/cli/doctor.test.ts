/** `cc doctor` as it is typed: it tells what this host is, without a configuration, and writes nothing. */
import assert from 'node:assert/strict';
import { readdir } from 'node:fs/promises';
import { test } from 'node:test';
import { told } from '../../plugins/virtualization/advice.ts';
import { cc, folder } from '../rig/cc.ts';
import { rootless } from '../rig/tools.ts';

const skip = rootless('looks without a password of sudo');

test('doctor tells in lines what it found here, and the recipe that fits in the last', {
  skip,
}, async (t) => {
  const cwd = await folder(t);
  const { code, stdout, stderr } = await cc(cwd, 'doctor', '--json');
  assert.deepEqual([code, stderr], [0, '']);
  const [{ host, facts, lines }] = JSON.parse(stdout).hosts;
  // How long a boot takes is another each time.
  assert.deepEqual([host, lines], ['here', told(facts)]);
  assert.match(lines.at(-1), /^fits: /);
  assert.deepEqual(await readdir(cwd), []);
});

test('doctor says of each host that it cannot reach why not', async (t) => {
  const cwd = await folder(t);
  const { code, stdout } = await cc(cwd, 'doctor', 'root@one.invalid', 'two.invalid', 'two.invalid');
  assert.equal(code, 1);
  const hosts = stdout.split('\n').filter((line) => /^\S/.test(line));
  assert.deepEqual(hosts, ['one.invalid:', 'two.invalid:']);
  assert.match(stdout, /^ {2}Cannot .*one\.invalid/m);
  assert.deepEqual(await readdir(cwd), []);
});
