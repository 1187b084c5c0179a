/** A virtual address for the API: kube-vip, a pod of each control plane, sees to it that one of them has it. */
import { type Composition, cmd, composed, net, type Step, step, type View, written } from '../../core/mod.ts';
import { type Access, asked, unanswered } from '../kubectl/api.ts';
import { since } from '../kubernetes/versions.ts';
import { API_PORT, type Endpoint } from './endpoint.ts';
import { addressesShown, KUBECONFIG, PLANE, PLANES } from './nodes.ts';

export const MANIFEST = '/etc/kubernetes/manifests/kube-vip.yaml';
const HOSTS = '/etc/cc/kube-vip.hosts';
/** What kubeadm init can do all with, while it makes the rights that admin.conf has: kubernetes/kubernetes#121305. */
const SUPER = '/etc/kubernetes/super-admin.conf';

export interface KubeVip {
  readonly address: string;
  readonly image: string;
  /** The one in whose network the address lies, where it is left out. */
  readonly interface?: string;
  /** Of Kubernetes. */
  readonly version: string;
  readonly access: Access;
  /** The hosts of the control plane. */
  readonly planes: readonly string[];
}

/** What an endpoint of that kind is for a cluster. */
export function kubeVipOf(
  { address, image = '', interface: link }: Endpoint,
  cluster: Pick<KubeVip, 'version' | 'access' | 'planes'>,
): KubeVip {
  return { address, image, ...(link === undefined ? {} : { interface: link }), ...cluster };
}

/** The steps that come before a host is made a control plane. */
export function kubeVip(options: KubeVip): readonly Step[] {
  const { address, image, interface: link } = options;
  const inputs = { address, image, ...(link === undefined ? {} : { interface: link }) };
  const manifest = composed(
    { inputs, compose: (view) => manifestOn(view, options) },
    { name: 'kube-vip', path: MANIFEST, mode: 0o600, where: PLANES, needs: ['kubeadm/kube-vip-hosts'] },
  );
  const dropping = {
    ...cmd`sh -c ${DROP} cc ${address}`,
    title: `a script that takes ${address} from the links of the host`,
  };
  return [
    written(HOSTS_TEXT, { name: 'kube-vip-hosts', path: HOSTS, where: PLANES, needs: [] }),
    {
      ...manifest,
      // Its pod was ended with all others, and may have left the address.
      undo: (facts, undoing) => {
        const gone = manifest.undo?.(facts, undoing) ?? [];
        const why = 'kube-vip may have left it there';
        return gone.length === 0 ? [] : [...gone, { kind: 'run', command: dropping, why }];
      },
    },
  ];
}

/** DROP ADDRESS: one that is gone is no failure. */
export const DROP = `set -eu
ip -o -4 address show to "$1/32" | while read -r _ link _ found _; do
  [ "$found" != "$1/32" ] || ip address delete "$found" dev "$link"
done`;

/**
 * It asks the API server of its own host by this name, which is in its certificate. Not by hostAliases: some kubelets of 1.29 give
 * static pods none (kube-vip/kube-vip#692).
 */
const HOSTS_TEXT = '127.0.0.1 localhost kubernetes\n::1 localhost\n';

async function manifestOn(view: View, options: KubeVip): Promise<Composition> {
  const text = await addressesShown(view);
  if (text === undefined) return { lacks: ['nothing tells its addresses: apt-get install iproute2'] };
  const all = [...text.matchAll(/^\d+: ([^\s@]+)\S*\s+inet ([\d.]+)\/(\d+)/gm)].map(
    ([, link = '', own = '', prefix = '']) => ({ link, own, prefix, network: `${own}/${prefix}` }),
  );
  const { address, interface: wanted } = options;
  // kube-vip itself gives it to a link as a network of one.
  const own = all.find(({ own, prefix }) => own === address && prefix !== '32');
  if (own) return { lacks: [`${address} is an address of ${own.link} already: name one that no host has`] };
  const near = all.filter(({ own, network }) => own !== address && net.overlap(address, network));
  const link = wanted ?? near[0]?.link;
  if (link === undefined || !near.some((each) => each.link === link)) {
    const of = wanted ?? 'any of its interfaces';
    return {
      lacks: [`${address} is not in the network of ${of}, so that others would look for it elsewhere`],
    };
  }
  const begun = (await view.stat(KUBECONFIG)) !== undefined;
  const bySuper = needsSuper(options.version) && !begun && view.name === options.planes[0];
  return { text: kubeVipManifest(options, { link, kubeconfig: bySuper ? SUPER : KUBECONFIG }) };
}

