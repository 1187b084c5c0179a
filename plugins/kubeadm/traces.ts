/** What a cluster leaves on its host: what was there before is noted, and all else goes, by scripts that tell the one from the other. */
import { type Change, cmd } from '../../core/mod.ts';
import type { Cri, PodNetwork } from '../capabilities.ts';
import { RULES } from './rules.ts';

/** The notes of what was there; `files.tar`, written last, says that those of files are whole. */
export const NOTE = '/var/lib/cc/kubeadm';
export const NOTED = `${NOTE}/files.tar`;

/** What kubeadm, kubelet and the control plane fill, and where kubectl keeps what it has asked. */
export const FILLED = [
  '/etc/kubernetes',
  '/var/lib/etcd',
  '/var/lib/kubelet',
  '/var/log/pods',
  '/var/log/containers',
  '/usr/libexec/kubernetes',
  '/root/.kube/cache',
  '/root/.kube/http-cache',
].join(' ');

/** Folders that are made on the way, and that others may fill; /run/netns is mounted on itself. */
const SHARED = [
  '/root/.kube',
  '/lib/modules',
  '/var/lib/cni',
  '/var/lib/cni/networks',
  '/var/lib/cni/results',
  '/var/lib/cni/flannel',
  '/run/netns',
  '/run/runc',
].join(' ');

/** The tables and chains of nftables, and what is below paths, sorted and ended by zero bytes; a folder may be a link to another disk. */
const LISTS = `export LC_ALL=C
tables() { nft list chains 2>/dev/null | awk '/^table/ { print table = $2 " " $3 } $1 == "chain" { print table " " $2 }'; }
below() (
  depth=$1
  shift
  for path; do [ ! -e "$path" ] || find "$(readlink -f -- "$path")" -xdev -maxdepth "$depth" -print0; done | sort -zu
)`;

/**
 * Notes what is there, once. Files are kept whole, because kubelet removes from /var/log/pods what is of no pod that it knows:
 * pkg/kubelet/kuberuntime/kuberuntime_gc.go, evictPodLogsDirectories.
 */
export const KEEP = `set -eu
note=${NOTE}
[ ! -e "$note/files.tar" ] || exit 0
${LISTS}
umask 077
mkdir -p -- "$note"
tables >"$note/tables"
below 99 ${FILLED} >"$note/filled"
below 0 ${SHARED} >"$note/shared"
cat "$note/filled" "$note/shared" | tar -cPf "$note/files.tar.new" --null --no-recursion --files-from=- || [ $? = 1 ]
mv -- "$note/files.tar.new" "$note/files.tar"`;

/** Kubelet has been stopped by its own step, but not where an init that was cut off is made anew. */
export const STOP = 'systemctl stop kubelet 2>/dev/null; ! systemctl --quiet is-active kubelet';

/** The mounts of pods' volumes, and pods' cgroups: kubelet's own, by name. */
const PODS = `kubelet=$(readlink -f -- /var/lib/kubelet)
awk -v below="$kubelet/" 'index($2, below "pods/") == 1 || index($2, below "plugins/") == 1 { print $2 }' /proc/mounts |
  sort -r | xargs -r -n 1 umount -l
systemctl stop kubepods.slice 2>/dev/null
awk '$3 ~ /^cgroup2?$/ { print $2 }' /proc/mounts | while read -r root; do
  [ ! -d "$root/kubepods" ] || find "$root/kubepods" -depth -type d -exec rmdir {} +
done`;

/**
 * Pods' network namespaces, as the CNI plugins' results name them, their addresses, and the bridge between them:
 * containernetworking/cni, libcni/api.go, cachedInfo.
 */
const NETWORK = `for result in $(grep -ls '"networkName":"'"$network"'"' /var/lib/cni/results/*); do
  id=$(sed 's/.*"containerId":"\\([^"]*\\)".*/\\1/' "$result")
  grep -o '"sandbox":"[^"]*/netns/[^"]*"' "$result" | cut -d'"' -f4 | while read -r sandbox; do
    while umount "$sandbox" 2>/dev/null; do :; done
    rm -f -- "$sandbox"
  done
  rm -f -- /var/lib/cni/results/*-"$id"-* /var/lib/cni/flannel/"$id" "$result"
done
rm -rf -- "/var/lib/cni/networks/$network"
ip link delete dev "$bridge" 2>/dev/null`;

/** Both kinds of iptables, since kube-proxy brings its own and takes the one that it finds in use. */
const TABLES = `for tables in iptables-nft ip6tables-nft iptables-legacy ip6tables-legacy iptables ip6tables; do
  command -v "$tables-save" >/dev/null || continue
  rules=$("$tables-save" | awk -v network="$network" '${RULES}') || exit
  [ -z "$rules" ] || printf '%s\\n' "$rules" | "$tables-restore" --noflush || exit
done
[ ! -e "$note/tables" ] || tables | grep -E '^ip6? ' | grep -vxFf "$note/tables" | sort -r | while read -r family table chain; do
  if [ -z "$chain" ]; then # after its chains
    held=$(nft list table "$family" "$table" | grep -vE '^(table|})')
    [ -n "$held" ] || nft delete table "$family" "$table"
    continue
  fi
  held=$(nft list chain "$family" "$table" "$chain")
  case $held in *'; policy accept;'*) ;; *) continue ;; esac
  held=$(printf '%s\\n' "$held" | grep -vE '^(table|})|^[[:space:]]*(chain |type |}$)')
  [ -n "$held" ] || nft delete chain "$family" "$table" "$chain"
done`;

/** CLEAR NETWORK BRIDGE: what came since the note goes, what is missing of it comes back, and so does a host without a note. */
export const CLEAR = `set -u
network=$1 bridge=$2 note=${NOTE}
${LISTS}
${PODS}
${NETWORK}
${TABLES}
since() { comm -z -13 "$([ -e "$note/files.tar" ] && echo "$1" || echo /dev/null)" - | sort -zr; }
below 99 ${FILLED} | since "$note/filled" | xargs -0 -r rm -df -- || exit
below 0 ${SHARED} | since "$note/shared" | tr '\\0' '\\n' | while read -r path; do
  [ -n "$(ls -A -- "$path")" ] || { umount "$path" 2>/dev/null; rmdir -- "$path"; }
done
[ ! -e "$note/files.tar" ] || tar -xPf "$note/files.tar" --skip-old-files || exit
rm -rf -- "$note/tables" "$note/filled" "$note/shared"
rm -f -- "$note/files.tar" "$note/files.tar.new"
rmdir -- "$note" 2>/dev/null
:`;

/** Notes what a host has, before a cluster is made or joined there. */
export const NOTING = { ...cmd`sh -c ${KEEP}`, title: 'a script that notes what is there' };

interface Cleared {
  readonly runtime: Cri;
  readonly network: PodNetwork;
}

/** Not kubeadm reset: up to 1.24 it removes all of /var/lib/cni, and what else it does is for several control planes. */
export function clearing({ runtime, network }: Cleared, why: string): readonly Change[] {
  const commands = [
    { ...cmd`sh -c ${STOP}`, title: 'systemctl stop kubelet' },
    ...runtime.removePods,
    {
      ...cmd`sh -c ${CLEAR} cc ${network.name} ${network.bridge}`,
      title: 'a script that clears what the cluster left, and no more',
    },
  ];
  return commands.map((command) => ({ kind: 'run', command, why }));
}
