/**
 * The proof that the cluster works and how well its pods are isolated: nginx behind a Service, asked by a client pod, and where there
 * are several nodes, nginx of each asked from each.
 */
import { check, cmd, fail, type Json, plugin, type Shell, v } from '../core/mod.ts';
import {
  type Cri,
  type CriClient,
  cluster,
  clusterDns,
  cri,
  criClient,
  nodeImages,
  overlayNetwork,
  runtimeClass,
  type VmRuntime,
  vmRuntime,
} from './capabilities.ts';
import { type Access, answerOf, insisted } from './kubectl/api.ts';
import { since } from './kubernetes/versions.ts';
import { across, named } from './nginx-smoke/across.ts';
import { evidence, type Machines } from './nginx-smoke/isolation.ts';
import { inVm, type Load, NAMESPACE, onNode, workload } from './nginx-smoke/manifests.ts';
import { type Pod, podsOf, unready } from './nginx-smoke/pods.ts';
import { type Spots, spotsOf } from './nginx-smoke/spots.ts';
import { type Isolation, verdict } from './nginx-smoke/verdict.ts';

/** What pods cannot start without, or find nothing by name, where the recipe has it. */
const OPTIONAL = [clusterDns, nodeImages, overlayNetwork, runtimeClass] as const;

/**
 * Lists of images by processor. The digest of nginx is that of docker-library/repo-info, repos/nginx/remote/1.30.5.md of September
 * 2026; the one of curl is that by which public repositories name 8.21.0, of August 2026. Nobody here has asked the registry.
 */
const NGINX =
  'docker.io/library/nginx:1.30.5@sha256:b972f831f200b19ef0767938224f9711e74cd783718738cd7405d5cabf75c442';
const CURL =
  'docker.io/curlimages/curl:8.21.0@sha256:7c12af72ceb38b7432ab85e1a265cff6ae58e06f95539d539b654f2cfa64bb13';

export const nginxSmoke = plugin({
  name: 'nginx-smoke',
  help: 'runs two nginx replicas behind a Service and fetches the page from a pod, and from every node to every node; reports how pods are isolated',
  options: v.strictObject({
    nginx: v.optional(v.string(), NGINX),
    client: v.optional(v.string(), CURL),
    /** Seconds that pods may take to be ready: pulling images and booting VMs takes its time. */
    within: v.optional(v.pipe(v.number(), v.minValue(1)), 300),
  }),
  build: ({ within, nginx, client }, { image, use, find, recipe: { isolation } }) => {
    const access = use(cluster);
    const { version, kubeconfig, kubectl } = access;
    const images = find(nodeImages) ?? { nginx: image(nginx), client: image(client) };
    const call = cmd`${kubectl} --kubeconfig ${kubeconfig} --request-timeout=30s`.argv as readonly string[];
    const vm = isolation === 'vm' ? use(vmRuntime) : undefined;
    const pods = vm ? { client: inVm(version, vm.handler), control: onNode(version) } : { client: {} };
    const machines = vm ? { vm: asked(vm, use(criClient), use(cri)) } : {};
    const smoking = { access, version, kubectl: call, images, within, isolation, pods, ...machines };
    return {
      steps: [
        check({
          name: 'page',
          where: { firstOf: 'control-plane' },
          needs: [
            ...['cluster', 'cri', 'pod-network'],
            ...OPTIONAL.filter((each) => find<unknown>(each)).map(({ name }) => name),
            ...(vm ? ['cri-client', 'vm-runtime'] : []),
          ],
          timeout: 6 * within,
          title: 'run nginx and fetch its page',
          inputs: { isolation, images, ...(vm ? { pods: pods as Json } : {}) },
          script: (shell) => smoke(shell, smoking),
        }),
      ],
    };
  },
});

function asked({ machine }: VmRuntime, { crictl, endpoint }: CriClient, { socket }: Cri): Machines {
  return { machine, crictl, endpoint: endpoint(socket) };
}

interface Smoke extends Pick<Load, 'images' | 'pods'> {
  readonly access: Access;
  readonly version: string;
  readonly kubectl: readonly string[];
  readonly within: number;
  readonly isolation: Isolation;
  /** Of a recipe with virtual machines. */
  readonly vm?: Machines;
}

