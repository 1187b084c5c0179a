/** What kubeadm and kubelet are told, word for word, in each form that some version reads. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { kubeadmConfig } from '../../plugins/kubeadm/config.ts';
import { dnsAddress, kubeletDropIn, kubeletUnit } from '../../plugins/kubeadm/kubelet.ts';
import { kubeadm } from '../../plugins/kubeadm.ts';
import { expanded, failureIn } from '../graph/recipes.ts';
import { benchOf, NODE } from './bench.ts';
import { BELOW, below, clusterOn, OVERLAY } from './cluster.ts';
import { CLUSTER } from './tools.ts';

const UNIT = '/etc/systemd/system/kubelet.service';

/** A file below golden/kubeadm: what it is for, and its whole text. */
function golden(name: string): string {
  return readFileSync(new URL(`golden/kubeadm/${name}`, import.meta.url), 'utf8');
}

/** Each form, and the first version here that is told in it; of the first form there are two. */
const FORMS = {
  v1alpha1: '1.9.2',
  'v1alpha1-socket': '1.10.13',
  v1alpha2: '1.11.10',
  v1alpha3: '1.12.10',
  v1beta1: '1.14.0',
  v1beta2: '1.20.2',
  v1beta3: '1.30.0',
  v1beta4: '1.36.4',
};

for (const [form, version] of Object.entries(FORMS)) {
  test(`init of ${version} is configured in ${form}, word for word`, () => {
    assert.equal(kubeadmConfig({ ...CLUSTER, version }), golden(`init-${form}.txt`));
  });
}

/** The documents of a configuration by their kind. */
function documents(text: string): Readonly<Record<string, Record<string, unknown>>> {
  const all = text
    .split('---\n')
    .filter((part) => part !== '')
    .map((part) => JSON.parse(part) as { kind: string });
  return Object.fromEntries(all.map((document) => [document.kind, document]));
}

test('API server that would leave watches of Services open does not keep them, and no other is told so', () => {
  const server = (version: string) =>
    documents(kubeadmConfig({ ...CLUSTER, version }))['ClusterConfiguration']?.['apiServer'];
  assert.deepEqual(server('1.21.3'), { extraArgs: { 'watch-cache-sizes': 'services#0' } });
  assert.equal(server('1.21.4'), undefined);
});

const SHARED = '10.0.0.10:6443';
for (const [version, kind, at, own] of [
  ['1.11.10', 'MasterConfiguration', 'api', { advertiseAddress: '10.0.0.1', controlPlaneEndpoint: SHARED }],
  ['1.12.10', 'InitConfiguration', 'apiEndpoint', { advertiseAddress: '10.0.0.1' }],
  ['1.13.12', 'InitConfiguration', 'localAPIEndpoint', { advertiseAddress: '10.0.0.1' }],
  ['1.20.2', 'InitConfiguration', 'localAPIEndpoint', { advertiseAddress: '10.0.0.1' }],
  ['1.30.1', 'InitConfiguration', 'localAPIEndpoint', { advertiseAddress: '10.0.0.1' }],
  ['1.36.4', 'InitConfiguration', 'localAPIEndpoint', { advertiseAddress: '10.0.0.1' }],
] as const)
  test(`init of ${version} is told the address of its host apart from the endpoint of all`, () => {
    const found = documents(kubeadmConfig({ ...CLUSTER, version, address: '10.0.0.1', endpoint: SHARED }));
    assert.deepEqual(found[kind]?.[at], own);
    assert.equal(
      found['ClusterConfiguration']?.['controlPlaneEndpoint'],
      kind === 'InitConfiguration' ? SHARED : undefined,
    );
  });

for (const [version, address, fault] of [
  ['1.10.13', '10.0.0.10', 'is nothing that kubeadm 1.10 can be told: take Kubernetes 1.11 or later'],
  ['1.11.10', '10.244.0.9', 'is 10.244.0.9, which lies in the network 10.244.0.0/24 of the cluster itself'],
  ['1.20.2', '10.96.0.1', 'is 10.96.0.1, which lies in the network 10.96.0.0/12 of the cluster itself'],
  ['1.20.2', '10.0.0.10', undefined],
  ['1.20.2', 'api.example.org', undefined],
] as const)
  test(`endpoint ${address} of Kubernetes ${version} is ${fault === undefined ? 'taken' : 'refused'}`, () => {
    const recipe = {
      hosts: [NODE],
      plugins: [...below(version), kubeadm({ endpoint: { address, by: 'given' } })],
    };
    if (fault === undefined) assert.ok(expanded(recipe).tasks.length > 0);
    else
      assert.deepEqual(
        failureIn(() => expanded(recipe)),
        {
          kind: 'config-invalid',
          file: '/site/cc.config.ts',
          problems: [{ path: 'kubeadm.endpoint', message: fault }],
        },
      );
  });

