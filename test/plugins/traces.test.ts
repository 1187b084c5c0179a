/**
 * What a cluster leaves, cleared by the scripts themselves: in namespaces of their own, with empty folders in place of the
 * machine's, so that they are those of a host of which everything is known.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import * as CRIO from '../../plugins/crio/traces.ts';
import { NOTES, RESTORE } from '../../plugins/kubeadm/settings.ts';
import { CLEAR, KEEP } from '../../plugins/kubeadm/traces.ts';
import { confined, missing } from '../rig/tools.ts';

/** /run and /sys/fs too: nothing here may reach the machine's systemd or its cgroups. */
const FOLDERS = ['/opt', '/etc', '/var', '/root', '/run', '/sys/fs', '/usr/libexec'];
const HOST = `set -eu
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
mount -t tmpfs tmpfs /opt
[ ! -d /etc/alternatives ] || cp -a /etc/alternatives /opt # where awk may be found
for folder in ${FOLDERS.slice(1).join(' ')}; do [ ! -d "$folder" ] || mount -t tmpfs tmpfs "$folder"; done
ln -s /opt/alternatives /etc/alternatives
mkdir -p /var/lib /var/log /run/netns
ip link set dev lo up
picture() { find ${FOLDERS.join(' ')} -printf '%y %m %U %p %l %s\\n' | sort; ip -o link | cut -d: -f2; cut -d' ' -f2 /proc/mounts; }
`;
const SPACES = ['--user', '--map-root-user', '--mount', '--net'];

function onHost(script: string, ...scripts: readonly string[]) {
  return spawnSync('unshare', [...SPACES, 'sh', '-c', HOST + script, 'sh', ...scripts], { encoding: 'utf8' });
}

const bridgeless = () =>
  onHost('ip link add made type bridge').status !== 0 && 'this kernel makes no bridges';
const skip = missing('ip') || confined(...SPACES) || bridgeless();

function said(script: string, ...scripts: readonly string[]): string {
  const { status, stdout, stderr } = onHost(script, ...scripts);
  assert.equal(status, 0, stderr + stdout);
  return stdout;
}

/** What a user had, what a cluster then brings, and what its kubelet takes that is not its own. */
const LIFE = `mkdir -p /etc/kubernetes /var/log/pods/theirs /var/lib/cni/networks/podman /var/lib/cni/results /root/.kube /var/disk
chmod 2751 /var/log/pods
echo theirs >/etc/kubernetes/theirs
echo theirs >"/var/log/pods/theirs/a log
of theirs"
echo theirs >/var/lib/cni/networks/podman/10.88.0.7
echo '{"containerId":"beef","networkName":"pods-2"}' >/var/lib/cni/results/pods-2-beef-eth0
ln -s /var/disk /var/lib/kubelet
ln -s /run /var/run
touch /run/netns/cni-theirs
mount --bind /proc/self/ns/net /run/netns/cni-theirs
ip link add theirs0 type bridge
before=$(picture)
for time in once twice; do sh -c "$1"; done
mkdir -p /etc/kubernetes/pki /var/lib/etcd/member /var/lib/kubelet/pods/1/volumes/a /var/log/pods/ours
mkdir -p /root/.kube/cache/http /var/lib/cni/networks/pods /var/lib/cni/flannel
touch /etc/kubernetes/pki/ca.crt "/var/lib/etcd/member/db x" /root/.kube/cache/http/1
mount -t tmpfs tmpfs /var/lib/kubelet/pods/1/volumes/a
rm -r /var/log/pods/theirs
touch /run/netns/cni-1 /var/lib/cni/networks/pods/10.244.0.5
mount --bind /proc/self/ns/net /run/netns/cni-1
cd /var/lib/cni
touch results/cni-loopback-f00d-lo flannel/f00d
echo '{"containerId":"f00d","networkName":"pods","result":{"interfaces":[{"sandbox":"/var/run/netns/cni-1"}]}}' >results/pods-f00d-eth0
ip link add pods0 type bridge
`;
const CLEARED = `sh -c "$2" cc pods pods0
rmdir /var/lib/cc
after=$(picture)
[ "$after" = "$before" ] || { echo "$before" >/run/before; echo "$after" | diff /run/before -; }
`;

