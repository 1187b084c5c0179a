/** A host of somebody: what its user has on it, and a picture of all that cc could have changed. */
import type { Site } from './site.ts';

/** Things that look like a cluster's and are not, and what cc replaces; made once, and again after a boot. */
export const THEIRS = `set -eu
iptables -N THEIRS
iptables -A THEIRS -s 192.0.2.0/24 -m comment --comment "not KUBE-FORWARD, not ours" -j DROP
iptables -A THEIRS -p tcp --dport 9 -j LOG --log-prefix "a -j KUBE-MARK-MASQ b "
iptables -A INPUT -j THEIRS
ip6tables -A INPUT -s 2001:db8::/32 -j DROP
nft add table inet theirs
nft add chain inet theirs kept '{ type filter hook input priority 5; policy accept; }'
nft add rule inet theirs kept ip saddr 198.51.100.0/24 counter drop
# a container of podman, as the CNI plugins leave it
nat() { iptables -t nat "$@"; }
for chain in CNI-ffffffffffffffffffffffff CNI-DN-ffff CNI-HOSTPORT-DNAT CNI-HOSTPORT-SETMARK CNI-HOSTPORT-MASQ; do nat -N $chain; done
nat -A CNI-ffffffffffffffffffffffff -d 10.88.0.0/16 -m comment --comment 'name: "podman" id: "feed"' -j ACCEPT
nat -A POSTROUTING -s 10.88.0.7/32 -m comment --comment 'name: "podman" id: "feed"' -j CNI-ffffffffffffffffffffffff
nat -A CNI-DN-ffff -p tcp --dport 8088 -j DNAT --to-destination 10.88.0.7:80
nat -A CNI-HOSTPORT-DNAT -p tcp -m comment --comment 'dnat name: "podman" id: "feed"' -m multiport --dports 8088 -j CNI-DN-ffff
nat -A CNI-HOSTPORT-SETMARK -m comment --comment "CNI portfwd masquerade mark" -j MARK --set-xmark 0x2000/0x2000
nat -A CNI-HOSTPORT-MASQ -m mark --mark 0x2000/0x2000 -j MASQUERADE
nat -A POSTROUTING -m comment --comment "CNI portfwd requiring masquerade" -j CNI-HOSTPORT-MASQ
for chain in PREROUTING OUTPUT; do nat -A $chain -m addrtype --dst-type LOCAL -j CNI-HOSTPORT-DNAT; done
mkdir -p /etc/cni/net.d /var/lib/cni/networks/podman /var/lib/cni/results
echo '{"cniVersion":"0.4.0","name":"podman","plugins":[{"type":"bridge"}]}' >/etc/cni/net.d/87-podman.conflist
printf 'feed\\r\\neth0' >/var/lib/cni/networks/podman/10.88.0.7
echo '{"kind":"cniCacheV1","containerId":"feed","networkName":"podman"}' >/var/lib/cni/results/podman-feed-eth0
ip netns add cni-theirs
ip link add theirs0 type bridge
ip address add 203.0.113.1/24 dev theirs0
sysctl -q -w net.ipv4.ip_forward=0 net.ipv4.conf.all.route_localnet=0 net.netfilter.nf_conntrack_tcp_timeout_established=4321
# in the folders of a cluster, and where cc places its own
mkdir -p /var/log/pods/theirs_pod_1 /var/lib/kubelet /etc/kubernetes /etc/containerd /opt/cni/bin
echo theirs >/var/log/pods/theirs_pod_1/0.log
echo theirs >/etc/kubernetes/theirs.yaml
echo theirs >"/var/lib/kubelet/a file of
theirs"
chown 12:34 /var/lib/kubelet/a*
chmod 2751 /var/lib/kubelet
echo 'their = "config"' >/etc/containerd/config.toml
echo theirs >/opt/cni/bin/bridge
printf '#!/bin/sh\\n' >/usr/local/bin/kubectl
chown 7:8 /usr/local/bin/kubectl
chmod 750 /usr/local/bin/kubectl
printf '[Service]\\nExecStart=/bin/sleep infinity\\n[Install]\\nWantedBy=multi-user.target\\n' >/etc/systemd/system/theirs.service
systemctl daemon-reload
systemctl --quiet enable --now theirs.service
# what stays once it was used, like a package
touch /run/xtables.lock
systemctl start network-online.target
`;

/** Each line begins with what it is about. Left out: what the kernel and the system's own services move. */
const PICTURE = `export LC_ALL=C
of() { what=$1; shift; "$@" 2>/dev/null | sed "s/^/$what: /"; }
system='-path /proc -o -path /sys -o -path /run -o -path /tmp -o -path /var/tmp -o -path /dev -o -path /var/log/journal'
of lasting find / -xdev \\( $system \\) -prune -o -printf '%y %m %U:%G %p %l\\n'
of lasting sh -c "find / -xdev \\( $system \\) -prune -o -type f -print0 | xargs -0 sha256sum"
of lasting systemctl list-unit-files --no-legend --no-pager
of lasting dpkg-query -W
of run find /run -xdev \\( -path /run/systemd -o -path /run/log -o -path /run/host -o -path /run/user \\) -prune -o -printf '%y %m %U:%G %p %l\\n'
of units sh -c "systemctl list-units --all --plain --no-legend --no-pager | tr -s ' ' | grep -vE '^(session-|user)'"
of mounts sh -c 'cut -d" " -f1-3 /proc/mounts | grep -v /run/user/'
of links sh -c 'ip -o link | sed "s/^[0-9]*: //; s/ qlen.*//"'
of addresses sh -c 'ip -o address | sed "s/^[0-9]*: //; s/ valid_lft.*//"'
of routes sh -c 'ip route show table all; ip -6 route show table all; ip rule'
for tables in iptables ip6tables iptables-legacy ip6tables-legacy; do
  of $tables sh -c "$tables-save | sed 's/^#.*//; s/\\[[0-9]*:[0-9]*\\]//'"
done
of nft sh -c 'nft list ruleset | sed "s/counter packets [0-9]* bytes [0-9]*/counter/"'
of sysctl sh -c 'sysctl -a | grep -vE "random|dentry|inode-|file-nr|pty.nr|ns_last_pid|_count|perf_|quota.syncs|aio-nr|cachep"'
of processes sh -c 'ps -eo comm= | sort | grep -vxE "ps|sort|grep|sh|sshd|sed|bash|kworker.*|systemd-(tmpfile|userwork|hostnam)"'
of cgroups sh -c 'find /sys/fs/cgroup -type d | grep -vE "user.slice|session-|init.scope"'
`;

export type Picture = readonly string[];

export function pictureOf(site: Site): Picture {
  return site.ssh(PICTURE).split('\n');
}

/** Lines of one picture that another has not, both ways; after a boot only `lasting` ones can be the same. */
export function differences(before: Picture, after: Picture, kind = '') {
  const beyond = (some: Picture, others: Picture) => {
    const known = new Set(others);
    return some.filter((line) => line.startsWith(kind) && !known.has(line));
  };
  return { gone: beyond(before, after), come: beyond(after, before) };
}