for (const address of ['10.0.0', '10.0.0.256', 'Api.example', '-x', 'fd00::1'])
  test(`endpoint ${address} is no address`, () => {
    const plugins = [...BELOW, kubeadm({ endpoint: { address, by: 'given' } })];
    assert.deepEqual(
      failureIn(() => expanded({ hosts: [NODE], plugins })),
      {
        kind: 'config-invalid',
        file: '/site/cc.config.ts',
        problems: [
          {
            path: 'kubeadm.endpoint.address',
            message: `expected an IPv4 address or a host name, as api.example.org, found "${address}"`,
          },
        ],
      },
    );
  });

for (const [version, repository, dns] of [
  ['1.20.2', 'registry.k8s.io', undefined],
  ['1.21.0', 'registry.k8s.io', { imageRepository: 'registry.k8s.io/coredns' }],
  ['1.24.0', 'registry.k8s.io', { imageRepository: 'registry.k8s.io/coredns' }],
  ['1.24.0', 'registry.lab', undefined],
  ['1.25.0', 'registry.k8s.io', undefined],
] as const) {
  test(`CoreDNS of ${version} is found in ${repository}`, () => {
    const text = kubeadmConfig({ ...CLUSTER, version, imageRepository: repository });
    assert.deepEqual(documents(text)['ClusterConfiguration']?.['dns'], dns);
  });
}

test('kubelet of every form waits as long as its runtime needs for machines', () => {
  const documentsFor = (version: string) =>
    documents(kubeadmConfig({ ...CLUSTER, version, patience: '30m0s' }));
  const kubelet = { cgroupDriver: 'systemd', failSwapOn: false, runtimeRequestTimeout: '30m0s' };
  assert.deepEqual(documentsFor('1.11.10')['MasterConfiguration']?.['kubeletConfiguration'], {
    baseConfig: kubelet,
  });
  assert.deepEqual(documentsFor('1.36.4')['KubeletConfiguration'], {
    apiVersion: 'kubelet.config.k8s.io/v1beta1',
    kind: 'KubeletConfiguration',
    ...kubelet,
  });
});

test('kubelet of every form keeps images that cc has loaded', () => {
  const given = { ...CLUSTER, keepsImages: true } as const;
  const first = documents(kubeadmConfig({ ...given, version: '1.11.10' }))['MasterConfiguration'];
  const kept = {
    imageGCHighThresholdPercent: 100,
    evictionHard: {
      'memory.available': '100Mi',
      'nodefs.inodesFree': '5%',
      'nodefs.available': '5%',
      'imagefs.available': '5%',
    },
  };
  assert.deepEqual(first?.['kubeletConfiguration'], {
    baseConfig: { cgroupDriver: 'systemd', failSwapOn: false, ...kept },
  });
  const later = documents(kubeadmConfig({ ...given, version: '1.36.4' }))['KubeletConfiguration'];
  assert.deepEqual(later?.['evictionHard'], kept.evictionHard);
});

const KUBELET = {
  bin: '/opt/bin',
  criSocket: 'unix:///run/cri.sock',
  cgroupDriver: 'cgroupfs',
  serviceSubnet: '10.96.0.0/12',
  cni: { bin: '/opt/cc/cni', config: '/etc/cni/net.d' },
};

test('unit of kubelet is that of upstream', () => {
  assert.equal(kubeletUnit('/usr/local/bin'), golden('kubelet.service'));
});

for (const [version, name] of [
  ['1.9.2', 'kubelet-flags.conf'],
  ['1.10.13', 'kubelet-flags.conf'],
  ['1.11.0', 'kubelet-file.conf'],
  ['1.36.4', 'kubelet-file.conf'],
] as const) {
  test(`drop-in of kubelet ${version} is ${name}, word for word`, () => {
    assert.equal(kubeletDropIn({ ...KUBELET, version }), golden(name));
  });
}

test('flags of kubelet say how long its runtime may take', () => {
  const dropIn = kubeletDropIn({ ...KUBELET, version: '1.9.2', patience: '30m0s' });
  assert.equal(
    dropIn,
    golden('kubelet-flags.conf').replace(
      '/run/cri.sock --cgroup',
      '/run/cri.sock --runtime-request-timeout=30m0s --cgroup',
    ),
  );
});

for (const [subnet, address] of [
  ['10.96.0.0/12', '10.96.0.10'],
  ['10.96.255.250/12', '10.96.0.10'],
  ['192.168.3.240/28', '192.168.3.250'],
  ['172.16.0.0/16', '172.16.0.10'],
] as const) {
  test(`address of cluster DNS in ${subnet} is ${address}`, () => {
    assert.equal(dnsAddress(subnet), address);
  });
}