test('what came with a cluster goes, and what was there before is there again', { skip }, () => {
  assert.equal(said(LIFE + CLEARED, KEEP, CLEAR), '');
});

test('what somebody mounted into the folder of a cluster is not cleared, and the rest is once that is gone', {
  skip,
}, () => {
  const mounted = `mkdir /etc/kubernetes/more
mount -t tmpfs tmpfs /etc/kubernetes/more
touch /etc/kubernetes/more/precious
! sh -c "$2" cc pods pods0 2>/dev/null
test -e /etc/kubernetes/more/precious
umount /etc/kubernetes/more
`;
  assert.equal(said(LIFE + mounted + CLEARED, KEEP, CLEAR), '');
});

test('rules and tables of a cluster go, and those of others stay as they are', {
  skip: skip || missing('iptables', 'nft'),
}, () => {
  const script = `mkdir -p /var/lib/cc
iptables -N THEIRS
iptables -A THEIRS -p tcp --dport 9 -m comment --comment "a -j KUBE-FIREWALL b" -j DROP
iptables -A OUTPUT -j THEIRS
nft add table inet theirs
before=$(iptables-save | sed 's/^#.*//'; nft list ruleset)
sh -c "$1"
iptables -N KUBE-FIREWALL
iptables -I OUTPUT -j KUBE-FIREWALL
iptables -A FORWARD -j KUBE-FIREWALL
iptables -t mangle -N KUBE-KUBELET-CANARY
ip6tables -t nat -N KUBE-SERVICES
ip6tables -t nat -A PREROUTING -j KUBE-SERVICES
sh -c "$2" cc pods pods0
after=$(iptables-save | sed 's/^#.*//'; nft list ruleset)
[ "$after" = "$before" ] || { echo "$before" >/run/before; echo "$after" | diff /run/before -; }
`;
  assert.equal(said(script, KEEP, CLEAR), '');
});

test('kernel settings are put back as they were noted first, also those that the kernel moves with others', {
  skip,
}, () => {
  const script = `cd /proc/sys/net/ipv4
settings() { cat ip_forward conf/all/accept_redirects conf/lo/forwarding conf/all/route_localnet; }
echo 0 >ip_forward
echo 0 >conf/all/accept_redirects
echo 1 >conf/lo/forwarding
before=$(settings)
sh -c "$1"
echo 1 >ip_forward
echo 1 >conf/all/route_localnet
sh -c "$1"
sh -c "$2"
settings >/run/after
echo "$before" | diff - /run/after
test ! -e /var/lib/cc/kubeadm
`;
  assert.equal(said(script, NOTES, RESTORE), '');
});

/** As the machine of CRI-O: what it made goes, what others had or have filled since stays. */
const CRIO_LIFE = `rmdir /run/netns
nft add table ip theirs
before=$(nft list ruleset; ls -d /run/netns /var/lib/cc 2>&1 || :)
for time in once twice; do sh -c "$1"; done
nft add table ip nat
nft add table ip6 nat
nft add table ip filled
nft add chain ip filled mine
mkdir -p /run/netns
mount --bind /run/netns /run/netns
sh -c "$2" || exit
nft delete table ip filled
rmdir /var/lib/cc
after=$(nft list ruleset; ls -d /run/netns /var/lib/cc 2>&1 || :)
[ "$before" = "$after" ] || { echo "$before"; echo becomes; echo "$after"; exit 1; }
echo same`;

test('tables and folders that CRI-O made go, and those of others stay', {
  skip: skip || missing('nft'),
}, () => {
  assert.equal(said(CRIO_LIFE, CRIO.KEEP, CRIO.CLEAR), 'same\n');
});
