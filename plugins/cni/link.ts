/** Whether hosts share a link, as routes to the pods of others take; asked of each before anything on it is changed. */
import { cmd, fail, type Host, net, step, type View } from '../../core/mod.ts';
import { addressesShown } from '../kubeadm/nodes.ts';

/** What is known of a host before it is a node. */
export type Linked = Pick<Host, 'name' | 'address' | 'connection'>;

interface Behind {
  readonly name: string;
  readonly address: string;
  readonly router: string;
}

export function link(hosts: readonly Linked[]) {
  return step<{ host: string; behind: readonly (Behind & { [key: string]: string })[] }>({
    name: 'link',
    first: true,
    needs: [],
    probe: async (view) => ({
      host: view.name,
      behind: (await behind(view, hosts)).map((each) => ({ ...each })),
    }),
    plan: ({ host, behind }) => {
      if (behind.length === 0) return [];
      const reasons = [
        ...behind.map(({ name, address, router }) => `${name} (${address}) is behind the router ${router}`),
        "routes to its pods would lead nowhere; a network that crosses routers: cni.network: 'flannel'",
      ];
      return fail({ kind: 'check-failed', host, what: 'all hosts share a link with it', reasons });
    },
  });
}

/** A way that the kernel does not tell of is judged when the cluster has told the addresses of nodes. */
async function behind(view: View, hosts: readonly Linked[]): Promise<readonly Behind[]> {
  const others = await addressesFrom(view, hosts);
  if (others.size === 0) return [];
  const ways = await waysTo(view, [...others.keys()]);
  return [...others].flatMap(([address, name]) => {
    const router = ways.get(address)?.router;
    return router === undefined ? [] : [{ name, address, router }];
  });
}

/** How the kernel sends packets to these addresses, as far as it tells of a way. */
export async function waysTo(
  view: View,
  addresses: readonly string[],
): Promise<ReadonlyMap<string, { readonly router: string | undefined }>> {
  // A node says of itself what its address is, and each of these becomes a command of root.
  const input = addresses
    .filter(net.isIpv4)
    .map((address) => `route get ${address}\n`)
    .join('');
  const title = 'ip -4 -o route get, for each other host';
  const { stdout } = await view.result({ ...cmd`ip -4 -o -force -batch -`, input, title });
  const told = stdout.matchAll(/^(?:local )?([\d.]+) (.*)$/gm);
  return new Map(
    [...told].map(([, address = '', way = '']) => [
      address,
      { router: /(?:^| )via (?:inet6 )?(\S+)/.exec(way)?.[1] },
    ]),
  );
}

/**
 * The names of other hosts by their addresses: the declared ones, and those by which cc reaches them, where this host has its own
 * itself. Elsewhere they may be a router's, which nodes do not use among each other.
 */
async function addressesFrom(view: View, hosts: readonly Linked[]): Promise<ReadonlyMap<string, string>> {
  const sshOf = ({ connection }: Linked) => (connection.kind === 'ssh' ? connection.address : '');
  const own = hosts.find(({ name }) => name === view.name);
  const mine = (await addressesShown(view)) ?? '';
  const direct = own !== undefined && mine.includes(` ${sshOf(own)}/`);
  const told = hosts.flatMap((host): (readonly [string, string])[] => {
    const address = host.address ?? (direct ? sshOf(host) : '');
    return host.name !== view.name && net.isIpv4(address) ? [[address, host.name]] : [];
  });
  return new Map(told);
}
