/** Certificates of a control plane: until when they count, and how they are renewed. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import {
  chmod,
  mkdir,
  readdir,
  readFile,
  readlink,
  stat,
  symlink,
  utimes,
  writeFile,
} from 'node:fs/promises';
import { join } from 'node:path';
import process from 'node:process';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { describe } from '../../core/model/change.ts';
import { maskedData } from '../../core/model/mask.ts';
import { LIST } from '../../plugins/kubeadm/certificates.ts';
import { ANNOTATE, ANNOTATION } from '../../plugins/kubeadm/renewal.ts';
import { SIGN, TAKE } from '../../plugins/kubeadm/signing.ts';
import { BEGAN } from '../../plugins/kubeadm/static-pods.ts';
import { validities } from '../../plugins/kubeadm/validity.ts';
import { kubeadm } from '../../plugins/kubeadm.ts';
import type { Paper } from '../rig/paper.ts';
import { type Lasting, tempFolder } from '../rig/temp.ts';
import { type Bench, type BenchSetup, benchOf } from './bench.ts';
import { AUTHORITY, endingAt, OF_A_YEAR } from './certificate.ts';
import { below, clusterOn, KUBECTL } from './cluster.ts';
import { paths, script, wrote } from './tools.ts';

const run = promisify(execFile);

test('validity is that which OpenSSL reads, in both forms of time', () => {
  for (const pem of [AUTHORITY, OF_A_YEAR]) {
    const { validFrom, validTo } = new X509Certificate(pem);
    const wanted = { from: Date.parse(validFrom), until: Date.parse(validTo) };
    assert.deepEqual(validities(pem), [wanted]);
  }
  assert.deepEqual(
    validities(`${AUTHORITY}${OF_A_YEAR}`)?.map(({ until }) => new Date(until).toISOString()),
    ['2126-11-03T09:05:01.000Z', '2027-11-27T11:36:21.000Z'],
  );
  assert.equal(validities(endingAt('491231235959Z'))?.[0]?.until, Date.UTC(2049, 11, 31, 23, 59, 59));
  assert.equal(validities(endingAt('500101000000Z'))?.[0]?.until, Date.UTC(1950, 0, 1));
});

test('certificate that is cut off, altered or none at all has no validity', () => {
  const lines = OF_A_YEAR.split('\n');
  for (const pem of [
    '',
    'no certificate',
    lines.toSpliced(5, 1).join('\n'),
    OF_A_YEAR.replace('MIIB', '!!!!'),
    endingAt('27112711362xZ'),
    `${AUTHORITY}${endingAt('271127113621+')}`,
  ])
    assert.equal(validities(pem), undefined, pem);
});

test('list has the certificates of files, and no key that stands beside them', async (t) => {
  const folder = await tempFolder(t);
  const [pem, conf] = [join(folder, 'kubelet.pem'), join(folder, 'admin.conf')];
  const key = '-----BEGIN EC PRIVATE KEY-----\nc2VjcmV0\n-----END EC PRIVATE KEY-----\n';
  await writeFile(pem, `${OF_A_YEAR}${key}`);
  await writeFile(
    conf,
    'users:\n- user:\n    client-certificate-data: QUJD\n    client-key-data: c2VjcmV0\n',
  );
  const { stdout } = await run('sh', ['-c', LIST, 'cc', pem, join(folder, 'none'), conf]);
  assert.match(stdout, /^\d+\n/);
  assert.equal(stdout.replace(/^\d+\n/, ''), `= ${pem}\n${OF_A_YEAR}= ${conf}\nQUJD\n`);
  await assert.rejects(run('sh', ['-c', LIST, 'cc', folder]), { code: 4 });
});

const POD = (annotations: string) =>
  `apiVersion: v1\nkind: Pod\nmetadata:\n${annotations}  creationTimestamp: null\n  labels:\n    tier: x\nspec:\n  containers: []\n`;

test('annotation is put into a manifest, in place of the one before, and the file stays whole and private', async (t) => {
  const folder = await tempFolder(t);
  await mkdir(join(folder, 'manifests'));
  const file = join(folder, 'manifests', 'etcd.yaml');
  const annotated = async (text: string, value: string) => {
    await writeFile(file, text);
    await chmod(file, 0o600);
    await run('sh', ['-c', ANNOTATE, 'cc', file, value]);
    assert.equal((await stat(file)).mode & 0o777, 0o600);
    return readFile(file, 'utf8');
  };
  const one = (value: string) => `  annotations:\n    ${ANNOTATION}: "${value}"\n`;
  assert.equal(await annotated(POD(''), 'A'), POD(one('A')));
  assert.equal(await annotated(POD(one('A')), 'B'), POD(one('B')));
  assert.equal(
    await annotated(POD('  annotations:\n    other/a: b\n'), 'A'),
    POD(`${one('A')}    other/a: b\n`),
  );
  const written = new Date(1000);
  await utimes(file, written, written);
  await run('sh', ['-c', ANNOTATE, 'cc', file, 'A']);
  assert.deepEqual((await stat(file)).mtime, written, 'what it says already is not written again');
  await assert.rejects(annotated('', 'A'), /is no manifest as kubeadm writes it/);
  assert.deepEqual([await readFile(file, 'utf8'), await readdir(folder)], ['', ['manifests']]);
});

const NOW = Date.UTC(2026, 10, 27, 12);
const PKI = '/etc/kubernetes/pki';
const SERVER = `${PKI}/apiserver.crt`;
const CURRENT = '/var/lib/kubelet/pki/kubelet-client-current.pem';
const PODS = ['etcd', 'kube-apiserver', 'kube-controller-manager', 'kube-scheduler'];
const manifest = (pod: string) => `/etc/kubernetes/manifests/${pod}.yaml`;

const node = ({ hosts }: Bench) => hosts.get('node-1')!; // every bench has this host

const SIGNED = `${OF_A_YEAR}-----BEGIN EC PRIVATE KEY-----\nc2VjcmV0\n-----END EC PRIVATE KEY-----\n`;

/** What happens to pods, in order; `broken` does not start anew. */
interface Told {
  readonly done: string[];
  broken?: string;
  readonly api: { answers: boolean };
}

