/** A control plane by kubeadm on one node: kubelet's unit, kernel settings, init, node ready. */
import { composed, type Host, net, plugin, running, v, written } from '../core/mod.ts';
import {
  cluster,
  cri,
  criClient,
  kubernetesRelease,
  nodeImages,
  podNetwork,
  serviceNetwork,
  vmRuntime,
} from './capabilities.ts';
import { address, declaredFor, withAddress } from './kubeadm/address.ts';
import { kubeadmConfig } from './kubeadm/config.ts';
import { DOMAIN, existing } from './kubeadm/existing.ts';
import { cgroups, tools } from './kubeadm/host.ts';
import { CONFIG, init, KUBECONFIG } from './kubeadm/init.ts';
import { kubeletDropIn, kubeletUnit } from './kubeadm/kubelet.ts';
import { networks } from './kubeadm/networks.ts';
import { answering, PLANE, ready, untainted } from './kubeadm/nodes.ts';
import { kernel, lasting } from './kubeadm/settings.ts';
import { since } from './kubernetes/versions.ts';

const UNIT = '/etc/systemd/system/kubelet.service';
const DROP_IN = `${UNIT}.d/10-kubeadm.conf`;
/** A virtual machine takes longer to start than a process, most of all where it has no help of the processor. */
const PATIENCE = '30m0s';

export const kubeadm = plugin({
  name: 'kubeadm',
  help: 'brings up a control plane on the first host with the role control-plane, and has its node ready',
  options: v.strictObject({
    /** The API server takes no wider one, and cluster DNS has the tenth address of it. */
    serviceSubnet: v.optional(net.subnet(12, 28), '10.96.0.0/12'),
    /** Cluster DNS; without it the smoke test goes by address. */
    dns: v.optional(v.boolean(), true),
    /** kubeadm's own checks before it starts, and the Debian packages they ask for; from 1.11 to 1.30 they need crictl too. */
    preflight: v.optional(v.boolean(), true),
  }),
  provides: [cluster, serviceNetwork],
  declares: ({ serviceSubnet }) => [serviceNetwork.of({ subnet: serviceSubnet, domain: DOMAIN })],
  build: ({ serviceSubnet, dns, preflight }, { use, find, refuse, hosts }) => {
    const runtime = use(cri);
    const { version, imageRepository, bin } = use(kubernetesRelease);
    const network = use(podNetwork);
    const podSubnet = network.subnet;
    if (net.overlap(podSubnet, serviceSubnet))
      refuse('serviceSubnet', `shares addresses with the network of pods: ${serviceSubnet}, ${podSubnet}`);
    if (!dns && !since('phases', version)) refuse('dns', `cannot be left out by kubeadm ${version}`);
    const { socket: criSocket, cgroupDriver } = runtime;
    const common = { version, criSocket, cgroupDriver, serviceSubnet };
    const patience = find(vmRuntime) ? { patience: PATIENCE } : {};
    const declared = { ...common, imageRepository, podSubnet, ...patience };
    const known = declaredFor(hosts);
    const file = (text: (own: { address?: string }) => string, at: { name: string; path: string }) => {
      const place = { ...at, where: PLANE };
      return known === undefined
        ? written(text({}), { ...place, needs: [] })
        : composed(
            withAddress(known, podSubnet, (address) => text({ address })),
            { ...place, needs: preflight ? ['kubeadm/tools'] : [] },
          );
    };
    const kubectl = `${bin}/kubectl`;
    const access = { kubectl, kubeconfig: KUBECONFIG };
    const bytes = find(nodeImages) ? ['node-images'] : [];
    const client = find(criClient) ? ['cri-client'] : [];
    const host = [...(preflight ? [tools()] : []), ...cgroups(version), kernel()];
    const files = [
      written(kubeletUnit(bin), { name: 'unit', path: UNIT, where: PLANE, needs: [] }),
      file((own) => kubeletDropIn({ ...common, bin, cni: network, ...patience, ...own }), {
        name: 'drop-in',
        path: DROP_IN,
      }),
      file((own) => kubeadmConfig({ ...declared, ...own }), { name: 'config', path: CONFIG }),
    ];
    const own = [...host, ...files].map(({ name }) => `kubeadm/${name}`);
    return {
      unfit,
      provides: [cluster.of({ version, ...access })],
      steps: [
        address(known, podSubnet),
        existing({ ...declared, ...(known === undefined ? {} : { declaredAddress: known }) }),
        networks({ services: serviceSubnet, network }),
        ...lasting(),
        ...host,
        ...files,
        init({
          ...{ version, kubeadm: `${bin}/kubeadm`, kubectl, dns, preflight, runtime, network },
          before: ['kubernetes-release', 'cri', 'pod-network', ...client, ...bytes, ...own],
        }),
        running('kubelet.service', {
          name: 'kubelet',
          where: PLANE,
          needs: ['kubeadm/init'],
          restartOn: [UNIT, DROP_IN, `${bin}/kubelet`],
        }),
        answering(access, version),
        untainted(access),
        ready(access),
      ],
    };
  },
});

/** A host that joins nothing would get programs, a container runtime, and no work. */
function unfit(hosts: readonly Host[]) {
  const plane = hosts.find(({ roles }) => roles.includes('control-plane'));
  const others = plane ? hosts.filter((host) => host !== plane) : []; // that there is none is told of each step
  return others.map(({ name }) => ({ path: `hosts.${name}`, message: ALONE }));
}

const ALONE =
  'would join nothing: cc sets up clusters of one node today, so a recipe with kubeadm has one host, with the role control-plane';
