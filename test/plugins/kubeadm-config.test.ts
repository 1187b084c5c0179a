/** What kubeadm and kubelet are told, word for word. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { kubeadmConfig, kubeletDropIn, kubeletUnit } from '../../plugins/kubeadm/config.ts';
import { kubeadm } from '../../plugins/kubeadm.ts';
import { benchOf } from './bench.ts';
import { BELOW, clusterOn } from './cluster.ts';

const UNIT = '/etc/systemd/system/kubelet.service';

test('unit of kubelet is that of upstream', () => {
  assert.equal(
    kubeletUnit('/usr/local/bin'),
    `[Unit]
Description=kubelet: The Kubernetes Node Agent
Documentation=https://kubernetes.io/docs/home/
Wants=network-online.target
After=network-online.target

[Service]
ExecStart=/usr/local/bin/kubelet
Restart=always
StartLimitInterval=0
RestartSec=1

[Install]
WantedBy=multi-user.target
`,
  );
});

test('drop-in of kubelet reads what kubeadm writes', () => {
  assert.equal(
    kubeletDropIn('/opt/bin'),
    `[Service]
Environment="KUBELET_KUBECONFIG_ARGS=--bootstrap-kubeconfig=/etc/kubernetes/bootstrap-kubelet.conf --kubeconfig=/etc/kubernetes/kubelet.conf"
Environment="KUBELET_CONFIG_ARGS=--config=/var/lib/kubelet/config.yaml"
EnvironmentFile=-/var/lib/kubelet/kubeadm-flags.env
EnvironmentFile=-/etc/default/kubelet
ExecStart=
ExecStart=/opt/bin/kubelet $KUBELET_KUBECONFIG_ARGS $KUBELET_CONFIG_ARGS $KUBELET_KUBEADM_ARGS $KUBELET_EXTRA_ARGS
`,
  );
});

const CONFIG = `---
{
  "apiVersion": "kubeadm.k8s.io/v1beta2",
  "kind": "InitConfiguration",
  "nodeRegistration": {
    "criSocket": "unix:///run/cri.sock"
  }
}
---
{
  "apiVersion": "kubeadm.k8s.io/v1beta2",
  "kind": "ClusterConfiguration",
  "kubernetesVersion": "v1.20.2",
  "imageRepository": "registry.lab",
  "networking": {
    "podSubnet": "10.244.0.0/24",
    "serviceSubnet": "10.96.0.0/12"
  }
}
---
{
  "apiVersion": "kubelet.config.k8s.io/v1beta1",
  "kind": "KubeletConfiguration",
  "cgroupDriver": "systemd",
  "failSwapOn": false
}
---
{
  "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
  "kind": "KubeProxyConfiguration",
  "conntrack": {
    "maxPerCore": 0,
    "min": 0
  }
}
`;

test('configuration of kubeadm names versions, networks and the runtime of the recipe', async (t) => {
  const bench = await benchOf(t, { plugins: [...BELOW, kubeadm()] }, clusterOn());
  await bench.run();
  const host = bench.hosts.get('node-1')!; // every bench has this host
  assert.equal(host.read('/etc/cc/kubeadm.json'), CONFIG);
  assert.equal(host.read(UNIT), kubeletUnit('/usr/local/bin'));
  assert.equal(host.read(`${UNIT}.d/10-kubeadm.conf`), kubeletDropIn('/usr/local/bin'));
  assert.equal(
    host.read('/etc/sysctl.d/90-cc-kubernetes.conf'),
    'net.ipv4.ip_forward = 1\nnet.bridge.bridge-nf-call-iptables = 1\n',
  );
});

test('configuration of kubeadm takes its networks and cgroup driver from what it is given', () => {
  const given = {
    ...{ version: '1.20.2', imageRepository: 'registry.lab', criSocket: 'unix:///run/cri.sock' },
    ...{ cgroupDriver: 'cgroupfs', podSubnet: '10.1.0.0/16', serviceSubnet: '10.2.0.0/16' },
  };
  assert.equal(
    kubeadmConfig(given),
    CONFIG.replace('"systemd"', '"cgroupfs"')
      .replace('10.244.0.0/24', '10.1.0.0/16')
      .replace('10.96.0.0/12', '10.2.0.0/16'),
  );
});