test('files of a control plane name versions, networks and the runtime of the recipe', async (t) => {
  const bench = await benchOf(t, { plugins: [...BELOW, kubeadm()] }, clusterOn());
  await bench.run();
  const host = bench.hosts.get('node-1')!; // every bench has this host
  assert.equal(host.read('/etc/cc/kubeadm.json'), golden('init-v1beta2.txt'));
  assert.equal(host.read(UNIT), golden('kubelet.service'));
  assert.equal(
    host.read(`${UNIT}.d/10-kubeadm.conf`),
    golden('kubelet-file.conf').replaceAll('/opt/bin', '/usr/local/bin'),
  );
  assert.equal(
    host.read('/etc/sysctl.d/90-cc-kubernetes.conf'),
    'net.ipv4.ip_forward = 1\nnet.bridge.bridge-nf-call-iptables = 1\n',
  );
});

test('configuration of kubeadm takes its networks and cgroup driver from what it is given', () => {
  const given = { cgroupDriver: 'cgroupfs', podSubnet: '10.1.0.0/16', serviceSubnet: '10.2.0.0/16' };
  assert.equal(
    kubeadmConfig({ ...CLUSTER, version: '1.20.2', ...given }),
    golden('init-v1beta2.txt')
      .replace('"systemd"', '"cgroupfs"')
      .replace('10.244.0.0/24', '10.1.0.0/16')
      .replace('10.96.0.0/12', '10.2.0.0/16'),
  );
});

const FLAGS = { 'max-pods': 50, 'eviction-hard': 'memory.available<5%,nodefs.available<10%', v: true };

for (const version of ['1.9.2', '1.20.2'])
  test(`kubelet of ${version} is told more flags, after those of kubeadm, and systemd reads them as they are`, () => {
    const common = {
      ...{ version, bin: '/usr/local/bin', criSocket: 'unix:///run/cri.sock', cgroupDriver: 'systemd' },
      ...{ serviceSubnet: '10.96.0.0/12', cni: { bin: '/opt/cni/bin', config: '/etc/cni/net.d' } },
    };
    const more = ' --max-pods=50 --eviction-hard=memory.available<5%%,nodefs.available<10%% --v=true';
    const without = kubeletDropIn({ ...common, address: '10.0.0.1' });
    assert.equal(
      kubeletDropIn({ ...common, address: '10.0.0.1', flags: FLAGS }),
      without.replace(' --node-ip=10.0.0.1', `$&${more}`),
    );
  });

for (const [flags, path, message] of [
  [{ 'node-labels': 'zone=a' }, 'kubeadm.kubelet.node-labels', '"node-labels" is told by labels of the host'],
  [{ kubeconfig: '/x' }, 'kubeadm.kubelet.kubeconfig', '"kubeconfig" is told by kubeadm and cc'],
  [
    { 'container-runtime-endpoint': 'x' },
    'kubeadm.kubelet.container-runtime-endpoint',
    '"container-runtime-endpoint" is told by kubeadm and cc',
  ],
  [
    { '--max-pods': 50 },
    'kubeadm.kubelet.--max-pods',
    'expected the name of a flag of kubelet, as max-pods, found "--max-pods"',
  ],
  [
    { 'root-dir': '/a b' },
    'kubeadm.kubelet.root-dir',
    'expected a word without spaces, quotes and $, found "/a b"',
  ],
] as const)
  test(`flags ${JSON.stringify(flags)} of kubelet are refused by name`, () => {
    const failure = failureIn(() =>
      expanded({ hosts: [NODE], plugins: [...BELOW, kubeadm({ kubelet: flags })] }),
    );
    assert.deepEqual(failure.kind === 'config-invalid' && failure.problems.slice(0, 1), [{ path, message }]);
  });

test('another flag of kubelet on one worker changes its drop-in, and no task of any other host', () => {
  const worker = (name: string, flags?: Readonly<Record<string, number>>) => ({
    ...{ name, roles: ['worker'], connection: { kind: 'ssh', address: name } as const },
    ...(flags ? { options: { kubeadm: { kubelet: flags } } } : {}),
  });
  const of = (pods: number) => {
    const hosts = [NODE, worker('w-1'), worker('w-2'), worker('w-3', { 'max-pods': pods })];
    const { tasks } = expanded({
      hosts,
      plugins: [...below('1.20.2', OVERLAY), kubeadm()],
      roleOptions: { worker: { kubeadm: { kubelet: { 'max-pods': 60 } } } },
    });
    return new Map<string, string>(tasks.map(({ id, step }) => [id, JSON.stringify(step.inputs)]));
  };
  const [before, after] = [of(70), of(80)];
  const changed = [...after.keys()].filter((id) => before.get(id) !== after.get(id));
  assert.deepEqual(changed, ['w-3/kubeadm/drop-in']);
  const dropIns = ['node-1', 'w-1', 'w-2', 'w-3'].map((name) => after.get(`${name}/kubeadm/drop-in`));
  assert.equal(new Set(dropIns).size, 3);
  assert.equal(dropIns[1], dropIns[2]);
});
