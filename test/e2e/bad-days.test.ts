/** Bad days before any machine is there: each ends with its exit code and its message, and nothing half done. */
import assert from 'node:assert/strict';
import { copyFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { after, before, test } from 'node:test';
import { MACHINE, makeSite, must, type Site } from './site.ts';

let site: Site;

before(() => {
  site = makeSite({ base: 'lab', machine: MACHINE, fresh: true });
});

after(() => site.remove());

test('without root and without sudo nothing starts', () => {
  // That of the clone may be in a home that others cannot enter.
  const node = join(site.folder, 'node');
  copyFileSync(process.execPath, node);
  must('chmod', ['-R', 'a+rX', site.folder], '/');
  const home = join(site.folder, 'home');
  mkdirSync(home);
  must('chown', ['65534:65534', home], '/');
  const user = [
    '--reuid=65534',
    '--regid=65534',
    '--clear-groups',
    'env',
    '-i',
    `HOME=${home}`,
    'PATH=/usr/bin:/bin',
  ];
  const cc = [node, 'node_modules/cc-kubernetes/bin/cc.js', 'run', 'all'];
  const script = '"$@" 2>&1; echo "exit $?"';
  const said = must('sh', ['-c', script, 'sh', 'setpriv', ...user, ...cc], site.folder);
  assert.match(said, /^Cannot become root on controller as nobody\n/);
  assert.match(said, /\n {2}fix: run cc as root, or let this user use sudo without a password\nexit 77\n$/);
});

test('without a Debian mirror the run says which one it could not read', async () => {
  const cache = join(site.folder, 'no-mirror');
  mkdirSync(cache);
  const ran = await site.cc(['run', 'fetch/runc', '--set', 'debian.mirror=http://127.0.0.1:9/debian'], {
    XDG_CACHE_HOME: cache,
  });
  assert.equal(ran.code, 1);
  assert.match(ran.stdout, /\n {2}Cannot read the Debian archive\n/);
  assert.match(ran.stdout, /127\.0\.0\.1:9/);
  assert.match(ran.stdout, /\n {4}fix: check the network, or name a mirror: --set debian\.mirror=URL\n/);
});

test('a full disk while building is called so', async () => {
  const small = join(site.folder, 'small');
  mkdirSync(small);
  must('mount', ['-t', 'tmpfs', '-o', 'size=420m', 'tmpfs', small], '/');
  try {
    const ran = await site.cc(['run', 'kubernetes/compile'], { XDG_CACHE_HOME: small });
    assert.equal(ran.code, 1, ran.stdout);
    assert.match(ran.stdout, /Cannot [^\n]* on controller: no space is left on the device\n/);
    assert.match(ran.stdout, /fix: free some space and run again; finished work is kept\n/);
  } finally {
    must('umount', [small], '/');
  }
});

test('without systemd-nspawn and without a way to install it the run names the package', async () => {
  const empty = join(site.folder, 'empty');
  mkdirSync(join(empty, 'dpkg', 'info'), { recursive: true });
  mkdirSync(join(empty, 'dpkg', 'updates'));
  writeFileSync(join(empty, 'dpkg', 'status'), '');
  const apt = [
    `Dir::State "${empty}";`,
    `Dir::State::status "${empty}/dpkg/status";`,
    `Dir::Etc::sourcelist "/dev/null";`,
    `Dir::Etc::sourceparts "/dev/null";`,
  ];
  writeFileSync(join(empty, 'apt.conf'), `${apt.join('\n')}\n`);
  const env = { DPKG_ADMINDIR: join(empty, 'dpkg'), APT_CONFIG: join(empty, 'apt.conf') };
  const ran = await site.cc(['run', 'machine/tools'], env);
  assert.equal(ran.code, 77, ran.stdout);
  assert.match(ran.stdout, /Cannot install systemd-container /);
});

test('three mistakes in a configuration are told at once', async () => {
  const file = join(site.folder, 'wrong.json');
  const options = { runc: { versoin: '1.1.5' }, kubernetes: { version: 7 }, machin: {} };
  const text = JSON.stringify({ extends: 'lab', options });
  writeFileSync(file, text);
  const ran = await site.cc(['run', 'all', '--config', file]);
  assert.equal(ran.code, 65);
  const at = (what: string) => {
    const column = text.indexOf(what) + 1;
    return `    at ${file}:1:${column}\n      1 | ${text}\n        | ${' '.repeat(column - 1)}^\n`;
  };
  assert.equal(
    ran.stderr,
    `Cannot use ${file}: 3 mistakes
  options.machin: the recipe has no such plugin; did you mean "machine"?
${at('{}')}  kubernetes.version: expected string, found 7
${at('7')}  runc.versoin: is not known; did you mean "version"?
    known: from, version, commit, suite, bin
${at('"versoin"')}`,
  );
});
