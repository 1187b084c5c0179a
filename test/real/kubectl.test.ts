/** `cc kubectl` and `cc kubeconfig` on hosts with a real sshd, and a kubectl that shows what it is given. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, type TestContext, test } from 'node:test';
import { promisify } from 'node:util';
import { yaml } from '../../core/cli/config/yaml.ts';
import { quoted } from '../../core/model/command.ts';
import { MOD } from '../rig/cc.ts';
import { type HostSpec, hostRig, userSetup } from '../rig/hosts.ts';
import { oddSite, PATIENCE, typed } from './odd.ts';

const { skip, host } = await hostRig({ after });
const execute = promisify(execFile);
const must = { skip, timeout: PATIENCE };

/** Shows who runs it with what. */
const KUBECTL = `#!/bin/sh
[ "$*" = "config view --kubeconfig /etc/kubernetes/admin.conf --raw -o json" ] && exec cat /etc/kubernetes/admin.conf
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

const ADMIN = {
  clusters: [{ name: 'kubernetes', cluster: { server: 'https://127.0.0.1:6443' } }],
  users: [{ name: 'kubernetes-admin', user: { 'client-key-data': 'Z2VoZWlt' } }],
};
const CREDENTIALS = `mkdir -p /etc/kubernetes/pki; echo ${quoted(JSON.stringify(ADMIN))} >/etc/kubernetes/admin.conf
chmod 600 /etc/kubernetes/admin.conf; touch /etc/kubernetes/pki/apiserver.crt`;

test('kubeconfig is printed, or merged into the file of the user, and is nowhere else', must, async (t) => {
  const setup = `${userSetup('admin', 'admin ALL=(ALL) NOPASSWD: ALL')}\n${CREDENTIALS}`;
  const { cwd, run } = await site(t, { sshd: 'debian', user: 'admin', setup });
  const printed = await run('kubeconfig');
  assert.deepEqual([printed.code, printed.stderr], [0, '']);
  assert.match(printed.stdout, /^apiVersion: v1\nkind: Config\nclusters:\n- name: site\n/);
  const file = join(cwd, 'home/.kube/config');
  await mkdir(join(cwd, 'home/.kube'), { recursive: true });
  await writeFile(file, 'users: [{ name: mine, user: { token: x } }]\ncurrent-context: mine\n', {
    mode: 0o644,
  });
  for (const _ of [1, 2])
    assert.deepEqual(await run('kubeconfig', '--merge'), {
      code: 0,
      stdout: '',
      stderr: `"site" is in ${file}: kubectl --context site get nodes\n`,
    });
  const own = yaml('own', printed.stdout) as Readonly<Record<string, readonly unknown[]>>; // as it was matched
  const users = [{ name: 'mine', user: { token: 'x' } }, ...(own['users'] ?? [])];
  assert.deepEqual(yaml(file, await readFile(file, 'utf8')), { ...own, users, 'current-context': 'mine' });
  assert.equal((await stat(file)).mode & 0o777, 0o600);
  await rm(file);
  await assert.rejects(execute('grep', ['-rl', 'Z2VoZWlt', cwd]), { code: 1, stdout: '' });
});

test('kubeconfig says that there is no cluster yet, and who cannot become root', must, async (t) => {
  const early = await (await site(t)).run('kubeconfig');
  assert.deepEqual([early.code, early.stdout], [1, '']);
  assert.match(early.stderr, /there is no \/etc\/kubernetes\/admin\.conf: the cluster is not there yet/);
  const setup = userSetup('admin', 'admin ALL=(ALL) ALL');
  const { code, stderr } = await (await site(t, { user: 'admin', setup })).run('kubeconfig');
  assert.equal(code, 77);
  assert.match(stderr, /^Cannot become root on cp-1 as admin\n/);
});
