/** The cluster that a host has already: kubeadm init has said what it is, and nothing here says it anew. */
import { cmd, fixed, type View } from '../../core/mod.ts';
import { nameOf, restoredOn } from '../etcd/restore.ts';
import { type Access, asked } from '../kubectl/api.ts';
import { since } from '../kubernetes/versions.ts';
import { type Addresses, addressOn, type Others } from './address.ts';
import type { ClusterConfig } from './config.ts';
import { KUBECONFIG, NODE_KUBECONFIG, PLANES } from './nodes.ts';
import { etcdElsewhere, type Image, imageOf, isBlank, planeOn } from './parts.ts';
import { flag, manifestOf } from './static-pods.ts';

const KUBELET = '/var/lib/kubelet';
/** What kubeadm takes where it is not told, and cc does not tell it. */
export const DOMAIN = 'cluster.local';
/** kubelet's own patience, as kubeadm wrote it down through the years. */
const USUAL = ['', '0s', '2m0s'];

type Told = { readonly [words: string]: string };

/** Which address its first host must have, where the recipe says so, and which others have theirs. */
export interface Declared extends ClusterConfig {
  readonly declaredAddress?: string;
  readonly addresses: Addresses;
  readonly others: Others;
  /** The snapshot that it was restored from, on the controller. */
  readonly restore?: string;
  readonly access: Access;
}

/** Refuses a cluster with other networks before kubelet or anything else on the host is replaced. */
export function existing(config: Declared) {
  const { declaredAddress: address, endpoint, restore, etcd } = config;
  const { version, imageRepository, serviceSubnet, podSubnet } = config;
  return fixed({
    name: 'cluster',
    where: PLANES,
    needs: [],
    what: 'the cluster',
    declared: {
      'the repository of its images': imageRepository,
      'the network of its Services': serviceSubnet,
      'the network of its pods': podSubnet,
      'the domain of its DNS': DOMAIN,
      ...(address === undefined ? {} : { [ADDRESS]: address }),
      [ENDPOINT]: endpoint ?? NONE,
      [ETCD]: etcd?.endpoints.join(', ') ?? OWN_ETCD,
      ...(restore === undefined ? {} : { [SNAPSHOT]: nameOf(restore) }),
      ...declaredOf(config),
    },
    look: async (view) => {
      const [plane, kubelet, known, shared, begun] = await Promise.all([
        planeOf(view),
        kubeletOf(view),
        addressOf(view, config),
        sharedBy(view, endpoint),
        restore === undefined ? {} : begunFrom(view, config.access),
      ]);
      // What kubelet was told counts only where it runs a cluster; before there was a file for it, cc's own drop-in tells it.
      return Object.keys(plane).length > 0 && since('kubeletConfig', version)
        ? { ...plane, ...kubelet, ...known, ...shared, ...begun }
        : { ...plane, ...known, ...shared, ...begun };
    },
    fix: ANEW,
  });
}

/** Refuses the same on a worker: above all another runtime, which would be no other program of its node but another node. */
export function existingNode(config: ClusterConfig) {
  return fixed({
    name: 'existing-node',
    where: { role: 'worker', optional: true },
    needs: [],
    what: 'the node',
    declared: { 'the domain of its DNS': DOMAIN, ...declaredOf(config) },
    look: async (view) => {
      const joined =
        since('kubeletConfig', config.version) && (await view.stat(NODE_KUBECONFIG)) !== undefined;
      return joined ? kubeletOf(view) : {};
    },
    fix: ANEW_NODE,
  });
}

/** What kubeadm tells kubelet once. */
function declaredOf({ criSocket, cgroupDriver, patience }: ClusterConfig): Told {
  return {
    "kubelet's container runtime": pathOf(criSocket),
    "kubelet's cgroup driver": cgroupDriver,
    "kubelet's runtimeRequestTimeout": patience ?? 'the default',
  };
}

/** Said only where the recipe has one: a cluster goes on without the file. */
const SNAPSHOT = 'the snapshot that it was made of';

/** Nothing of a control plane that holds no cluster any more: it is to be made anew. */
async function begunFrom(view: View, access: Access): Promise<Told> {
  if ((await planeOn(view)) !== 'whole') return {};
  const from = await restoredOn(view);
  if (from !== undefined) return { [SNAPSHOT]: from };
  if (await isBlank(view, access)) return {};
  const revision = await revisionOf(view, access);
  return { [SNAPSHOT]: revision === undefined ? NONE : `${NONE}, and it is at revision ${revision}` };
}

/** To which revision etcd has come, as each list says. */
async function revisionOf(view: View, access: Access): Promise<string | undefined> {
  const answer = await asked(view, access, cmd`get --raw /api/v1/nodes?limit=1`);
  return answer.kind === 'answered' ? /"resourceVersion":"(\d+)"/.exec(answer.text)?.[1] : undefined;
}