function withCertificates({ done, api, ...told }: Told): BenchSetup {
  const setup = clusterOn(api);
  const seen = told as { broken?: string };
  const listed = (host: Paper, files: readonly string[]) =>
    files
      .filter((file) => host.disk.has(file) && host.read(file).startsWith('-----'))
      .map((file) => `= ${file}\n${file.endsWith('.conf') ? btoa(host.read(file)) : host.read(file)}`)
      .join('\n');
  const pod = (host: Paper, argv: readonly string[]) => {
    const name = argv[argv.indexOf('pod') + 1]?.replace(/-node-1$/, '') ?? '';
    const [, value] = /certificates-until: "(.*)"/.exec(host.read(manifest(name))) ?? [];
    done.push(`asked for ${name}`);
    const ready = name === seen.broken ? 'False' : 'True';
    const conditions = [{ type: 'Ready', status: ready }];
    return JSON.stringify({ metadata: { annotations: { [ANNOTATION]: value } }, status: { conditions } });
  };
  return {
    ...setup,
    reads: (host, bench) => [
      ...(setup.reads?.(host, bench) ?? []),
      ['uname -n', 'node-1\n'],
      [script(LIST), (argv) => `${NOW / 1000}\n${listed(host, argv.slice(4))}`],
      [(argv) => argv.join(' ').startsWith(`${KUBECTL} -n kube-system get pod`), (argv) => pod(host, argv)],
      [`${KUBECTL} get --raw /healthz`, 'ok'],
      [
        script(BEGAN),
        () => {
          done.push('asked for kube-apiserver');
          return '';
        },
      ],
      [
        script(SIGN),
        (argv) => {
          done.push(argv.slice(5).join(' '));
          return SIGNED;
        },
      ],
    ],
    does: (host, bench) => [
      ...(setup.does?.(host, bench) ?? []),
      [
        (argv) => argv[0] === '/usr/local/bin/kubeadm' && argv.includes('renew'),
        (argv) => {
          done.push(argv.slice(1).join(' '));
          return wrote(host, SERVER, OF_A_YEAR);
        },
      ],
      ['systemctl start kubelet.service', ''],
      [
        script(TAKE),
        (argv, { input }) => {
          done.push('kubelet took its certificate');
          return wrote(host, argv[4] ?? '', String(input));
        },
      ],
      [
        script(ANNOTATE),
        (argv) => {
          const [file = ''] = paths(argv.slice(4));
          done.push(`annotated ${file}`);
          // It comes up with the last of them.
          if (file.includes('scheduler')) api.answers = true;
          return wrote(host, file, `${host.read(file)}    ${ANNOTATION}: "${argv.at(-1)}"\n`);
        },
      ],
    ],
  };
}

