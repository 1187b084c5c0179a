/** A cluster that is there already: what it is, read from what kubeadm has left, is compared before anything is replaced. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Artifact } from '../../core/model/artifact.ts';
import { digestOf } from '../../core/model/digest.ts';
import { plugin } from '../../core/model/plugin.ts';
import * as v from '../../core/model/vocabulary.ts';
import { placed } from '../../core/steps/placed.ts';
import { existingNode } from '../../plugins/kubeadm/existing.ts';
import { kubeadm } from '../../plugins/kubeadm.ts';
import { failureIn } from '../graph/recipes.ts';
import type { Lasting } from '../rig/temp.ts';
import { paperView } from '../rig/view.ts';
import { NEVER } from '../steps/last.ts';
import { benchOf } from './bench.ts';
import { BELOW, below, clusterOn, type Made, madeCluster, WITH_DNS } from './cluster.ts';

const KUBELET = '/usr/local/bin/kubelet';
const PROGRAM: Artifact = { name: 'kubelet', source: { kind: 'url', url: 'https://x.org/kubelet' } };

/** Replaces kubelet, as the plugin kubernetes does. */
const programs = plugin({
  name: 'programs',
  help: 'kubelet',
  options: v.strictObject({}),
  build: () => ({ steps: [placed(PROGRAM, { path: KUBELET, needs: [] })] }),
});

interface Found {
  readonly made?: Partial<Made>;
  readonly files?: Readonly<Record<string, string>>;
  readonly version?: string;
  readonly given?: Parameters<typeof kubeadm>[0];
}

/** A host with a cluster, for which something is declared. */
async function cluster(t: Lasting, { made = {}, files = {}, version = '1.20.2', given = {} }: Found) {
  const setup = clusterOn();
  const bench = await benchOf(
    t,
    { plugins: [...below(version), programs(), kubeadm(given)] },
    {
      ...setup,
      bare: (host) => {
        setup.bare?.(host);
        if (host.host !== 'node-1') return;
        madeCluster(host, made);
        host.write(KUBELET, 'the old one', 0o755);
        for (const [path, text] of Object.entries(files)) host.write(path, text);
      },
    },
  );
  return { bench, node: bench.hosts.get('node-1')! }; // every bench has this host
}

const FIX =
  'declare what is there; or make the cluster anew, and lose what runs in it: cc run cleanup before you change the recipe (kubeadm reset where cc has not made it), cc run all after';

const ADMIN = '/etc/kubernetes/admin.conf';
const SHARED = 'the endpoint that its control planes share';
const adminFor = (server: string) =>
  `apiVersion: v1\nclusters:\n- cluster:\n    server: https://${server}\n  name: kubernetes\n`;

const CASES: Readonly<
  Record<string, Found & { readonly differs: readonly [what: string, is: string, declared: string] }>
> = {
  'another network of Services': {
    given: { serviceSubnet: '10.112.0.0/12' },
    differs: ['the network of its Services', '10.96.0.0/12', '10.112.0.0/12'],
  },
  'another network of pods': {
    made: { pods: '10.245.0.0/24' },
    differs: ['the network of its pods', '10.245.0.0/24', '10.244.0.0/24'],
  },
  'another repository': {
    made: { repository: 'k8s.gcr.io:5000/mirror' },
    differs: ['the repository of its images', 'k8s.gcr.io:5000/mirror', 'registry.lab'],
  },
  'another container runtime': {
    made: { socket: '/var/run/crio/crio.sock' },
    differs: ["kubelet's container runtime", '/var/run/crio/crio.sock', '/run/cri.sock'],
  },
  'another container runtime, as kubeadm notes it since 1.34': {
    files: {
      '/var/lib/kubelet/kubeadm-flags.env': 'KUBELET_KUBEADM_ARGS=""\n',
      '/var/lib/kubelet/instance-config.yaml':
        'apiVersion: kubelet.config.k8s.io/v1beta1\ncontainerRuntimeEndpoint: unix:///run/containerd/containerd.sock\n',
    },
    differs: ["kubelet's container runtime", '/run/containerd/containerd.sock', '/run/cri.sock'],
  },
  'another cgroup driver': {
    made: { driver: 'cgroupfs' },
    differs: ["kubelet's cgroup driver", 'cgroupfs', 'systemd'],
  },
  'another domain': {
    files: { '/var/lib/kubelet/config.yaml': 'clusterDomain: "site.example"\nruntimeRequestTimeout: 2m0s\n' },
    differs: ['the domain of its DNS', 'site.example', 'cluster.local'],
  },
  'another patience': {
    files: { '/var/lib/kubelet/config.yaml': 'runtimeRequestTimeout: 30m0s\n' },
    differs: ["kubelet's runtimeRequestTimeout", '30m0s', 'the default'],
  },
  'no endpoint, where one is': {
    files: { [ADMIN]: adminFor('192.0.2.1:6443') },
    given: { endpoint: { address: '10.0.0.10', by: 'given' } },
    differs: [SHARED, 'none', '10.0.0.10:6443'],
  },
  'an endpoint, where none is': {
    files: { [ADMIN]: adminFor('10.0.0.10:6443') },
    differs: [SHARED, '10.0.0.10:6443', 'none'],
  },
  'another endpoint': {
    files: { [ADMIN]: adminFor('10.0.0.10:6443') },
    given: { endpoint: { address: 'api.example.org', port: 443, by: 'given' } },
    differs: [SHARED, '10.0.0.10:6443', 'api.example.org:443'],
  },
  'no network of pods': {
    files: {
      '/etc/kubernetes/manifests/kube-controller-manager.yaml':
        '    image: registry.lab/kube-controller-manager:v1.20.2\n',
    },
    differs: ['the network of its pods', 'not told', '10.244.0.0/24'],
  },
};