const ANEW = [
  'declare what is there; or make the cluster anew, and lose what runs in it:',
  'cc run cleanup before you change the recipe (kubeadm reset where cc has not made it), cc run all after',
].join(' ');

const ANEW_NODE =
  'declare what is there; or take the node back, and have it join anew: cc run cleanup --limit HOST, then cc run all';
const ETCD = 'its etcd';
const OWN_ETCD = 'that of its control planes';

function manifestsOf(view: View): Promise<readonly (string | undefined)[]> {
  const names = ['apiserver', 'controller-manager', 'scheduler'];
  return Promise.all(names.map((name) => view.text(manifestOf(`kube-${name}`))));
}

/** The images of the control plane of a host, without those of manifests that are not whole. */
export async function imagesOf(view: View): Promise<readonly Image[]> {
  return (await manifestsOf(view)).flatMap((manifest) => imageOf(manifest) ?? []);
}

/** What the manifests of the control plane say of it; nothing of those that are not whole. */
async function planeOf(view: View): Promise<Told> {
  const [server, manager] = await manifestsOf(view);
  const images = await imagesOf(view);
  if (images.length === 0) return {};
  return {
    'the repository of its images': each(images.map(({ repository }) => repository)),
    ...(imageOf(server)
      ? {
          'the network of its Services': toldBy(server, 'service-cluster-ip-range'),
          [ETCD]: etcdElsewhere(server).join(', ') || OWN_ETCD,
        }
      : {}),
    ...(imageOf(manager) ? { 'the network of its pods': toldBy(manager, 'cluster-cidr') } : {}),
  };
}

/** What kubeadm has told kubelet once, by files that nobody writes again. */
async function kubeletOf(view: View): Promise<Told> {
  const [config, instance, flags] = await Promise.all(
    ['config.yaml', 'instance-config.yaml', 'kubeadm-flags.env'].map((name) =>
      view.text(`${KUBELET}/${name}`),
    ),
  );
  const socket =
    key(instance, 'containerRuntimeEndpoint') ||
    key(config, 'containerRuntimeEndpoint') ||
    /--container-runtime-endpoint=([^\s"]+)/.exec(flags ?? '')?.[1];
  const domain = key(config, 'clusterDomain');
  const driver = key(config, 'cgroupDriver');
  const patience = key(config, 'runtimeRequestTimeout');
  return {
    ...(socket ? { "kubelet's container runtime": pathOf(socket) } : {}),
    ...(domain ? { 'the domain of its DNS': domain } : {}),
    ...(driver ? { "kubelet's cgroup driver": driver } : {}),
    ...(config
      ? { "kubelet's runtimeRequestTimeout": USUAL.includes(patience) ? 'the default' : patience }
      : {}),
  };
}

const ADDRESS = 'the address of its API';

/** Where that API is told to be, in the words of the recipe if it is there. */
async function addressOf(view: View, { declaredAddress, addresses, others }: Declared): Promise<Told> {
  if (declaredAddress === undefined || addresses.get(view.name) !== declaredAddress) return {};
  const server = await view.text(manifestOf('kube-apiserver'));
  if (!imageOf(server)) return {};
  const is = toldBy(server, 'advertise-address');
  const found = await addressOn(view, declaredAddress, others);
  return { [ADDRESS]: 'address' in found && found.address === is ? declaredAddress : is };
}

const ENDPOINT = 'the endpoint that its control planes share';
const NONE = 'none';

/** By which its own credentials reach that API: the address of this host, where there is no endpoint for it. */
async function sharedBy(view: View, endpoint: string | undefined): Promise<Told> {
  const server = await view.text(manifestOf('kube-apiserver'));
  const [, told] = /^ *server: "?https:\/\/([^\s"]+?)"?$/m.exec((await view.text(KUBECONFIG)) ?? '') ?? [];
  if (told === undefined || !imageOf(server)) return {};
  const own = told.startsWith(`${toldBy(server, 'advertise-address')}:`);
  return { [ENDPOINT]: own && told !== endpoint ? NONE : told };
}

/** Each value once: half of a cluster may have been upgraded by hand. */
function each(values: readonly string[]): string {
  return [...new Set(values)].join(' and ');
}

/** A flag of a static pod, as people are told of it. */
function toldBy(manifest: string | undefined, name: string): string {
  return flag(manifest, name) ?? 'not told';
}

/** A key of the topmost level of a YAML file, as kubeadm writes one. */
function key(yaml: string | undefined, name: string): string {
  return new RegExp(`^${name}: *"?([^\\s"]*)"?$`, 'm').exec(yaml ?? '')?.[1] ?? '';
}

/** Older versions left the scheme out. */
function pathOf(socket: string): string {
  return socket.replace(/^unix:\/\//, '');
}
