/** kubeadm's configuration, generated for the version it is for. */
import { eraOf } from '../kubernetes/versions.ts';

export interface ClusterConfig {
  readonly version: string;
  readonly imageRepository: string;
  readonly criSocket: string;
  readonly cgroupDriver: string;
  readonly podSubnet: string;
  readonly serviceSubnet: string;
}

/** YAML documents as JSON, which YAML includes. https://kubernetes.io/docs/reference/config-api/kubeadm-config.v1beta2/ */
export function kubeadmConfig(config: ClusterConfig): string {
  const kubeadm = `kubeadm.k8s.io/${eraOf(config.version).kubeadmApi}`;
  const documents = [
    { apiVersion: kubeadm, kind: 'InitConfiguration', nodeRegistration: { criSocket: config.criSocket } },
    {
      apiVersion: kubeadm,
      kind: 'ClusterConfiguration',
      // Named, because kubeadm otherwise asks the network for the newest.
      kubernetesVersion: `v${config.version}`,
      imageRepository: config.imageRepository,
      networking: { podSubnet: config.podSubnet, serviceSubnet: config.serviceSubnet },
    },
    {
      apiVersion: 'kubelet.config.k8s.io/v1beta1',
      kind: 'KubeletConfiguration',
      cgroupDriver: config.cgroupDriver,
      failSwapOn: false,
    },
    {
      apiVersion: 'kubeproxy.config.k8s.io/v1alpha1',
      kind: 'KubeProxyConfiguration',
      // 0 leaves the kernel's limit as it is: it may be shared with others, and then refuses to be set.
      conntrack: { maxPerCore: 0, min: 0 },
    },
  ];
  return documents.map((document) => `---\n${JSON.stringify(document, null, 2)}\n`).join('');
}

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

/** The drop-in of upstream's kubeadm package; RestartSec is shorter, since kubelet restarts until kubeadm has written its files. */
export function kubeletDropIn(bin: string): string {
  return `[Service]
Environment="KUBELET_KUBECONFIG_ARGS=--bootstrap-kubeconfig=/etc/kubernetes/bootstrap-kubelet.conf --kubeconfig=/etc/kubernetes/kubelet.conf"
Environment="KUBELET_CONFIG_ARGS=--config=/var/lib/kubelet/config.yaml"
EnvironmentFile=-/var/lib/kubelet/kubeadm-flags.env
EnvironmentFile=-/etc/default/kubelet
ExecStart=
ExecStart=${bin}/kubelet $KUBELET_KUBECONFIG_ARGS $KUBELET_CONFIG_ARGS $KUBELET_KUBEADM_ARGS $KUBELET_EXTRA_ARGS
`;
}
