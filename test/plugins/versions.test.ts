/** The table of Kubernetes' versions: what is in it, and where its turns are. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  type Era,
  eraOf,
  isKnown,
  leavesWatches,
  MINORS,
  since,
  type Turn,
} from '../../plugins/kubernetes/versions.ts';

test('table has every minor version from 1.9 to 1.36', () => {
  assert.deepEqual(
    MINORS,
    Array.from({ length: 28 }, (_, index) => `1.${index + 9}`),
  );
});

test('version is known by its minor, whatever its patch', () => {
  const versions = ['1.8.15', '1.9.0', '1.9.11', '1.20.2', '1.36.4', '1.37.0', '2.9.0'];
  assert.deepEqual(versions.filter(isKnown), ['1.9.0', '1.9.11', '1.20.2', '1.36.4']);
});

const ERAS: Readonly<Record<string, Era>> = {
  '1.9.2': {
    ...{ pause: '3.0', etcd: '3.1.10', crictl: '1.0.0-alpha.1' },
    ...{ kubeadmApi: 'v1alpha1', registry: 'gcr.io/google_containers' },
  },
  '1.20.2': {
    ...{ pause: '3.2', etcd: '3.4.13-0', crictl: '1.20.0' },
    ...{ kubeadmApi: 'v1beta2', registry: 'k8s.gcr.io' },
  },
  '1.36.4': {
    ...{ pause: '3.10.2', etcd: '3.6.8-0', crictl: '1.36.0' },
    ...{ kubeadmApi: 'v1beta4', registry: 'registry.k8s.io' },
  },
};

for (const [version, era] of Object.entries(ERAS)) {
  test(`era of ${version} is this, as a whole`, () => assert.deepEqual(eraOf(version), era));
}

test('era of a version outside the table cannot be had', () => {
  assert.throws(() => eraOf('1.37.0'), /^Error: Kubernetes 1\.37\.0 is not in the table$/);
});

/** The first minor with each value, as a row of the table shows it. */
function firsts(read: (era: Era) => string): Readonly<Record<string, string>> {
  const found: Record<string, string> = {};
  for (const minor of MINORS) found[read(eraOf(`${minor}.0`))] ??= minor;
  return found;
}

test('kubeadm is told in the newest form that it reads', () => {
  assert.deepEqual(
    firsts(({ kubeadmApi }) => kubeadmApi),
    {
      ...{ v1alpha1: '1.9', v1alpha2: '1.11', v1alpha3: '1.12' },
      ...{ v1beta1: '1.13', v1beta2: '1.15', v1beta3: '1.22', v1beta4: '1.31' },
    },
  );
});

test('registries and runtime interfaces change where upstream changed them', () => {
  assert.deepEqual(
    firsts(({ registry }) => registry),
    { 'gcr.io/google_containers': '1.9', 'k8s.gcr.io': '1.10', 'registry.k8s.io': '1.25' },
  );
});

const TURNS: { readonly [Name in Turn]: string } = {
  configuredSocket: '1.10',
  endpoint: '1.11',
  kubeletConfig: '1.11',
  noDocker: '1.11',
  deleteWaits: '1.11',
  manifestLists: '1.12',
  sums: '1.12',
  outerPlanes: '1.12',
  planes: '1.13',
  phases: '1.13',
  joinPhases: '1.14',
  upgradeNode: '1.15',
  leases: '1.14',
  nodeChecks: '1.20',
  runtimeClass: '1.14',
  renews: '1.15',
  readyz: '1.16',
  etcdApi3: '1.17',
  cgroupV2: '1.19',
  emptyDir: '1.20',
  certs: '1.20',
  dnsFolder: '1.21',
  noStatus: '1.22',
  swap: '1.23',
  signed: '1.26',
  superAdmin: '1.29',
  etcdutl: '1.34',
  noCgroupV1: '1.35',
};

for (const [turn, minor] of Object.entries(TURNS) as [Turn, string][]) {
  test(`${turn} holds from ${minor} on, and never ends`, () => {
    const holding = MINORS.filter((each) => since(turn, `${each}.7`));
    assert.deepEqual(holding, MINORS.slice(MINORS.indexOf(minor)));
  });
}

test('API servers from 1.20 on leave watches of Services open, up to the release that mends it', () => {
  const leaving = ['1.20.0', '1.20.9', '1.21.0', '1.21.3'];
  const mended = ['1.9.2', '1.19.16', '1.20.10', '1.21.4', '1.22.0', '1.36.2'];
  assert.deepEqual(
    [...leaving, ...mended].filter((version) => leavesWatches(version)),
    leaving,
  );
});
