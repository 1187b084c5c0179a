/** What one host says of itself, in one command, and how its clock stands to a time of the controller. */
import { cmd, type Host, type View } from '../../core/mod.ts';
import { chosen } from '../kubeadm/address.ts';

/** By what other hosts reach a host: its address, and the link that carries it. */
export interface Own {
  readonly address: string;
  readonly prefix: number;
  readonly link: string;
  /** Empty where the link has none. */
  readonly mac: string;
  readonly mtu: number;
}

/** Seconds: what is added to a time of the controller for that of the host, give or take the error. */
export interface Offset {
  readonly seconds: number;
  readonly error: number;
}

export interface Told {
  readonly kind: 'told';
  readonly name: string;
  /** `uname -n` */
  readonly node: string;
  /** Empty where it has none. */
  readonly machineId: string;
  /** Its product_uuid, or why it has none of its own. */
  readonly uuid: { readonly is: string } | { readonly none: string };
  readonly arch: string;
  readonly kernel: string;
  readonly systemd: string;
  /** Whether it is a node already: then its own programs listen, or nobody does. */
  readonly isNode: boolean;
  /** The version of the kubelet that runs there; empty where none does. */
  readonly kubelet: string;
  /** That of its API server, likewise. */
  readonly plane: string;
  readonly own: Own | { readonly lacks: string };
  /** Whether it was compared before, and passed: it may not be asked again in this run. */
  readonly passed: boolean;
  readonly clock: Offset;
}

export type Machine = Told | { readonly kind: 'untold'; readonly name: string; readonly why: string };

/** Prints `KEY: VALUE` lines. The clock comes first, since the time around it is measured. */
export const LOOK = `say() { printf '%s: %s\\n' "$1" "$2"; }
say clock "$(date +%s.%N)"
say node "$(uname -n)"
say arch "$(uname -m)"
say kernel "$(uname -r)"
say systemd "$(systemctl --version 2>/dev/null | sed -n '1s/^systemd \\([^ ]*\\).*/\\1/p')"
say machine-id "$(cat /etc/machine-id 2>/dev/null)"
say uuid "$(cat /sys/class/dmi/id/product_uuid 2>/dev/null)"
if [ -e /run/systemd/container ] || [ -e /run/host/container-manager ] || [ -e /.dockerenv ] ||
  tr '\\0' '\\n' </proc/1/environ 2>/dev/null | grep -q '^container='; then
  say container yes
fi
[ -e /etc/kubernetes/kubelet.conf ] && say node-made yes
for pid in $(pidof kubelet); do say kubelet "$("/proc/$pid/exe" --version 2>/dev/null)"; done
say plane "$(sed -n 's/^ *image: .*kube-apiserver[^:]*:v*//p' /etc/kubernetes/manifests/kube-apiserver.yaml 2>/dev/null)"
if command -v ip >/dev/null; then
  say ip yes
  ip -o -4 address show scope global | sed 's/^/address: /'
fi
sed 's/^/route: /' /proc/net/route
for link in /sys/class/net/*; do
  say "link \${link##*/}" "$(cat "$link/address" 2>/dev/null) $(cat "$link/mtu" 2>/dev/null)"
done
:`;

/** Milliseconds of the controller, from any beginning on. */
export type Now = () => number;

/** Asks a host; fails where it does not answer. */
export async function asked(view: View, { name, address }: Host, now: Now): Promise<Told> {
  const sent = now();
  const text = await view.read({ ...cmd`sh -c ${LOOK} cc`, title: 'a script that tells what this host is' });
  const answered = now();
  const passed = (await view.reported()) !== undefined;
  return told(text, { name, declared: address, passed, sent, answered });
}

interface Answer {
  readonly name: string;
  /** What the recipe says of its address. */
  readonly declared: string | undefined;
  readonly passed: boolean;
  readonly sent: number;
  readonly answered: number;
}

export function told(text: string, { name, declared, passed, sent, answered }: Answer): Told {
  const all = (key: string) =>
    text.split('\n').flatMap((line) => (line.startsWith(`${key}: `) ? [line.slice(key.length + 2)] : []));
  const value = (key: string) => all(key)[0]?.trim() ?? '';
  const container = value('container') === 'yes';
  return {
    kind: 'told',
    name,
    node: value('node'),
    machineId: /^[0-9a-f]{32}$/.exec(value('machine-id'))?.[0] ?? '',
    uuid: uuidOf(value('uuid').toLowerCase(), container),
    arch: value('arch'),
    kernel: value('kernel'),
    systemd: value('systemd'),
    isNode: value('node-made') === 'yes',
    kubelet: /^Kubernetes v(\S+)$/.exec(value('kubelet'))?.[1] ?? '',
    plane: value('plane'),
    passed,
    own: value('ip') === 'yes' ? ownOf(all, declared) : { lacks: NO_IP },
    clock: {
      seconds: Number(value('clock')) - (sent + answered) / 2000,
      error: (answered - sent) / 2000,
    },
  };
}

const NO_IP = 'nothing tells its addresses: apt-get install iproute2';

/** What firmware says that was given none: nothing but one digit, or the example of a maker of boards. */
const UNSET = /^(?:([0f])\1*(?:-\1+)*|03000200-0400-0500-0006-000700080009)$/;

function uuidOf(uuid: string, container: boolean): Told['uuid'] {
  if (container) return { none: 'a container has that of the machine it runs on' };
  if (uuid === '') return { none: 'its firmware has no DMI' };
  return UNSET.test(uuid) ? { none: `its firmware was given none: ${uuid}` } : { is: uuid };
}

type Values = (key: string) => readonly string[];

function ownOf(all: Values, declared: string | undefined): Told['own'] {
  const addresses = all('address').flatMap(addressOf);
  const found = declared === undefined ? byRoute(addresses, all('route')) : byName(addresses, declared);
  if ('lacks' in found) return found;
  const [mac = '', mtu = ''] = all(`link ${found.link}`)[0]?.split(' ') ?? [];
  return { ...found, mac: NO_MAC.test(mac) ? '' : mac, mtu: Number(mtu) };
}

/** A link that has none says so by zeros, or says nothing. */
const NO_MAC = /^[0:]*$/;

type At = Pick<Own, 'address' | 'prefix' | 'link'>;

/** `2: eth0    inet 192.0.2.5/24 brd …` */
function addressOf(line: string): readonly At[] {
  const pattern = /^\d+: ([^\s@]+)\S*\s+inet ([\d.]+)(?: peer [\d.]+)?(?:\/(\d+))?/;
  const [, link = '', address = '', prefix = '32'] = pattern.exec(line) ?? [];
  return address === '' ? [] : [{ link, address, prefix: Number(prefix) }];
}

function byName(addresses: readonly At[], declared: string): At | { readonly lacks: string } {
  const found = chosen(
    declared,
    addresses.map(({ link, address }) => ({ interface: link, address })),
  );
  if ('lacks' in found) return { lacks: found.lacks.join('; ') };
  return addresses.find(({ address }) => address === found.address)!; // chosen among these
}

/** As kubeadm chooses: the first address of the link that the default route goes by. */
function byRoute(addresses: readonly At[], routes: readonly string[]): At | { readonly lacks: string } {
  const [by] = routes.flatMap((line) => {
    const [link = '', network, , , , , , mask] = line.split(/\s+/);
    return network === '00000000' && mask === '00000000' ? [link] : [];
  });
  const found = addresses.find(({ link }) => link === by);
  if (found) return found;
  return { lacks: 'it has no default route: say in the recipe which address is meant, as address: ADDRESS' };
}
