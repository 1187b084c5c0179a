/** The networks of a cluster on a host that has networks of its own. */
import { fail, net, step, type View } from '../../core/mod.ts';
import type { PodNetwork } from '../capabilities.ts';
import { before } from '../cni/config.ts';
import { SCRIPT } from '../cni/routes.ts';
import { addressesShown } from './nodes.ts';

/** Links on which a cluster's own addresses stand: flannel's, and those of kube-proxy and of a DNS on each node. */
const CLUSTER = ['flannel.1', 'kube-ipvs0', 'nodelocaldns'];
/** Flannel's plugin for CNI reads it; with host-gw there are routes to the pods of other nodes beside it. */
const FLANNEL = '/run/flannel/subnet.env';

interface Networks {
  readonly services: string;
  readonly network: PodNetwork;
}

/** What a host has already: an address or a network, and how it has it. */
interface Own {
  readonly at: string;
  readonly dev: string;
  readonly how: string;
}

/** Refuses a host whose own addresses or routes lie in the cluster's networks: what they lead to could not be reached any more. */
export function networks({ services, network }: Networks) {
  const declared = [
    ['the network of Services', services],
    ['the network of pods', network.subnet],
  ] as const;
  return step<{ host: string; shared: readonly string[] }>({
    name: 'networks',
    first: true,
    needs: [],
    inputs: { services, pods: network.subnet },
    probe: async (view) => {
      const own = await ownOf(view, network);
      const shared = declared.flatMap(([what, subnet]) =>
        own
          .filter(({ at }) => net.overlap(at, subnet))
          .map(({ how }) => `${what}, ${subnet}, shares addresses with ${how}`),
      );
      return { host: view.name, shared };
    },
    plan: ({ host, shared }) =>
      shared.length === 0
        ? []
        : fail({
            kind: 'check-failed',
            host,
            what: 'the networks of the cluster are free',
            reasons: [...shared, 'declare others: kubeadm.serviceSubnet, cni.subnet'],
          }),
  });
}

async function ownOf(view: View, { bridge, subnet, overlay }: PodNetwork): Promise<readonly Own[]> {
  const [addresses, routes, carried, earlier] = await Promise.all([
    // Without that program routes tell all but addresses that stand alone.
    addressesShown(view),
    view.text('/proc/net/route'),
    overlay ? view.stat(overlay === 'flannel' ? FLANNEL : SCRIPT) : undefined,
    before(view),
  ]);
  // Whether the bridge may become another is told by whoever makes it.
  const ours = [bridge, earlier?.bridge, ...CLUSTER];
  const toNodes = ({ at, how }: Own) => carried && how.includes(' via ') && net.overlap(at, subnet);
  return [
    ...lines(addresses).flatMap(addressOf),
    ...lines(routes)
      .flatMap(routeOf)
      .filter((route) => !toNodes(route)),
  ].filter(({ dev }) => !ours.includes(dev));
}

function lines(text: string | undefined): readonly string[] {
  return text?.split('\n') ?? [];
}

/** `2: eth0    inet 192.0.2.5/24 brd …` */
function addressOf(line: string): readonly Own[] {
  const [, dev = '', at = ''] = /^\d+:\s+(\S+?)(?:@\S+)?\s+inet ([\d.]+)/.exec(line) ?? [];
  return at === '' ? [] : [{ at, dev, how: `the host's address ${at} on ${dev}` }];
}

/** Two halves of all addresses stand for a default route with those who want to keep the other one. */
const WIDEST = 2;

/** Link, network, gateway, flags, three counts, mask: net/ipv4/fib_trie.c, fib_route_seq_show. What leads everywhere says nothing. */
function routeOf(line: string): readonly Own[] {
  const [dev = '', network = '', gateway = '', , , , , mask = ''] = line.split(/\s+/);
  if (!/^[0-9A-F]{8}$/.test(mask)) return [];
  const prefix = [...Number.parseInt(mask, 16).toString(2)].filter((bit) => bit === '1').length;
  const at = `${dotted(network)}/${prefix}`;
  const via = gateway === '00000000' ? '' : ` via ${dotted(gateway)}`;
  // Where packets are dropped no link is named.
  const on = dev === '*' ? '' : ` on ${dev}`;
  return prefix < WIDEST ? [] : [{ at, dev, how: `the host's route to ${at}${via}${on}` }];
}

/** As the processors that cc knows keep it: the last part first. */
function dotted(hex: string): string {
  const parts = hex.match(/../g) ?? [];
  return parts
    .map((part) => Number.parseInt(part, 16))
    .toReversed()
    .join('.');
}