function needsSuper(version: string): boolean {
  return since('superAdmin', version);
}

/** As `kube-vip manifest pod --controlplane --arp --leaderElection` prints it, for 0.6 and later; in JSON, which is YAML. */
export function kubeVipManifest(
  { address, image }: Pick<KubeVip, 'address' | 'image'>,
  { link, kubeconfig }: { readonly link: string; readonly kubeconfig: string },
): string {
  const env = {
    ...{ vip_arp: 'true', port: String(API_PORT), vip_interface: link, address },
    // Its name before 0.8, and since then.
    ...{ vip_cidr: '32', vip_subnet: '32' },
    ...{ cp_enable: 'true', cp_namespace: 'kube-system', vip_ddns: 'false', svc_enable: 'false' },
    ...{ vip_leaderelection: 'true', vip_leasename: 'plndr-cp-lock' },
    ...{ vip_leaseduration: '5', vip_renewdeadline: '3', vip_retryperiod: '1' },
  };
  const file = (name: string, path: string) => ({ name, hostPath: { path, type: 'File' } });
  const pod = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'kube-vip', namespace: 'kube-system' },
    spec: {
      containers: [
        {
          name: 'kube-vip',
          image,
          imagePullPolicy: 'IfNotPresent',
          args: ['manager'],
          env: [
            ...Object.entries(env).map(([name, value]) => ({ name, value })),
            { name: 'vip_nodename', valueFrom: { fieldRef: { fieldPath: 'spec.nodeName' } } },
          ],
          securityContext: { capabilities: { add: ['NET_ADMIN', 'NET_RAW'] } },
          volumeMounts: [
            { mountPath: KUBECONFIG, name: 'kubeconfig', readOnly: true },
            { mountPath: '/etc/hosts', name: 'hosts', readOnly: true },
          ],
        },
      ],
      hostNetwork: true,
      priorityClassName: 'system-node-critical',
      volumes: [file('kubeconfig', kubeconfig), file('hosts', HOSTS)],
    },
  };
  return `${JSON.stringify(pod, null, 2)}\n`;
}

/** Once admin.conf has its rights, the pod of the first control plane goes by that, too. */
export function settled({ version, access, address }: KubeVip): readonly Step[] {
  if (!needsSuper(version)) return [];
  return [
    step<{ text: string | null }>({
      name: 'kube-vip-settled',
      where: PLANE,
      needs: ['kubeadm/init'],
      timeout: 240,
      probe: async (view) => {
        const text = await view.text(MANIFEST);
        return { text: text?.includes(SUPER) ? text : null };
      },
      plan: ({ text }) => {
        if (text === null) return [];
        const what = `the API answers at ${address}`;
        return [
          {
            kind: 'write',
            path: MANIFEST,
            text: text.replaceAll(SUPER, KUBECONFIG),
            mode: 0o600,
            why: `the cluster is made, and kube-vip still has ${SUPER}`,
          },
          {
            kind: 'script',
            title: `wait until ${what}`,
            why: 'its pod starts anew',
            script: async (shell) => {
              await shell.until(what, 120, async () => {
                const answer = await asked(shell.view, access, cmd`get --raw /readyz`);
                return answer.kind === 'answered' ? undefined : unanswered(answer);
              });
              return undefined;
            },
          },
        ];
      },
    }),
  ];
}