/** A plane that was made, and then got certificates. */
async function plane(t: Lasting, files: Readonly<Record<string, string>>, version = '1.20.2') {
  const told: Told = { done: [], api: { answers: true } };
  const recipe = { plugins: [...below(version), kubeadm()] };
  const bench = await benchOf(t, recipe, withCertificates(told));
  await bench.run();
  for (const [path, text] of Object.entries(files)) node(bench).write(path, text);
  return {
    bench,
    done: told.done,
    api: told.api,
    task: bench.tasks.find(({ step }) => step.name === 'certificates')!,
  }; // the plugin has it
}

async function planned({ bench, task }: Pick<Awaited<ReturnType<typeof plane>>, 'bench' | 'task'>) {
  const { looked, failed } = await bench.look();
  const why = failed[task.id];
  return why === undefined
    ? looked.get(task.id)?.changes.map((change) => [describe(change), change.why])
    : JSON.parse(why);
}

test('certificates within the limit are renewed, and pods start anew one by one, etcd first', async (t) => {
  const { bench, done, task } = await plane(t, {
    [SERVER]: endingAt('261226120000Z'),
    [`${PKI}/ca.crt`]: AUTHORITY,
  });
  assert.deepEqual(await planned({ bench, task }), [
    [
      'have kubeadm renew the certificates, and the pods of the control plane start anew one by one',
      `${SERVER} expires on 2026-12-26T12:00:00Z`,
    ],
  ]);
  const { outcomes } = await bench.run();
  assert.equal(outcomes.get(task.id)?.state, 'applied');
  assert.deepEqual(outcomes.get(task.id)?.report, {
    until: '2027-11-27T11:36:21Z',
    lines: ['they count until 2027-11-27T11:36:21Z; copies of admin.conf elsewhere end as before'],
  });
  assert.deepEqual(done, [
    'certs renew all',
    ...PODS.flatMap((pod) => [`annotated ${manifest(pod)}`, `asked for ${pod}`]),
  ]);
  assert.equal((await bench.run()).outcomes.get(task.id)?.state, 'verified');
  const facts = (await bench.facts(task)) as never;
  assert.deepEqual(task.step.tells?.(facts), [
    `the first certificate to expire: ${SERVER} expires on 2027-11-27T11:36:21Z`,
  ]);
});

test('certificates beyond the limit are left alone', async (t) => {
  assert.deepEqual(await planned(await plane(t, { [SERVER]: endingAt('261227120001Z') })), []);
});

test('renewal that was cut off goes on with the pods that have not started anew', async (t) => {
  const made = await plane(t, { [SERVER]: endingAt('261130000000Z') });
  const { bench, done, task } = made;
  const { hosts } = bench;
  hosts.get('node-1')!.when(script(ANNOTATE), (argv) => {
    // every bench has this host
    const [file = ''] = paths(argv.slice(4));
    if (file.includes('apiserver')) return { code: 1, stderr: 'no space left\n' };
    return wrote(node(bench), file, `    ${ANNOTATION}: "${argv.at(-1)}"\n`);
  });
  assert.equal((await bench.run()).outcomes.get(task.id)?.state, 'failed');
  assert.deepEqual(await planned(made), [
    [
      'have the pods of the control plane start anew one by one with the certificates that were renewed',
      'kube-apiserver, kube-controller-manager, kube-scheduler may not have it',
    ],
  ]);
  assert.deepEqual(
    done.filter((each) => each.startsWith('certs')),
    ['certs renew all'],
  );
});

