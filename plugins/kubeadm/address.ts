/** By which of its addresses a node is known: declared and looked up on the host, or the one that kubeadm takes by itself. */
import { type Composition, cmd, fail, type Host, step, type View } from '../../core/mod.ts';
import { planesOf } from './nodes.ts';
import { manifestOf } from './static-pods.ts';

interface Address {
  readonly interface: string;
  readonly address: string;
}

/** What the recipe says of the first host of the control plane. */
export function declaredFor(hosts: readonly Host[]): string | undefined {
  return planesOf(hosts)[0]?.address;
}

/** What it says of each host, by name. */
export type Addresses = ReadonlyMap<string, string>;

export function addressesIn(hosts: readonly Host[]): Addresses {
  return new Map(
    hosts.flatMap(({ name, address }) => (address === undefined ? [] : [[name, address] as const])),
  );
}

/** The one of a host's addresses that is declared, or why there is not one. */
export function chosen(
  declared: string,
  all: readonly Address[],
): { readonly address: string } | { readonly lacks: readonly string[] } {
  const found = all.filter(fits(declared));
  if (found.length === 1) return { address: found[0]!.address };
  const count = found.length === 0 ? 'none of its addresses is' : `${found.length} of its addresses are`;
  return { lacks: [`${count} the declared ${declared}`, ...listed(found.length === 0 ? all : found)] };
}

function fits(declared: string): (each: Address) => boolean {
  const [network = '', prefix] = declared.split('/');
  if (!/^\d/.test(declared)) return (each) => each.interface === declared;
  const size = 2 ** (32 - Number(prefix ?? 32));
  const part = (address: string) => Math.floor(numberOf(address) / size);
  return ({ address }) => part(address) === part(network);
}

function numberOf(address: string): number {
  return address.split('.').reduce((sum, part) => sum * 256 + Number(part), 0);
}

function listed(all: readonly Address[]): readonly string[] {
  if (all.length === 0) return ['it has no address, but for those of its own use'];
  return [`it has ${all.map((each) => `${each.address} on ${each.interface}`).join(', ')}`];
}

/**
 * Addresses that a host may have, and is not known by: networks, as that of pods, and the one that control planes share. Those are
 * left out of what a host has.
 */
export type Others = readonly string[];

/** IPv4 addresses that other machines may know; undefined where no program tells them. */
async function addressesOf(view: View, others: Others): Promise<readonly Address[] | undefined> {
  const text = await view.ask(cmd`ip -4 -o address show scope global`);
  const left = others.map(fits);
  return text?.split('\n').flatMap((line) => {
    const [, name = '', address = ''] = /^\d+: ([^\s@]+)\S*\s+inet ([\d.]+)/.exec(line) ?? [];
    const found = { interface: name, address };
    return address === '' || left.some((fit) => fit(found)) ? [] : [found];
  });
}

const NO_IP = 'nothing tells its addresses: apt-get install iproute2';

/** The address that is declared for a host, as it is found there. */
export async function addressOn(view: View, declared: string, others: Others) {
  const all = await addressesOf(view, others);
  return all ? chosen(declared, all) : { lacks: [NO_IP] };
}

/** A text with the address in it that is declared for the host, where one is. */
export function withAddress(
  declared: Addresses,
  others: Others,
  text: (own: { address?: string }) => string,
) {
  return {
    inputs: { declared: [...declared] },
    compose: async (view: View): Promise<Composition> => {
      const own = declared.get(view.name);
      if (own === undefined) return { text: text({}) };
      const found = await addressOn(view, own, others);
      return 'lacks' in found ? found : { text: text(found) };
    },
  };
}

/** Where a control plane, or a node that joined one, is told that it was made. */
const MADE = [manifestOf('kube-apiserver'), '/etc/kubernetes/kubelet.conf'];

/** Refuses a host where it is open what its address is, before anything is made of it. */
export function address(declared: Addresses, others: Others) {
  return step<{ host: string; lacks: readonly string[] }>({
    name: 'address',
    first: true,
    needs: [],
    inputs: { declared: [...declared] },
    probe: async (view) => ({ host: view.name, lacks: await lacking(view, declared.get(view.name), others) }),
    plan: ({ host, lacks }) =>
      lacks.length === 0
        ? []
        : fail({
            kind: 'check-failed',
            host,
            what: 'it is known by which address others reach it',
            reasons: lacks,
          }),
  });
}

/** A host that cannot tell yet gets the program that does, and is looked at again when the address is written. */
async function lacking(view: View, declared: string | undefined, others: Others): Promise<readonly string[]> {
  if (declared === undefined && ((await hasRoute(view)) || (await isMade(view)))) return [];
  const all = await addressesOf(view, others);
  if (all === undefined) return [];
  if (declared === undefined)
    return ['it has no default route, by which kubeadm would choose', ...listed(all), SAY(view.name, all)];
  const found = chosen(declared, all);
  return 'lacks' in found ? found.lacks : [];
}

function SAY(name: string, all: readonly Address[]): string {
  return `say in the recipe which: { name: '${name}', address: '${all[0]?.address ?? 'ADDRESS'}', … }`;
}

async function isMade(view: View): Promise<boolean> {
  const found = await Promise.all(MADE.map((path) => view.stat(path)));
  return found.some((each) => each !== undefined);
}

/** As kubeadm looks: staging/src/k8s.io/apimachinery/pkg/util/net/interface.go, getIPv4DefaultRoutes. */
async function hasRoute(view: View): Promise<boolean> {
  const rows = ((await view.text('/proc/net/route')) ?? '').split('\n').map((line) => line.split(/\s+/));
  return rows.some(([, destination, , , , , , mask]) => destination === '00000000' && mask === '00000000');
}
