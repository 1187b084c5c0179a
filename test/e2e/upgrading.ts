/** Tests of an upgrade, for a site whose cluster is there: a client outside the nodes asks for a page through all of it. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Event } from '../../core/model/event.ts';
import { clientOf, type Tally } from './client.ts';
import { kubectlFed, nodesOf } from './nodes.ts';
import { PAGE_PORT, pageOf } from './page.ts';
import { appliedIn, endOf, good, statesIn, told } from './ran.ts';
import { awaitAnswer, type Declared, type Ran, type Site } from './site.ts';

export interface Upgraded {
  site(): Site;
  /** What the site declares; the new versions are laid over it. */
  readonly options: NonNullable<Declared['options']>;
  /** In the order of the recipe. */
  readonly planes: readonly string[];
  readonly workers: readonly string[];
  /** Where the client asks. */
  readonly address: string;
  /** The namespace that the client asks from, where it is not that of the test. */
  readonly network?: string;
}

/** The tree of Debian under another name: programs and images say it, so that what was not replaced is seen. */
const TO = '1.20.3';
/** Debian 12 has containerd 1.6. */
const RUNTIME = { suite: 'trixie', version: '1.7.' };
/** A setting of kubelet that the cluster holds, and that only `kubeadm upgrade node` brings to a node. */
const PODS = 99;

/** What a site declares of the versions that it goes to. */
export function upgraded(options: Upgraded['options']): Upgraded['options'] {
  return {
    ...options,
    debian: { suites: ['bookworm', 'bullseye', RUNTIME.suite] },
    containerd: { ...options['containerd'], suite: RUNTIME.suite },
    kubernetes: { ...options['kubernetes'], version: TO },
  };
}

/** requires: the cluster is there, of the recipe's version, and the site has no other page. */
export function upgrading(at: Upgraded): void {
  const nodes = [...at.planes, ...at.workers];
  const kubectl = (line: string) => at.site().kubectl(line);

  test('a page is served by two replicas on different nodes, of which one may leave', async () => {
    kubectlFed(at.site(), 'apply -f -', pageOf('registry.lab/nginx:bookworm'));
    kubectl('rollout status deployment/page --timeout=120s');
    awaitPage(at);
    const [tally] = await asked(at, async () => kubectl('get nodes'));
    assert.deepEqual(tally.lost, []);
  });

  test('an upgrade that is killed in a turn is ended by the next run, and the client loses no request', async (t) => {
    const cordoned = at.workers.at(-1)!; // requires: workers
    moreKubelet(at.site());
    kubectl(`cordon ${cordoned}`);
    at.site().configure({ options: upgraded(at.options) });
    const [tally, [first, second]] = await asked(at, async () => {
      const first = await at.site().watch(['run', 'all'], (event, stop) => {
        if (isAt(event, `${at.workers[0]}/kubeadm/worker-upgrade`, 'performing')) stop('SIGKILL');
      });
      return [first, await at.site().cc(['run', 'all', '--json'])] as const;
    });
    t.diagnostic(`the rest of the upgrade took ${endOf(second).took} ms; ${tally.asked} requests`);
    assert.deepEqual([first.code, second.code], [null, 0], told(second));
    assert.deepEqual(drained(first), [...at.planes, at.workers[0]]);
    // The one that was in its turn goes on, and those that were done are left alone.
    assert.deepEqual(drained(second), at.workers.slice(1));
    assert.deepEqual(tally.lost, []);
    assert.deepEqual(
      nodesOf(at.site()).flatMap(({ metadata, spec }) => (spec.unschedulable ? [metadata.name] : [])),
      [cordoned],
      'only the node that somebody else has cordoned still is',
    );
    kubectl(`uncordon ${cordoned}`);
  });

  test('every node, every runtime and every part of the control plane is of the new version', () => {
    assert.deepEqual(
      nodesOf(at.site()).map(({ metadata, status }) => [
        metadata.name,
        status.nodeInfo.kubeletVersion,
        status.nodeInfo.containerRuntimeVersion.startsWith(`containerd://${RUNTIME.version}`),
        status.capacity.pods,
      ]),
      nodes.toSorted().map((name) => [name, `v${TO}`, true, String(PODS)]),
    );
    const parts = ['kube-apiserver', 'kube-controller-manager', 'kube-scheduler'];
    const images = [
      ...at.planes.flatMap(() => parts.map((part) => `registry.lab/${part}:v${TO}`)),
      ...nodes.map(() => `registry.lab/kube-proxy:v${TO}`),
    ];
    assert.deepEqual(imagesOf(kubectl('-n kube-system get pods -o json')), images.toSorted());
    const { serverVersion } = JSON.parse(kubectl('version -o json'));
    assert.equal(serverVersion.gitVersion, `v${TO}`);
  });

  test('a run after the upgrade changes nothing', async () => {
    assert.deepEqual(statesIn(good(await at.site().cc(['run', 'all', '--json']))), ['verified']);
  });
}

/** Asks until the page is there: kube-proxy of the node that has the address learns of its pods a moment after the API has. */
function awaitPage({ address, network }: Pick<Upgraded, 'address' | 'network'>): void {
  awaitAnswer(`http://${address}:${PAGE_PORT}/`, 30, network);
}

/** What a client saw while something was done; one that was held up itself has seen too little. */
export async function asked<Done>(
  { address, network }: Pick<Upgraded, 'address' | 'network'>,
  work: () => Promise<Done>,
): Promise<readonly [Tally, Done]> {
  const client = clientOf({ address, port: PAGE_PORT }, network);
  const [done] = await Promise.allSettled([work()]);
  const tally = await client.stop();
  if (done.status === 'rejected') throw done.reason;
  assert.ok(tally.gap < HELD_UP_MS, `the client was held up for ${tally.gap} ms`);
  return [tally, done.value];
}

/** As long as the client waits for an answer. */
const HELD_UP_MS = 2000;

function moreKubelet(site: Site): void {
  const map = JSON.parse(site.kubectl('-n kube-system get configmap kubelet-config-1.20 -o json'));
  map.data.kubelet += `maxPods: ${PODS}\n`;
  kubectlFed(site, 'replace -f -', JSON.stringify(map));
}

function isAt(event: Event, id: string, state: string): boolean {
  return event.kind === 'task' && event.id === id && event.state === state;
}

/** The hosts that were drained, in their order. */
function drained(ran: Ran): readonly string[] {
  const ids = appliedIn(ran).filter((id) => /\/kubeadm\/(worker-)?drain$/.test(id));
  return ids.map((id) => id.split('/')[0]!); // ids begin with the host
}

/** Of the parts of Kubernetes that run as pods, but for etcd: kubeadm takes no older one than it finds. */
function imagesOf(json: string): readonly string[] {
  type Pod = { readonly spec: { readonly containers: readonly { readonly image: string }[] } };
  const { items } = JSON.parse(json) as { readonly items: readonly Pod[] };
  return items
    .flatMap(({ spec }) => spec.containers.map(({ image }) => image))
    .filter((image) => image.includes('/kube-'))
    .toSorted();
}
