/**
 * What is generated for Kubernetes, tried on its programs themselves. CC_KUBERNETES_BIN names a folder with kubeadm, kubelet and
 * kubectl of any version in the table; without it there is nothing here to try.
 */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { promisify } from 'node:util';
import { kubeadmConfig } from '../../../plugins/kubeadm/config.ts';
import { initFlags } from '../../../plugins/kubeadm/flags.ts';
import { kubeletDropIn } from '../../../plugins/kubeadm/kubelet.ts';
import { dnsRepository, pauseImage, UPSTREAM } from '../../../plugins/kubernetes/image-names.ts';
import { eraOf, since } from '../../../plugins/kubernetes/versions.ts';
import { tempFolder } from '../../rig/temp.ts';

const BIN = process.env['CC_KUBERNETES_BIN'];
const skip =
  BIN === undefined ? 'CC_KUBERNETES_BIN names no folder with kubeadm, kubelet and kubectl' : false;

/** Runs one of the programs, and answers what it said and how it ended. */
async function ran(program: string, ...words: readonly string[]) {
  const options = { timeout: 60_000, maxBuffer: 2 ** 24 };
  const run = promisify(execFile)(join(BIN ?? '', program), words, options);
  return run.then(
    ({ stdout, stderr }) => ({ code: 0, stdout, stderr }),
    ({ code, stdout, stderr }: { code: number; stdout: string; stderr: string }) => ({
      ...{ code, stdout, stderr },
    }),
  );
}

async function versionOf(): Promise<string> {
  return (await ran('kubeadm', 'version', '-o', 'short')).stdout.trim().replace(/^v/, '');
}

async function filed(t: TestContext, text: string): Promise<string> {
  const path = join(await tempFolder(t), 'kubeadm.json');
  await writeFile(path, text);
  return path;
}

const cluster = (version: string) => ({
  ...{ version, imageRepository: UPSTREAM, criSocket: 'unix:///run/cri.sock', cgroupDriver: 'systemd' },
  ...{ podSubnet: '10.1.0.0/16', serviceSubnet: '10.2.0.0/16', patience: '30m0s' },
});

/** What kubeadm makes of a configuration, and its complaints about words it does not know or know any more. */
async function migrated(t: TestContext, text: string) {
  const { code, stdout, stderr } = await ran(
    'kubeadm',
    'config',
    'migrate',
    '--old-config',
    await filed(t, text),
  );
  const complaints = stderr.split('\n').filter((line) => /unknown|deprecated|error|strict/i.test(line));
  return { code, stdout, complaints: complaints.filter((line) => !line.includes('docker info')) };
}

test('kubeadm knows every word of its configuration', { skip }, async (t) => {
  const version = await versionOf();
  const { code, stdout, complaints } = await migrated(t, kubeadmConfig(cluster(version)));
  assert.deepEqual({ code, complaints }, { code: 0, complaints: [] });
  for (const line of [
    `kubernetesVersion: v${version}`,
    'podSubnet: 10.1.0.0/16',
    'criSocket: unix:///run/cri.sock',
  ])
    assert.ok(stdout.includes(line), stdout);
});

test('kubeadm complains of a word that it does not know, so that silence means something', {
  skip,
}, async (t) => {
  const text = kubeadmConfig(cluster(await versionOf())).replace('"criSocket"', '"criSockets"');
  const { complaints } = await migrated(t, text);
  assert.ok(
    complaints.some((line) => line.includes('unknown field')),
    complaints.join('\n'),
  );
});

test('kubeadm writes no newer form of its configuration than the table says', { skip }, async (t) => {
  const version = await versionOf();
  const { stdout } = await migrated(t, kubeadmConfig(cluster(version)));
  const forms = [...stdout.matchAll(/^apiVersion: kubeadm\.k8s\.io\/(\w+)$/gm)].map(([, form]) => form);
  assert.deepEqual([...new Set(forms)], [eraOf(version).kubeadmApi]);
});

