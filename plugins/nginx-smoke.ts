/** The proof that the cluster works and how well its pods are isolated: nginx behind a Service, asked by a client pod. */
import { check, cmd, fail, type Json, plugin, type Shell, v } from '../core/mod.ts';
import {
  type Cri,
  type CriClient,
  cluster,
  cri,
  criClient,
  nodeImages,
  overlayNetwork,
  runtimeClass,
  vmRuntime,
} from './capabilities.ts';
import { since } from './kubernetes/versions.ts';
import { evidence, type Places, verdict } from './nginx-smoke/isolation.ts';
import { type Asking, inVm, NAMESPACE, onNode, waiting, workload } from './nginx-smoke/manifests.ts';

/** What pods cannot start without, where the recipe has it. */
const OPTIONAL = [nodeImages, overlayNetwork, runtimeClass] as const;

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
  help: 'runs two nginx replicas behind a Service and fetches the page from a pod; reports how pods are isolated',
  options: v.strictObject({
    nginx: v.optional(v.string(), NGINX),
    client: v.optional(v.string(), CURL),
    /** Seconds that pods may take to be ready: pulling images and booting VMs takes its time. */
    within: v.optional(v.pipe(v.number(), v.minValue(1)), 300),
  }),
  build: ({ within, nginx, client }, { image, use, find, recipe: { isolation } }) => {
    const { version, kubeconfig, kubectl } = use(cluster);
    const images = find(nodeImages) ?? { nginx: image(nginx), client: image(client) };
    const call = cmd`${kubectl} --kubeconfig ${kubeconfig} --request-timeout=30s`.argv as readonly string[];
    const vm = isolation === 'vm' ? asked(use(criClient), use(cri)) : undefined;
    const pods = vm
      ? { client: inVm(version, use(vmRuntime).handler), control: onNode(version) }
      : { client: {} };
    const smoking = { version, kubectl: call, images, within, isolation, pods, ...(vm ? { vm } : {}) };
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

function asked({ crictl, endpoint }: CriClient, { socket }: Cri) {
  return { crictl, endpoint: endpoint(socket) };
}

interface Smoke extends Places {
  readonly version: string;
  readonly images: { readonly nginx: string; readonly client: string };
  readonly within: number;
  readonly isolation: 'vm' | 'none';
  /** Pods beside nginx; `client` asks for the same as nginx. */
  readonly pods: { readonly client: Asking; readonly control?: Asking };
}

async function smoke(shell: Shell, given: Smoke): Promise<Json> {
  await clear(shell, given);
  let report: Json;
  try {
    report = await proven(shell, given);
  } catch (error) {
    // What went wrong first is what is told; the next run clears again.
    await clear(shell, given).catch((second) => shell.log(`the namespace is left: ${second}\n`));
    throw error;
  }
  await clear(shell, given);
  return report;
}

async function clear(shell: Shell, { version, kubectl, within }: Smoke): Promise<void> {
  const here = since('deleteWaits', version) ? ['--wait=false'] : [];
  await shell.run(cmd`${kubectl} delete namespace ${NAMESPACE} --ignore-not-found ${here}`);
  await shell.until(`namespace ${NAMESPACE} is gone`, within, async () => {
    const found = await shell.view.read(
      cmd`${kubectl} get namespace ${NAMESPACE} --ignore-not-found -o name`,
    );
    return found.trim() === '' ? undefined : 'it is being removed';
  });
}

async function proven(shell: Shell, given: Smoke): Promise<Json> {
  const { kubectl, images, within, isolation, pods } = given;
  const node = (await shell.view.read(cmd`hostname`)).trim().toLowerCase();
  await shell.run({ ...cmd`${kubectl} apply -f -`, input: workload(images.nginx, pods.client) });
  // A pod is refused until its namespace has a service account.
  await shell.until('the service account is there', within, async () => {
    const found = await shell.view.ask(cmd`${kubectl} -n ${NAMESPACE} get serviceaccount default -o name`);
    return found === undefined ? 'not yet' : undefined;
  });
  await shell.run({ ...cmd`${kubectl} apply -f -`, input: waiting(images.client, node, { ...pods }) });
  const count = 2 + Object.keys(pods).length;
  await shell.until('nginx and the client are ready', within, () => unready(shell, kubectl, count));
  const { url, by } = await address(shell, kubectl);
  const inside = cmd`${kubectl} -n ${NAMESPACE} exec client --`.argv;
  await shell.until(`the page arrives from ${url}`, within, async () => {
    const page = await shell.view.ask(cmd`${inside} curl -sS --max-time 5 ${url}`);
    if (page === undefined) return 'no answer yet';
    return page.includes('Welcome to nginx') ? undefined : 'the answer is not the page';
  });
  const found = await evidence(shell, given);
  const judged = verdict(found, isolation);
  if (judged.failed)
    fail({ kind: 'check-failed', host: shell.view.name, what: judged.what, reasons: judged.lines });
  return {
    by,
    url,
    isolation: judged.proven,
    evidence: found,
    lines: [`page fetched from ${url} (${by}), two replicas ready`, ...judged.lines],
  };
}

interface Pod {
  readonly metadata: { readonly name: string };
  readonly status: {
    readonly phase: string;
    readonly conditions?: readonly {
      readonly type: string;
      readonly status: string;
      readonly message?: string;
    }[];
    readonly containerStatuses?: readonly {
      readonly ready: boolean;
      readonly state: { readonly waiting?: { readonly reason: string; readonly message?: string } };
    }[];
  };
}

/** Why the pods are not all ready, in the words of the cluster; undefined when they are. */
async function unready(shell: Shell, kubectl: readonly string[], count: number): Promise<string | undefined> {
  const { items }: { items: readonly Pod[] } = JSON.parse(
    await shell.view.read(cmd`${kubectl} -n ${NAMESPACE} get pods -o json`),
  );
  const ready = items.filter(({ status }) => status.containerStatuses?.every(({ ready }) => ready));
  if (items.length === count && ready.length === count) return undefined;
  const waiting = items
    .filter((pod) => !ready.includes(pod))
    .map(({ metadata, status }) => {
      const state = status.containerStatuses?.find(({ ready }) => !ready)?.state.waiting;
      const condition = status.conditions?.find(({ status }) => status !== 'True');
      return `${metadata.name} ${status.phase}: ${state?.message ?? state?.reason ?? condition?.message ?? 'starting'}`;
    });
  return waiting.join('; ') || `${items.length} of ${count} pods are there`;
}

/** By name where the cluster has DNS, also while that is still starting; else by address. */
async function address(shell: Shell, kubectl: readonly string[]): Promise<{ url: string; by: string }> {
  const dns = await shell.view.read(
    cmd`${kubectl} -n kube-system get service kube-dns --ignore-not-found -o name`,
  );
  if (dns.trim() !== '') return { url: `http://nginx.${NAMESPACE}.svc.cluster.local/`, by: 'by name' };
  const ip = await shell.view.read(
    cmd`${kubectl} -n ${NAMESPACE} get service nginx -o jsonpath={.spec.clusterIP}`,
  );
  return { url: `http://${ip.trim()}/`, by: 'by address, since the cluster has no DNS' };
}
