/** Kernel settings: those that pods' traffic needs, and what others were before a cluster changed them. */
import { type Change, cmd, step, written } from '../../core/mod.ts';
import { NOTE } from './traces.ts';

/** https://kubernetes.io/docs/setup/production-environment/container-runtimes/ */
const MODULE = 'br_netfilter';
const SETTINGS = ['net/ipv4/ip_forward', 'net/bridge/bridge-nf-call-iptables'];

/**
 * What the cluster sets besides: kubelet (pkg/kubelet/cm/container_manager_linux.go, setupKernelTunables) and kube-proxy
 * (pkg/proxy/iptables/proxier.go, cmd/kube-proxy/app/conntrack.go). The kernel moves two more with ip_forward.
 */
const TOUCHED = [
  ...SETTINGS,
  'net/ipv4/conf/*/forwarding',
  'net/ipv4/conf/all/accept_redirects',
  'net/ipv4/conf/all/route_localnet',
  'net/netfilter/nf_conntrack_max',
  'net/netfilter/nf_conntrack_tcp_timeout_established',
  'net/netfilter/nf_conntrack_tcp_timeout_close_wait',
  'vm/overcommit_memory',
  'vm/panic_on_oom',
  'kernel/panic',
  'kernel/panic_on_oops',
  'kernel/keys/root_maxkeys',
  'kernel/keys/root_maxbytes',
].join(' ');

const SYSCTLS = SETTINGS.map((key) => `${key.replaceAll('/', '.')} = 1\n`).join('');

const SETTINGS_NOTE = `${NOTE}/settings`;

/** Notes settings and their values, once. A module that is not loaded has none. */
export const NOTES = `set -eu
note=${SETTINGS_NOTE}
[ ! -e "$note" ] || exit 0
umask 077
mkdir -p -- "$(dirname "$note")"
cd /proc/sys
for key in ${TOUCHED}; do [ ! -r "$key" ] || echo "$key $(cat "$key")"; done >"$note.new"
mv -- "$note.new" "$note"`;

/** Puts back what differs, in the order of the note; of a module that nobody had loaded only its effect can always be taken away. */
export const RESTORE = `set -eu
note=${SETTINGS_NOTE}
cd /proc/sys
while read -r key value; do
  [ ! -e "$key" ] || [ "$(cat "$key")" = "$value" ] || echo "$value" >"$key"
done <"$note"
if ! grep -q '^net/bridge/' "$note" && [ -e net/bridge ]; then
  modprobe -r ${MODULE} 2>/dev/null || for key in net/bridge/bridge-nf-call-*; do echo 0 >"$key"; done
fi
rm -f -- "$note"
rmdir -- "$(dirname "$note")" 2>/dev/null || :`;

export function kernel() {
  return step<{ values: { [key: string]: string }; noted: boolean }>({
    name: 'kernel',
    needs: [],
    probe: async (view) => {
      const value = async (key: string) => ((await view.text(`/proc/sys/${key}`)) ?? 'absent').trim();
      return {
        values: Object.fromEntries(await Promise.all(SETTINGS.map(async (key) => [key, await value(key)]))),
        noted: (await view.stat(SETTINGS_NOTE)) !== undefined,
      };
    },
    plan: ({ values, noted }) => [
      ...(noted
        ? []
        : [script(NOTES, 'notes kernel settings', 'nothing says what they are without a cluster')]),
      ...Object.entries(values).flatMap(([key, value]): Change[] => {
        const why = `${key} is ${value}`;
        const set: Change = { kind: 'run', command: cmd`sysctl -w ${key.replaceAll('/', '.')}=1`, why };
        if (value === '1') return [];
        return value === 'absent' ? [{ kind: 'run', command: cmd`modprobe ${MODULE}`, why }, set] : [set];
      }),
    ],
    undo: ({ noted }) =>
      noted ? [script(RESTORE, 'puts kernel settings back', `${SETTINGS_NOTE} says what they were`)] : [],
  });
}

function script(text: string, does: string, why: string): Change {
  return { kind: 'run', command: { ...cmd`sh -c ${text}`, title: `a script that ${does}` }, why };
}

/** Settings and module for the next boot. */
export function lasting() {
  const at = (name: string) => `/etc/${name}.d/90-cc-kubernetes.conf`;
  return [
    written(SYSCTLS, { name: 'sysctls', path: at('sysctl'), needs: [] }),
    written(`${MODULE}\n`, { name: 'modules', path: at('modules-load'), needs: [] }),
  ];
}