test('kubeadm takes its images from where it is told, pause of the tag in the table', { skip }, async (t) => {
  const version = await versionOf();
  const path = await filed(t, kubeadmConfig(cluster(version)));
  const { stdout } = await ran('kubeadm', 'config', 'images', 'list', '--config', path);
  const images = stdout.trim().split('\n');
  const arch = process.arch === 'x64' ? 'amd64' : 'arm64';
  assert.ok(images.includes(pauseImage(version, UPSTREAM, arch)), stdout);
  const dns =
    dnsRepository(version, UPSTREAM) ?? (since('dnsFolder', version) ? `${UPSTREAM}/coredns` : UPSTREAM);
  assert.ok(
    images.some((image) => image.startsWith(`${dns}/coredns:`)),
    stdout,
  );
  assert.deepEqual(
    images.filter((image) => !image.startsWith(`${UPSTREAM}/`)),
    [],
  );
});

test('kubeadm of its own registry names the images of the table', { skip }, async () => {
  const version = await versionOf();
  const { pause, registry } = eraOf(version);
  const { stdout } = await ran('kubeadm', 'config', 'images', 'list', '--kubernetes-version', `v${version}`);
  assert.ok(stdout.includes(`${registry}/pause:${pause}\n`), stdout);
});

test('kubeadm init and reset know the flags they are given', { skip }, async () => {
  const version = await versionOf();
  for (const [dns, preflight] of [
    [true, true],
    [true, false],
    [false, false],
  ] as const) {
    const flags = initFlags({ version, dns, preflight });
    assert.equal(
      (await ran('kubeadm', 'init', '--config', '/x', ...flags, '--help')).code,
      0,
      flags.join(' '),
    );
  }
  assert.notEqual((await ran('kubeadm', 'init', '--no-such-flag', '--help')).code, 0);
});

test('kubelet knows the flags of its drop-in', { skip }, async () => {
  const text = kubeletDropIn({
    ...cluster(await versionOf()),
    bin: '/usr/local/bin',
    cni: { bin: '/opt/cni/bin', config: '/etc/cni/net.d' },
    address: '192.0.2.5',
  });
  const flags = [...text.matchAll(/--[\w-]+=[^" ]*/g)].map(([flag]) => flag);
  assert.ok(flags.length >= 3, text);
  const { code, stderr } = await ran('kubelet', ...flags, '--help');
  assert.deepEqual({ code, stderr }, { code: 0, stderr: '' });
  assert.notEqual((await ran('kubelet', '--no-such-flag=1', '--help')).code, 0);
});

test('kubectl knows the flags that it is told to delete with', { skip }, async () => {
  const wait = since('deleteWaits', await versionOf()) ? ['--wait=false'] : [];
  assert.equal(
    (await ran('kubectl', 'delete', 'namespace', 'x', '--ignore-not-found', ...wait, '--help')).code,
    0,
  );
});

/** With an address, and certificates in a folder of the test's own. */
function addressed(version: string, folder: string): string {
  const text = kubeadmConfig({ ...cluster(version), address: '192.0.2.5' });
  const named = '"kubernetesVersion"';
  assert.equal(text.split(named).length, 2);
  return text.replace(named, `"certificatesDir": "${folder}", ${named}`);
}

test('kubeadm is told by which address its API is reached, and puts it into the certificate', {
  skip,
}, async (t) => {
  const version = await versionOf();
  const folder = await tempFolder(t);
  const text = addressed(version, folder);
  const { code, stdout, complaints } = await migrated(t, text);
  assert.deepEqual({ code, complaints }, { code: 0, complaints: [] });
  assert.match(stdout, /^ *advertiseAddress: 192\.0\.2\.5$/m);
  if (!since('phases', version)) return;
  for (const phase of ['ca', 'apiserver']) {
    const { code, stderr } = await ran(
      'kubeadm',
      'init',
      'phase',
      'certs',
      phase,
      '--config',
      await filed(t, text),
    );
    assert.equal(code, 0, stderr);
  }
  const certificate = new X509Certificate(await readFile(join(folder, 'apiserver.crt')));
  assert.match(certificate.subjectAltName ?? '', /IP Address:192\.0\.2\.5/);
});
