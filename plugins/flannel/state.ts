/** What flannel has on a node beside its pod: a folder, which is made for it, and a link and rules, which go with that. */
import { cmd, step } from '../../core/mod.ts';

const FOLDER = '/run/flannel';

/**
 * Stands before the cluster, so that it is undone when no pod runs any more: a daemon that still runs would make its rules
 * again, and kube-proxy changes others beside them.
 */
export function state(subnet: string) {
  return step<{ there: boolean; owned: boolean }>({
    name: 'flannel-state',
    needs: [],
    inputs: { subnet },
    probe: async (view) => ({
      there: (await view.stat(FOLDER)) !== undefined,
      owned: await view.owned(FOLDER),
    }),
    plan: ({ there }) => (there ? [] : [{ kind: 'folder', path: FOLDER, why: `${FOLDER} is not there` }]),
    undo: ({ owned }) => {
      const why = `${FOLDER} was made by cc`;
      const clear = { ...cmd`sh -c ${CLEAR} cc ${subnet}`, title: 'a script that clears what flannel left' };
      return owned
        ? [
            { kind: 'run', command: clear, why },
            { kind: 'remove', path: FOLDER, why },
          ]
        : [];
    },
  });
}

/**
 * CLEAR SUBNET. From 0.20 on flannel's rules and chains carry its name; before, they stand in chains of the kernel and are
 * known by the subnet of all pods alone: pkg/trafficmngr/iptables/iptables.go, before network/iptables.go. Only these are named
 * to iptables: whoever changes another rule meanwhile keeps his.
 */
export const CLEAR = `ip link delete dev flannel.1 2>/dev/null
for tables in iptables ip6tables; do
  command -v "$tables-save" >/dev/null || continue
  rules=$("$tables-save" | awk -v subnet=" $1 " '
    /^[*]/ { table = $0; flush = drop = gone = "" }
    /^:FLANNEL-/ { chain = substr($1, 2); flush = flush ":" chain " - [0:0]\\n"; gone = gone "-X " chain "\\n" }
    /^-A FLANNEL-/ || !/^-A / { if (!/^COMMIT/) next }
    / -j FLANNEL-[A-Z]+$/ || /--comment "?flanneld / || ($2 ~ /^(POSTROUTING|FORWARD)$/ && index($0 " ", subnet)) {
      drop = drop "-D" substr($0, 3) "\\n"
    }
    /^COMMIT/ && flush drop != "" { printf "%s\\n%s%s%sCOMMIT\\n", table, flush, drop, gone }') || exit
  [ -z "$rules" ] || printf '%s\\n' "$rules" | "$tables-restore" --noflush || exit
done`;