test('authority that ends is refused, for kubeadm cannot renew it', async (t) => {
  assert.deepEqual(await planned(await plane(t, { [`${PKI}/etcd/ca.crt`]: endingAt('261201000000Z') })), {
    kind: 'check-failed',
    host: 'node-1',
    what: 'the authorities of the cluster last',
    reasons: [
      `${PKI}/etcd/ca.crt expires on 2026-12-01T00:00:00Z`,
      'kubeadm renews no authority: https://kubernetes.io/docs/tasks/tls/manual-rotation-of-ca-certificates/',
    ],
  });
});

test('kubeadm that renews no kubeconfigs is not asked, and the way by hand is told', async (t) => {
  const { kind, what, reasons } = await planned(
    await plane(t, { [SERVER]: endingAt('261201000000Z') }, '1.14.10'),
  );
  assert.deepEqual([kind, what, reasons.length], ['check-failed', 'its certificates last', 3]);
  assert.equal(
    reasons[2],
    'then: kubeadm init phase certs all --config /etc/cc/kubeadm.json; kubeadm init phase kubeconfig all --config /etc/cc/kubeadm.json; and reboot it',
  );
});

test('kubelet renews its own certificate, and one that is late is waited for', async (t) => {
  const late = await plane(t, { [CURRENT]: endingAt('261127120100Z') });
  assert.deepEqual(await planned(late), [
    [
      'wait until kubelet has renewed its certificate',
      `${CURRENT} expires on 2026-11-27T12:01:00Z, and kubelet has not renewed it`,
    ],
  ]);
});

test('kubelet whose certificate has expired gets one that a control plane has signed', async (t) => {
  const made = await plane(t, { [CURRENT]: endingAt('261127115959Z'), [`${PKI}/ca.key`]: 'key' });
  const { bench, done, task } = made;
  assert.deepEqual(await planned(made), [
    [
      'have a control plane sign a certificate for kubelet, and start kubelet anew',
      `${CURRENT} expired on 2026-11-27T11:59:59Z, and the API lets kubelet renew it no more`,
    ],
  ]);
  const { outcomes, events } = await bench.run();
  assert.equal(outcomes.get(task.id)?.state, 'applied');
  assert.deepEqual(done, [SIGNING, 'kubelet took its certificate']);
  assert.equal(node(bench).read(CURRENT), SIGNED);
  const told = JSON.stringify([bench.ran.map(({ argv }) => argv), maskedData(events)]);
  assert.equal(told.includes('c2VjcmV0'), false);
});

const SIGNING = 'init phase kubeconfig kubelet --node-name node-1 --kubernetes-version v1.20.2';

test('renewal that was cut off before kubelet had its certificate goes on with that', async (t) => {
  const gone = endingAt('261127115959Z');
  const made = await plane(t, { [SERVER]: gone, [CURRENT]: gone, [`${PKI}/ca.key`]: 'key' });
  const { bench, done, api, task } = made;
  api.answers = false;
  let fails = true;
  node(bench).when(script(TAKE), (argv, { input }) =>
    fails ? { code: 1, stderr: 'killed\n' } : wrote(node(bench), argv[4] ?? '', String(input)),
  );
  assert.equal((await bench.run()).outcomes.get(task.id)?.state, 'failed');
  fails = false;
  assert.equal((await bench.run()).outcomes.get(task.id)?.state, 'applied');
  assert.equal(node(bench).read(CURRENT), SIGNED);
  assert.deepEqual(
    done.filter((each) => !each.startsWith('a')),
    ['certs renew all', SIGNING, SIGNING],
  );
});

