/** The cluster that a host has already: kubeadm init has said what it is, and nothing here says it anew. */
import { fixed, type View } from '../../core/mod.ts';
import { nameOf, restoredOn } from '../etcd/restore.ts';
import { since } from '../kubernetes/versions.ts';
import { type Addresses, addressOn, type Others } from './address.ts';
import type { ClusterConfig } from './config.ts';
import { KUBECONFIG, PLANES } from './nodes.ts';

const MANIFESTS = '/etc/kubernetes/manifests';
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
  /** The snapshot that it was restored from, on the controller; others of its hosts say nothing of it. */
  readonly restore?: { readonly file: string; readonly alone: boolean };
}

/** Refuses a cluster with other networks before kubelet or anything else on the host is replaced. */
export function existing(config: Declared) {
  const { declaredAddress: address, endpoint, restore } = config;
  const { version, imageRepository, serviceSubnet, podSubnet, criSocket, cgroupDriver, patience } = config;
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
      ...(restore === undefined ? {} : { [SNAPSHOT]: nameOf(restore.file) }),
      "kubelet's container runtime": pathOf(criSocket),
      "kubelet's cgroup driver": cgroupDriver,
      "kubelet's runtimeRequestTimeout": patience ?? 'the default',
    },
    look: async (view) => {
      const [plane, kubelet, known, shared, restored] = await Promise.all([
        planeOf(view),
        kubeletOf(view),
        addressOf(view, config),
        sharedBy(view, endpoint),
        restore === undefined ? undefined : restoredOn(view),
      ]);
      const from = restored ?? (restore?.alone ? NONE : undefined);
      const begun = from === undefined || Object.keys(plane).length === 0 ? {} : { [SNAPSHOT]: from };
      // What kubelet was told counts only where it runs a cluster; before there was a file for it, cc's own drop-in tells it.
      return Object.keys(plane).length > 0 && since('kubeletConfig', version)
        ? { ...plane, ...kubelet, ...known, ...shared, ...begun }
        : { ...plane, ...known, ...shared, ...begun };
    },
    fix: ANEW,
  });
}

/** Said only where the recipe has one: a cluster goes on without the file. */
const SNAPSHOT = 'the snapshot that it was made of';

const ANEW = [
  'declare what is there; or make the cluster anew, and lose what runs in it:',
  'cc run cleanup before you change the recipe (kubeadm reset where cc has not made it), cc run all after',
].join(' ');

/** The image of a static pod, as kubeadm names it; undefined for what an init that was cut off left. */
export function imageOf(manifest: string | undefined): Image | undefined {
  const [, repository = '', name = '', tag = ''] = IMAGE.exec(manifest ?? '') ?? [];
  return tag === '' ? undefined : { repository, name, tag };
}

interface Image {
  readonly repository: string;
  readonly name: string;
  readonly tag: string;
}

/** Through 1.11 the name ends in the processor; a digest may follow the tag. */
const IMAGE = /^ *image: "?(\S+)\/([\w-]+):([\w.-]+)(?:@\S+)?"?$/m;

function manifestsOf(view: View): Promise<readonly (string | undefined)[]> {
  const names = ['apiserver', 'controller-manager', 'scheduler'];
  return Promise.all(names.map((name) => view.text(`${MANIFESTS}/kube-${name}.yaml`)));
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
    ...(imageOf(server) ? { 'the network of its Services': flag(server, 'service-cluster-ip-range') } : {}),
    ...(imageOf(manager) ? { 'the network of its pods': flag(manager, 'cluster-cidr') } : {}),
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
  const server = await view.text(`${MANIFESTS}/kube-apiserver.yaml`);
  if (!imageOf(server)) return {};
  const is = flag(server, 'advertise-address');
  const found = await addressOn(view, declaredAddress, others);
  return { [ADDRESS]: 'address' in found && found.address === is ? declaredAddress : is };
}

const ENDPOINT = 'the endpoint that its control planes share';
const NONE = 'none';

/** By which its own credentials reach that API: the address of this host, where there is no endpoint for it. */
async function sharedBy(view: View, endpoint: string | undefined): Promise<Told> {
  const server = await view.text(`${MANIFESTS}/kube-apiserver.yaml`);
  const [, told] = /^ *server: "?https:\/\/([^\s"]+?)"?$/m.exec((await view.text(KUBECONFIG)) ?? '') ?? [];
  if (told === undefined || !imageOf(server)) return {};
  const own = told.startsWith(`${flag(server, 'advertise-address')}:`);
  return { [ENDPOINT]: own && told !== endpoint ? NONE : told };
}

/** Each value once: half of a cluster may have been upgraded by hand. */
function each(values: readonly string[]): string {
  return [...new Set(values)].join(' and ');
}

function flag(manifest: string | undefined, name: string): string {
  return new RegExp(`^ *- "?--${name}=([^\\s"]*)"?$`, 'm').exec(manifest ?? '')?.[1] ?? 'not told';
}

/** A key of the topmost level of a YAML file, as kubeadm writes one. */
function key(yaml: string | undefined, name: string): string {
  return new RegExp(`^${name}: *"?([^\\s"]*)"?$`, 'm').exec(yaml ?? '')?.[1] ?? '';
}

/** Older versions left the scheme out. */
function pathOf(socket: string): string {
  return socket.replace(/^unix:\/\//, '');
}
