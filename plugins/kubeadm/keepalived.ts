/** A virtual address for the API: keepalived on each control plane sees to it that one of them has it, whose API answers. */
import {
  awaited,
  type Composition,
  cmd,
  composed,
  type Host,
  net,
  packages,
  running,
  type Step,
  type View,
} from '../../core/mod.ts';
import { since } from '../kubernetes/versions.ts';
import { API_PORT, ownAddress } from './endpoint.ts';
import { addressesShown, ownAddresses, PLANE, PLANES } from './nodes.ts';

const UNIT = 'keepalived.service';
export const CONFIG = '/etc/keepalived/keepalived.conf';

/** A control plane, and the address by which the others speak to it. */
interface Peer {
  readonly name: string;
  readonly address: string;
}

export interface Virtual {
  readonly address: string;
  /** All control planes. The first one has it as long as no API answers anywhere. */
  readonly peers: readonly Peer[];
  /** Of Kubernetes. */
  readonly version: string;
}

type Plane = Pick<Host, 'name' | 'address' | 'connection'>;

/** What a recipe says of it, or why it cannot be had. */
export function virtualOf(
  address: string,
  planes: readonly Plane[],
  version: string,
): Virtual | { fault: string } {
  const peers: Peer[] = [];
  for (const plane of planes) {
    const own = ownAddress(plane);
    if (own === undefined)
      return {
        fault: `needs the address by which the other control planes reach ${plane.name}: { name: '${plane.name}', address: '192.0.2.11', … }`,
      };
    peers.push({ name: plane.name, address: own });
  }
  return { address, peers, version };
}

export function keepalived(virtual: Virtual): readonly Step[] {
  const { address, peers } = virtual;
  const inputs = { address, peers: peers.map((peer) => ({ ...peer })), path: pathOf(virtual) };
  const unit = running(UNIT, {
    name: 'keepalived',
    where: PLANES,
    needs: ['kubeadm/keepalived-config'],
    restartOn: [CONFIG],
  });
  return [
    packages(['keepalived', 'curl'], { name: 'keepalived-tools', where: PLANES, needs: [] }),
    composed(
      { inputs, compose: (view) => configOn(view, virtual) },
      { name: 'keepalived-config', path: CONFIG, where: PLANES, needs: ['kubeadm/keepalived-tools'] },
    ),
    // One that stops hands the address over at once, if there is another.
    { ...unit, oneByOne: PLANE.firstOf },
    awaited({
      name: 'shared-address',
      where: PLANE,
      needs: ['kubeadm/keepalived'],
      what: `a control plane has the address ${address}`,
      within: 30,
      look: async (view) => {
        if ((await ownAddresses(view)).includes(address)) return undefined;
        const answer = await view.ask(cmd`${asking(address, virtual)}`);
        return answer === undefined
          ? `neither this host has ${address}, nor does an API answer there`
          : undefined;
      },
    }),
  ];
}

/** Nobody need be let in to ask this. */
function pathOf({ version }: Virtual): string {
  return since('readyz', version) ? '/readyz' : '/healthz';
}

/**
 * Seconds between two questions and for an answer, and how often in a row there may be none: on a host that is busy an API is slow, and
 * while etcd has no leader none has an answer. The address of a host that is gone moves without any check.
 */
const [EVERY, PATIENCE, FALL] = [2, 8, 4];

function asking(host: string, virtual: Virtual): readonly string[] {
  const quiet = ['-q', '--silent', '--fail', '--insecure', '--noproxy', '*', '--output', '/dev/null'];
  return [
    '/usr/bin/curl',
    ...quiet,
    '--max-time',
    `${PATIENCE}`,
    `https://${host}:${API_PORT}${pathOf(virtual)}`,
  ];
}

async function configOn(view: View, virtual: Virtual): Promise<Composition> {
  const own = virtual.peers.find(({ name }) => name === view.name)?.address ?? '';
  const text = await addressesShown(view);
  if (text === undefined) return { lacks: ['nothing tells its addresses: apt-get install iproute2'] };
  const found = text.split('\n').map((line) => /^\d+: ([^\s@]+)\S*\s+inet ([\d.]+)\/(\d+)/.exec(line) ?? []);
  const [, link = '', , prefix = ''] = found.find(([, , address]) => address === own) ?? [];
  if (link === '')
    return {
      lacks: [
        `none of its addresses is ${own}, by which the recipe knows it`,
        `say in the recipe by which address the other control planes reach it: { name: '${view.name}', address: … }`,
      ],
    };
  const network = `${net.addressAt(`${own}/${prefix}`, 0)}/${prefix}`;
  if (!net.overlap(virtual.address, network))
    return {
      lacks: [
        `${virtual.address} is not in the network of ${link}, ${network}, so that others would look for it elsewhere`,
      ],
    };
  return { text: keepalivedConfig(virtual, { own, link }) };
}

/** What is added to the priority of a host whose API answers: more than there are control planes. */
const READY = 100;
const FIRST = 100;

/**
 * Unicast, because networks may carry no multicast. A check that fails lowers a host and does not rule it out, so that the
 * first host has the address before there is any API. Of hosts whose API answers, the first one has it.
 */
export function keepalivedConfig(virtual: Virtual, { own, link }: { own: string; link: string }): string {
  const { address, peers } = virtual;
  const index = peers.findIndex((peer) => peer.address === own);
  const others = peers
    .filter((peer) => peer.address !== own)
    .map((peer) => `    ${peer.address}\n`)
    .join('');
  // The last part of the address: routers of other addresses on the link are told apart by it.
  const id = (Number(address.split('.').at(-1)) % 255) + 1;
  return `# Made by cc: the address of the cluster's API.
global_defs {
  enable_script_security
  script_user nobody nogroup
}
vrrp_script api {
  script "${asking('127.0.0.1', virtual).join(' ')}"
  interval ${EVERY}
  timeout ${PATIENCE + 1}
  fall ${FALL}
  rise 2
  weight ${READY}
  init_fail
}
vrrp_instance api {
  state BACKUP
  interface ${link}
  virtual_router_id ${id}
  priority ${FIRST - index}
  advert_int 1
  unicast_src_ip ${own}
${others === '' ? '' : `  check_unicast_src\n  unicast_peer {\n${others}  }\n`}  virtual_ipaddress {
    ${address}/32 dev ${link}
  }
  track_script {
    api
  }
}
`;
}