test('kubelet gets no certificate where no control plane has the key of the authority', async (t) => {
  const { bench, task } = await plane(t, { [CURRENT]: endingAt('261127115959Z') });
  const { failure } = (await bench.run()).outcomes.get(task.id) ?? {};
  assert.deepEqual(failure?.kind === 'check-failed' && failure.reasons, [
    'no control plane that can be reached has /etc/kubernetes/pki/ca.key: node-1',
  ]);
});

test('kubelet before the phases of init is not given one, and the way is told', async (t) => {
  const { reasons } = await planned(await plane(t, { [CURRENT]: endingAt('261127115959Z') }, '1.12.10'));
  assert.equal(reasons[1], 'have the host join anew: cc run cleanup --limit node-1, then cc run all');
});

test('control plane that is down because all has expired is renewed at once, and comes back', async (t) => {
  const gone = endingAt('261127115959Z');
  const made = await plane(t, { [SERVER]: gone, [CURRENT]: gone, [`${PKI}/ca.key`]: 'key' });
  const { bench, done, api, task } = made;
  api.answers = false;
  const { outcomes } = await bench.run();
  assert.equal(outcomes.get(task.id)?.state, 'applied', JSON.stringify(outcomes.get(task.id)));
  assert.deepEqual(done, [
    'certs renew all',
    SIGNING,
    'kubelet took its certificate',
    ...PODS.map((pod) => `annotated ${manifest(pod)}`),
    ...PODS.map((pod) => `asked for ${pod}`),
  ]);
  assert.deepEqual((await bench.look()).looked.get(task.id)?.changes, []);
});

test('certificate is signed as kubeadm writes it into a kubeconfig, and nothing of it stays', async (t) => {
  const folder = await tempFolder(t);
  const program = join(folder, 'kubeadm');
  await writeFile(
    program,
    `#!/bin/sh
echo "[kubeconfig] writing" 
while [ "$1" != --kubeconfig-dir ]; do shift; done
echo "$2" >${folder}/where
printf 'users:\\n- user:\\n    client-certificate-data: %s\\n    client-key-data: %s\\n' ${btoa('one\n')} ${btoa('two\n')} >"$2/kubelet.conf"
`,
    { mode: 0o755 },
  );
  const { stdout } = await run('sh', ['-c', SIGN, 'cc', program, 'init']);
  assert.equal(stdout, 'one\ntwo\n');
  await assert.rejects(stat((await readFile(join(folder, 'where'), 'utf8')).trim()), { code: 'ENOENT' });
});

test('kubelet takes a certificate by a link, as it makes them itself', async (t) => {
  const folder = await tempFolder(t);
  await writeFile(join(folder, 'systemctl'), `#!/bin/sh\necho "$@" >${folder}/said\n`, { mode: 0o755 });
  const current = join(folder, 'kubelet-client-current.pem');
  await writeFile(join(folder, 'kubelet-client-old.pem'), 'old');
  await symlink(join(folder, 'kubelet-client-old.pem'), current);
  const env = { ...process.env, PATH: `${folder}:${process.env['PATH']}` };
  const child = run('sh', ['-c', TAKE, 'cc', current], { env });
  child.child.stdin?.end('new');
  await child;
  assert.equal(await readFile(current, 'utf8'), 'new');
  assert.match(await readlink(current), /\/kubelet-client-\d{4}(-\d\d){5}\.pem$/);
  assert.equal((await stat(current)).mode & 0o777, 0o600);
  assert.equal(await readFile(join(folder, 'kubelet-client-old.pem'), 'utf8'), 'old');
  assert.equal(await readFile(join(folder, 'said'), 'utf8'), 'restart kubelet.service\n');
});

test('file without a certificate that can be read is told, and never passed over', async (t) => {
  assert.deepEqual(await planned(await plane(t, { [SERVER]: '-----BEGIN nothing' })), {
    kind: 'cannot-tell',
    host: 'node-1',
    what: `tell when ${SERVER} expires`,
    why: 'it holds no certificate that can be read',
  });
});
