/** What a host has of a control plane: its files, and the data that etcd kept there. */
import { cmd, type View } from '../../core/mod.ts';
import { type Access, asked } from '../kubectl/api.ts';
import { KUBECONFIG } from './nodes.ts';
import { flag, manifestOf, PODS } from './static-pods.ts';

/** What the API makes by itself. */
const NAMESPACES = ['default', 'kube-node-lease', 'kube-public', 'kube-system'];

/** The image of a static pod, as kubeadm names it; undefined for what an init that was cut off left. */
export function imageOf(manifest: string | undefined): Image | undefined {
  const [, repository = '', name = '', tag = ''] = IMAGE.exec(manifest ?? '') ?? [];
  return tag === '' ? undefined : { repository, name, tag };
}

export interface Image {
  readonly repository: string;
  readonly name: string;
  readonly tag: string;
}

/** Through 1.11 the name ends in the processor; a digest may follow the tag. */
const IMAGE = /^ *image: "?(\S+)\/([\w-]+):([\w.-]+)(?:@\S+)?"?$/m;

/** By which addresses an API server asks etcd, as its manifest says; empty where it is that of its own host. */
export function etcdElsewhere(manifest: string | undefined): readonly string[] {
  const all = flag(manifest, 'etcd-servers')?.split(',').filter(Boolean) ?? [];
  return all.every((url) => /^https?:\/\/(127\.0\.0\.1|localhost|\[::1\]):/.test(url)) ? [] : all;
}

/** The same of the API server that a host has; a host without one says nothing. */
export async function etcdAskedBy(view: View): Promise<readonly string[]> {
  return etcdElsewhere(await view.text(manifestOf('kube-apiserver')));
}

interface Parts {
  readonly admin: boolean;
  /** How many manifests are there, and whole; that of etcd counts as such where etcd is elsewhere, and so do its data. */
  readonly manifests: number;
  readonly leftovers: boolean;
  /** Whether etcd has data there; a cluster without them is lost, whatever else is left of it. */
  readonly data: boolean;
}

export async function partsOn(view: View): Promise<Parts> {
  const admin = (await view.stat(KUBECONFIG)) !== undefined;
  const texts = await Promise.all(PODS.map((pod) => view.text(manifestOf(pod))));
  const folder = flag(texts[0], 'data-dir') || '/var/lib/etcd';
  const [data, ...left] = await Promise.all(
    [`${folder}/member`, '/etc/kubernetes/pki', '/var/lib/etcd', '/var/lib/kubelet/config.yaml'].map((path) =>
      view.stat(path),
    ),
  );
  const elsewhere = etcdElsewhere(texts[PODS.indexOf('kube-apiserver')]).length > 0;
  const isThere = (text: string | undefined, index: number) =>
    imageOf(text) !== undefined || (elsewhere && PODS[index] === 'etcd');
  return {
    admin,
    manifests: texts.filter(isThere).length,
    leftovers: admin || [...texts, ...left].some((each) => each !== undefined),
    data: elsewhere || data !== undefined,
  };
}

/** How many members of etcd must answer, of so many. */
export function majorityOf(members: number): number {
  return Math.floor(members / 2) + 1;
}

/** A whole control plane; one that has lost what etcd kept; another part of one; none. */
export async function planeOn(view: View): Promise<'whole' | 'lost' | 'part' | 'none'> {
  const { admin, manifests, leftovers, data } = await partsOn(view);
  if (!leftovers) return 'none';
  const all = admin && manifests === PODS.length;
  return all ? (data ? 'whole' : 'lost') : 'part';
}

/** Whether the API answers for an etcd that began with nothing: it knows neither what kubeadm leaves there nor anybody's namespace. */
export async function isBlank(view: View, access: Access): Promise<boolean> {
  const made = cmd`-n kube-system get configmap/kubeadm-config daemonset/kube-proxy --ignore-not-found -o name`;
  const left = await asked(view, access, made);
  if (left.kind !== 'answered' || left.text.trim() !== '') return false;
  const names = await asked(view, access, cmd`get namespaces -o name`);
  if (names.kind !== 'answered') return false;
  const all = names.text.split('\n').filter(Boolean);
  return all.every((name) => NAMESPACES.includes(name.replace(/^namespace\//, '')));
}
