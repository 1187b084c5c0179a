/** `cc kubectl` on hosts with a real sshd: kubectl gets its words and the credentials, and its streams and exit code come back. */
import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, type TestContext, test } from 'node:test';
import { quoted } from '../../core/model/command.ts';
import { MOD } from '../rig/cc.ts';
import { type HostSpec, hostRig, userSetup } from '../rig/hosts.ts';
import { oddSite, PATIENCE, typed } from './odd.ts';

const { skip, host } = await hostRig({ after });
const must = { skip, timeout: PATIENCE };

/** Shows who runs it with what. */
const KUBECTL = `#!/bin/sh
echo "$(id -un) with $KUBECONFIG on $(hostname)"
tty >/dev/null && echo at a terminal
for word; do printf "%s|" "$word"; done
echo err >&2
[ "$1" = apply ] && cat
exit 3
`;
const INSTALLED = `printf %s ${quoted(KUBECTL)} >/usr/local/bin/kubectl; chmod 755 /usr/local/bin/kubectl`;

/** A site with a control plane of two hosts and a worker, whose first is this one. */
async function site(t: TestContext, { setup = '', ...spec }: HostSpec = {}) {
  const plane = await host(t, 'cp-1', { ...spec, setup: `${setup}\n${INSTALLED}` });
  const made = await oddSite(t, {});
  const hosts = [
    { name: 'w-1', roles: ['worker'], connection: { kind: 'ssh', address: '192.0.2.1' } },
    { name: 'cp-1', roles: ['control-plane'], connection: plane.target },
  ];
  await writeFile(
    join(made.cwd, 'cc.config.ts'),
    `import { recipe } from '${MOD}';
export default recipe({ name: 'site', extends: 'kata', hosts: ${JSON.stringify(hosts)} });\n`,
  );
  return made;
}

const ROOT = 'root with /etc/kubernetes/admin.conf on cp-1\n';

test('kubectl runs on the first host of the control plane with all words', must, async (t) => {
  const { run } = await site(t);
  const words = ['get', 'pods', '-A', '-o', 'jsonpath={.items[*]}', '--recipe', "it's !"];
  assert.deepEqual(await run('kubectl', ...words), {
    code: 3,
    stdout: `${ROOT}${words.map((word) => `${word}|`).join('')}`,
    stderr: 'err\n',
  });
});

test('kubectl has a terminal where there is one', must, async (t) => {
  const { code, seen } = await typed(t, await site(t), {
    words: ['kubectl', 'exec', '-it', 'pod', '--', 'sh'],
  });
  assert.equal(code, 3);
  assert.match(seen, /^at a terminal\r\nexec\|-it\|pod\|--\|sh\|err\r\n/m);
});

test('kubectl is run by root, which a user becomes by sudo', must, async (t) => {
  const setup = userSetup('admin', 'admin ALL=(ALL) NOPASSWD: ALL');
  const { run } = await site(t, { sshd: 'debian', user: 'admin', setup });
  assert.deepEqual(await run('kubectl', 'version'), { code: 3, stdout: `${ROOT}version|`, stderr: 'err\n' });
});

test('kubectl is not run by a user whom sudo refuses, but by one who types a password', must, async (t) => {
  const setup = `${userSetup('admin', 'admin ALL=(ALL) ALL')}\necho admin:geheim | chpasswd`;
  const made = await site(t, { sshd: 'debian', user: 'admin', setup });
  assert.deepEqual(await made.run('kubectl', 'version'), {
    code: 77,
    stdout: '',
    stderr: `Cannot become root on cp-1 as admin
  sudo: a password is required
  fix: run cc as root, or let this user use sudo without a password
`,
  });
  const words = ['--ask-become-pass', 'kubectl', 'version'];
  const { code, seen } = await typed(t, made, { words, at: 'Password for sudo: ', lines: ['geheim\r'] });
  assert.equal(code, 3, seen);
  assert.match(seen, /^root with \/etc\/kubernetes\/admin\.conf on cp-1\r\nat a terminal\r\nversion\|/m);
  assert.ok(!seen.includes('geheim'));
});