for (const [name, { differs, ...found }] of Object.entries(CASES))
  test(`cluster with ${name} than declared is refused, and nothing on its host is changed`, async (t) => {
    const { bench, node } = await cluster(t, found);
    const before = node.snapshot();
    const { outcomes } = await bench.run();
    const [what = '', is = '', declared = ''] = differs;
    const differences = [{ what, is, declared }];
    const failures = [...outcomes].flatMap(([id, { failure }]) => (failure ? [[id, failure]] : []));
    assert.deepEqual(failures, [
      [
        'node-1/kubeadm/cluster',
        { kind: 'cannot-change', host: 'node-1', what: 'the cluster', differences, fix: FIX },
      ],
    ]);
    const rest = bench.tasks.filter(({ step, host }) => !step.first && host.name === 'node-1');
    assert.deepEqual([...new Set(rest.map(({ id }) => outcomes.get(id)?.state))], ['skipped']);
    assert.deepEqual(node.snapshot(), before);
    assert.equal(node.read(KUBELET), 'the old one');
  });

test('cluster that is as declared is adopted, and refused by no later run of the same recipe', async (t) => {
  const { bench } = await cluster(t, {});
  for (const state of ['adopted', 'verified']) {
    const { outcomes } = await bench.run();
    assert.deepEqual(
      ['cluster', 'init'].map((name) => outcomes.get(`node-1/kubeadm/${name}` as never)?.state),
      [state, state],
    );
  }
});

for (const [server, given] of [
  ['192.0.2.1:6443', {}],
  ['192.0.2.1:6443', { endpoint: { address: '192.0.2.1', by: 'given' } }],
  ['10.0.0.10:8443', { endpoint: { address: '10.0.0.10', port: 8443, by: 'given' } }],
] as const)
  test(`cluster that is reached by ${server} is adopted where ${JSON.stringify(given)} is declared`, async (t) => {
    const { bench } = await cluster(t, { files: { [ADMIN]: adminFor(server) }, given });
    const { outcomes } = await bench.run();
    assert.equal(outcomes.get('node-1/kubeadm/cluster' as never)?.state, 'adopted');
  });

test('host without a cluster is refused nothing, whatever a kubelet of before has left', async (t) => {
  const bench = await benchOf(t, { plugins: [...BELOW, kubeadm()] }, clusterOn());
  const node = bench.hosts.get('node-1')!; // every bench has this host
  node.write('/var/lib/kubelet/config.yaml', 'cgroupDriver: cgroupfs\nclusterDomain: site.example\n');
  const { outcomes } = await bench.run();
  assert.equal(outcomes.get('node-1/kubeadm/cluster' as never)?.state, 'adopted');
});

for (const dns of [true, false])
  test(`cluster ${dns ? 'without' : 'with'} DNS is refused where ${dns ? 'one' : 'none'} is declared`, async (t) => {
    const { bench, node } = await cluster(t, { given: { dns } });
    if (dns) node.disk.delete(WITH_DNS);
    const { outcomes } = await bench.run();
    const { failure } = outcomes.get('node-1/kubeadm/init' as never)!; // every task ends
    const [is, declared] = dns ? ['none', 'what kubeadm brings'] : ['what kubeadm brings', 'none'];
    const fix = dns
      ? 'on node-1: /usr/local/bin/kubeadm init phase addon coredns --config /etc/cc/kubeadm.json'
      : 'on node-1: /usr/local/bin/kubectl --kubeconfig /etc/kubernetes/admin.conf -n kube-system delete deployment coredns kube-dns --ignore-not-found';
    assert.deepEqual(failure, {
      kind: 'cannot-change',
      host: 'node-1',
      what: 'the cluster',
      differences: [{ what: 'its DNS', is, declared }],
      fix: `declare kubeadm.dns: ${!dns}; or ${fix}`,
    });
  });

test('worker that runs with another container runtime refuses it by name, and one that is no node yet does not', async () => {
  const declared = {
    ...{ version: '1.20.2', imageRepository: 'registry.lab', criSocket: 'unix:///run/crio/crio.sock' },
    ...{ cgroupDriver: 'systemd', podSubnet: '10.244.0.0/16', serviceSubnet: '10.96.0.0/12' },
  };
  const step = existingNode(declared);
  const found = (joined: boolean, socket: string) => {
    const conf = { kind: 'file', mode: 0o600, owner: 'root:root', size: 1, digest: digestOf('') } as const;
    const view = paperView({
      stat: { '/etc/kubernetes/kubelet.conf': joined ? conf : null },
      text: {
        '/var/lib/kubelet/config.yaml': 'cgroupDriver: systemd\nclusterDomain: cluster.local\n',
        '/var/lib/kubelet/instance-config.yaml': null,
        '/var/lib/kubelet/kubeadm-flags.env': `KUBELET_KUBEADM_ARGS="--container-runtime-endpoint=${socket}"\n`,
      },
    });
    return step.probe(view);
  };
  for (const facts of [await found(true, '/run/crio/crio.sock'), await found(false, '/run/other.sock')])
    assert.deepEqual(step.plan(facts as never, NEVER), []);
  const other = await found(true, '/run/containerd/containerd.sock');
  assert.deepEqual(
    failureIn(() => step.plan(other as never, NEVER)),
    {
      ...{ kind: 'cannot-change', host: 'paper', what: 'the node' },
      differences: [
        {
          what: "kubelet's container runtime",
          is: '/run/containerd/containerd.sock',
          declared: '/run/crio/crio.sock',
        },
      ],
      fix: 'declare what is there; or take the node back, and have it join anew: cc run cleanup --limit HOST, then cc run all',
    },
  );
});