async function smoke(shell: Shell, given: Smoke): Promise<Json> {
  const [node] = await Promise.all([nodeOf(shell), clear(shell, given)]);
  const spots = await spotsOf(shell, given.access, node.node);
  let report: Json;
  try {
    report = await proven(shell, given, node, spots);
  } catch (error) {
    // What went wrong first is what is told; the next run clears again.
    await clear(shell, given).catch((second) => shell.log(`the namespace is left: ${second}\n`));
    throw error;
  }
  await clear(shell, given);
  return report;
}

/** The name of the node, and a text that nobody else has. */
type Node = Pick<Load, 'node' | 'mark'>;

async function nodeOf(shell: Shell): Promise<Node> {
  const said = await shell.view.read({ ...cmd`sh -c ${NODE}`, title: 'hostname, and a random text' });
  const [node = '', mark = ''] = said.split('\n');
  return { node: node.toLowerCase(), mark };
}

export const NODE = 'hostname && cat /proc/sys/kernel/random/uuid';

async function clear(shell: Shell, { version, access, kubectl, within }: Smoke): Promise<void> {
  const there = async () => {
    const get = cmd`get namespace ${NAMESPACE} --ignore-not-found -o name`;
    return (await answerOf(shell, access, get)).trim() !== '';
  };
  if (!(await there())) return;
  const here = since('deleteWaits', version) ? ['--wait=false'] : [];
  await insisted(shell, cmd`${kubectl} delete namespace ${NAMESPACE} --ignore-not-found ${here}`);
  await shell.until(`namespace ${NAMESPACE} is gone`, within, async () =>
    (await there()) ? 'it is being removed' : undefined,
  );
}

async function proven(shell: Shell, given: Smoke, node: Node, spots: Spots): Promise<Json> {
  const { access, kubectl, within, isolation, pods } = given;
  const input = workload({ ...given, ...node, spots: spots.all });
  await insisted(shell, { ...cmd`${kubectl} apply -f -`, input });
  const clients = new Set([...Object.keys(pods), ...spots.all.map(({ client }) => client)]);
  const count = 2 + clients.size + spots.all.length;
  let found: readonly Pod[] = [];
  await shell.until('nginx and the client are ready', within, async () => {
    found = await podsOf(shell, access);
    return unready(found, count);
  });
  const told = await across(shell, { access, kubectl, spots, pods: found });
  const { url, by } = await address(shell, access);
  const inside = cmd`${kubectl} -n ${NAMESPACE} exec client --`.argv;
  await shell.until(`the page arrives from ${url}`, within, async () => {
    const page = await shell.view.ask(cmd`${inside} curl -sS --max-time 5 ${url}`);
    if (page === undefined) return 'no answer yet';
    return page.includes('Welcome to nginx') ? undefined : 'the answer is not the page';
  });
  const byName = by === BY_NAME ? await named(shell, { kubectl, spots }) : [];
  const known = Object.fromEntries(found.map(({ metadata }) => [metadata.name, metadata]));
  const seen = await evidence(shell, { ...given, ...node, pods: known });
  const judged = verdict(seen, isolation);
  if (judged.failed)
    fail({ kind: 'check-failed', host: shell.view.name, what: judged.what, reasons: judged.lines });
  return {
    by,
    url,
    isolation: judged.proven,
    evidence: seen,
    ...told.report,
    lines: [
      `page fetched from ${url} (${by}), two replicas ready`,
      ...told.lines,
      ...byName,
      ...judged.lines,
    ],
  };
}

const BY_NAME = 'by name';

/** By name where the cluster has DNS, also while that is still starting; else by address. */
async function address(shell: Shell, access: Access): Promise<{ url: string; by: string }> {
  const dns = await answerOf(
    shell,
    access,
    cmd`-n kube-system get service kube-dns --ignore-not-found -o name`,
  );
  if (dns.trim() !== '') return { url: `http://nginx.${NAMESPACE}.svc.cluster.local/`, by: BY_NAME };
  const ip = await answerOf(
    shell,
    access,
    cmd`-n ${NAMESPACE} get service nginx -o jsonpath={.spec.clusterIP}`,
  );
  return { url: `http://${ip.trim()}/`, by: 'by address, since the cluster has no DNS' };
}
