/** kubelet's systemd unit, and the drop-in by which it is told what kubeadm wants of it. */
import { net } from '../../core/mod.ts';
import { since } from '../kubernetes/versions.ts';
import { type KubeletFlags, wordsOf } from './kubelet-flags.ts';

/** As upstream's packages ship it: https://github.com/kubernetes/release, cmd/krel/templates/latest/kubelet */
export function kubeletUnit(bin: string): string {
  return `[Unit]
Description=kubelet: The Kubernetes Node Agent
Documentation=https://kubernetes.io/docs/home/
Wants=network-online.target
After=network-online.target

[Service]
ExecStart=${bin}/kubelet
Restart=always
StartLimitInterval=0
RestartSec=1

[Install]
WantedBy=multi-user.target
`;
}

export interface Kubelet {
  readonly version: string;
  readonly bin: string;
  readonly criSocket: string;
  readonly cgroupDriver: string;
  readonly serviceSubnet: string;
  /** The folders of the CNI plugins and of their configuration. */
  readonly cni: { readonly bin: string; readonly config: string };
  readonly patience?: string;
  /** More flags, after those of kubeadm and cc. */
  readonly flags?: KubeletFlags;
  /** By which others reach the node; kubelet's own choice where it is left out. */
  readonly address?: string;
}

/** The drop-in of upstream's kubeadm package; RestartSec is shorter, since kubelet restarts until kubeadm has written its files. */
export function kubeletDropIn(kubelet: Kubelet): string {
  return since('kubeletConfig', kubelet.version) ? byFile(kubelet) : byFlags(kubelet);
}

const KUBECONFIG =
  'Environment="KUBELET_KUBECONFIG_ARGS=--bootstrap-kubeconfig=/etc/kubernetes/bootstrap-kubelet.conf --kubeconfig=/etc/kubernetes/kubelet.conf"';

/** Before what a user adds, so that this wins. */
function more({ address, flags = {} }: Kubelet): string {
  return `${address === undefined ? '' : ` --node-ip=${address}`}${wordsOf(flags)}`;
}

function byFile(kubelet: Kubelet): string {
  return `[Service]
${KUBECONFIG}
Environment="KUBELET_CONFIG_ARGS=--config=/var/lib/kubelet/config.yaml"
EnvironmentFile=-/var/lib/kubelet/kubeadm-flags.env
EnvironmentFile=-/etc/default/kubelet
ExecStart=
ExecStart=${kubelet.bin}/kubelet $KUBELET_KUBECONFIG_ARGS $KUBELET_CONFIG_ARGS $KUBELET_KUBEADM_ARGS${more(kubelet)} $KUBELET_EXTRA_ARGS
`;
}

/**
 * Before 1.11 kubeadm told kubelet nothing, and all stood in the package's file: kubernetes/kubernetes, build/debs, bionic,
 * kubeadm, channel/stable, post-1.8/10-kubeadm.conf. A runtime other than Docker is told by KUBELET_EXTRA_ARGS.
 */
function byFlags(kubelet: Kubelet): string {
  const { bin, criSocket, cgroupDriver, serviceSubnet, cni, patience } = kubelet;
  const groups = {
    SYSTEM_PODS: '--pod-manifest-path=/etc/kubernetes/manifests --allow-privileged=true',
    NETWORK: `--network-plugin=cni --cni-conf-dir=${cni.config} --cni-bin-dir=${cni.bin}`,
    DNS: `--cluster-dns=${dnsAddress(serviceSubnet)} --cluster-domain=cluster.local`,
    AUTHZ: '--authorization-mode=Webhook --client-ca-file=/etc/kubernetes/pki/ca.crt',
    CADVISOR: '--cadvisor-port=0',
    CERTIFICATE: '--rotate-certificates=true --cert-dir=/var/lib/kubelet/pki',
    EXTRA: [
      `--container-runtime=remote --container-runtime-endpoint=${criSocket}`,
      ...(patience === undefined ? [] : [`--runtime-request-timeout=${patience}`]),
      `--cgroup-driver=${cgroupDriver} --fail-swap-on=false${more(kubelet)}`,
    ].join(' '),
  };
  const lines = Object.entries(groups).map(
    ([name, flags]) => `Environment="KUBELET_${name}_ARGS=${flags}"\n`,
  );
  const names = ['KUBECONFIG', ...Object.keys(groups)].map((name) => `$KUBELET_${name}_ARGS`);
  return `[Service]
${KUBECONFIG}
${lines.join('')}ExecStart=
ExecStart=${bin}/kubelet ${names.join(' ')}
`;
}

/** The tenth address of the Services' network: cmd/kubeadm/app/constants/constants.go, GetDNSIP. */
export function dnsAddress(serviceSubnet: string): string {
  return net.addressAt(serviceSubnet, 10);
}
