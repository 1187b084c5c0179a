/** Pods' network over several nodes by routes alone: each node has its part of the subnet, and a route to that of each other one. */
import {
  awaited,
  type Change,
  type Composition,
  cmd,
  composed,
  running,
  step,
  type View,
  written,
} from '../../core/mod.ts';
import { ALL_NODES, JOINING, NODE_KUBECONFIG, nodeName, nodeOf, nodesIn, PLANE } from '../kubeadm/nodes.ts';
import { askedOf, unspoken } from '../kubeadm/speaker.ts';
import { unanswered } from '../kubectl/api.ts';
import { CONFIG } from './config.ts';
import { waysTo } from './link.ts';

export const SCRIPT = '/etc/cc/pod-routes';
const UNIT = 'cc-pod-routes.service';
const UNIT_FILE = `/etc/systemd/system/${UNIT}`;
/** By which routes of cc's are told from others: /etc/iproute2/rt_protos leaves it to whoever wants it. */
const PROTOCOL = '204';

interface Routed {
  readonly kubectl: string;
  readonly kubeconfig: string;
  /** The hosts of the control plane. */
  readonly planes: readonly string[];
  /** Of all pods. */
  readonly subnet: string;
  /** The file of a node that has this part of it. */
  readonly config: (part: string) => string;
}

/** The steps that wait for nodes; what they need before goes ahead of the cluster. */
export function routes(routed: Routed) {
  const inputs = { subnet: routed.subnet };
  const part = { inputs, compose: (view: View) => ownPart(view, routed) };
  const given = {
    what: "the cluster has given its node a part of pods' network",
    within: 120,
    look: async (view: View) => {
      const found = await ownPart(view, routed);
      return 'lacks' in found ? found.lacks.join('; ') : undefined;
    },
  };
  return [
    awaited({ ...given, name: 'part', where: JOINING, needs: ['kubeadm/registered'] }),
    awaited({ ...given, name: 'plane-part', where: PLANE, needs: ['kubeadm/api'] }),
    composed(part, { name: 'network', path: CONFIG, where: JOINING, needs: ['cni/part', 'cni/folder'] }),
    composed(part, {
      name: 'plane-network',
      path: CONFIG,
      where: PLANE,
      needs: ['cni/plane-part', 'cni/folder'],
    }),
    composed(
      { inputs, compose: (view) => script(view, routed) },
      { name: 'routes', path: SCRIPT, needs: [], spares: ['cni/part', 'cni/plane-part'] },
    ),
    written(UNIT_TEXT, { name: 'routes-unit', path: UNIT_FILE, needs: [] }),
    running(UNIT, {
      name: 'routing',
      needs: ['cni/routes', 'cni/routes-unit'],
      restartOn: [SCRIPT, UNIT_FILE],
      renew: renewal,
    }),
    standing(),
  ];
}

const UNIT_TEXT = `[Unit]
Description=Routes to the pods of other nodes
Wants=network-online.target
After=network-online.target

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/bin/sh ${SCRIPT} up
ExecStop=/bin/sh ${SCRIPT} down

[Install]
WantedBy=multi-user.target
`;

/** Pods talk by routes meanwhile, so what is as before stays: a restart of the unit would take all of them away for a while. */
function renewal(why: string): Change {
  const command = cmd`sh -c ${`systemctl daemon-reload && exec sh ${SCRIPT} up`}`;
  return { kind: 'run', command: { ...command, title: `sh ${SCRIPT} up` }, why };
}

/** What of the subnet the cluster has given to this node. */
async function ownPart(view: View, { kubectl, config }: Routed): Promise<Composition> {
  const name = await nodeName(view);
  const answer = await nodeOf(view, { kubectl, kubeconfig: NODE_KUBECONFIG }, name);
  if (answer.kind !== 'answered') return { lacks: [unanswered(answer)] };
  if (answer.node === undefined) return { lacks: [`the cluster has no node ${name} yet`] };
  const { podCIDR } = answer.node.spec;
  return podCIDR === undefined
    ? { lacks: [`the cluster has given no part of pods' network to ${name}`] }
    : { text: config(podCIDR) };
}

/** Routes to the parts of all other nodes, each of which must be reached without a router between. */
async function script(view: View, { kubectl, kubeconfig, subnet, planes }: Routed): Promise<Composition> {
  const answer = await askedOf(view, planes, { kubectl, kubeconfig }, ALL_NODES);
  if (answer.kind !== 'answered') return { lacks: [unspoken(answer)] };
  const own = await nodeName(view);
  const others = nodesIn(answer.text)
    .filter(({ metadata }) => metadata.name !== own)
    .flatMap(({ metadata: { name }, spec: { podCIDR: part }, status: { addresses } }) => {
      const address = addresses?.find(({ type }) => type === 'InternalIP')?.address;
      // It follows once the cluster has told.
      return part === undefined || address === undefined ? [] : [{ name, part, address }];
    })
    .toSorted((a, b) => (a.name < b.name ? -1 : 1));
  const ways = await waysTo(
    view,
    others.map(({ address }) => address),
  );
  const lines: string[] = [];
  const lacks: string[] = [];
  for (const { name, part, address } of others) {
    const { router } = ways.get(address) ?? { router: 'nobody' };
    if (router === undefined) lines.push(`route ${part} ${address}`);
    else
      lacks.push(
        `${name} (${address}) is not on a link of this host but behind ${router}, so routes to its pods lead nowhere: take cni.network: 'flannel'`,
      );
  }
  return lacks.length > 0 ? { lacks } : { text: scriptOf(subnet, lines) };
}

/**
 * A script that has these routes and no others of cc's; what pods send elsewhere goes by the address of their node. What is there
 * already stays all the time: pods may be talking.
 */
export function scriptOf(subnet: string, lines: readonly string[]): string {
  return `#!/bin/sh
# Made by cc: the pods of other nodes, and the nodes that have them.
rule="POSTROUTING -s ${subnet} ! -d ${subnet} -m comment --comment cc-pod-routes -j MASQUERADE"
wanted=' '
route() {
  ip -4 route replace "$1" via "$2" proto ${PROTOCOL}
  wanted="$wanted$1 "
}
if [ "$1" != up ]; then
  ip -4 route flush proto ${PROTOCOL}
  iptables -w -t nat -D $rule 2>/dev/null
  exit 0
fi
set -e
${lines.map((line) => `${line}\n`).join('')}ip -4 route show proto ${PROTOCOL} | while read -r part _; do
  case $wanted in *" $part "*) ;; *) ip -4 route delete "$part" proto ${PROTOCOL} ;; esac
done
iptables -w -t nat -C $rule 2>/dev/null || iptables -w -t nat -A $rule
`;
}

/** That the kernel has the routes which the script makes: somebody may have taken one away. */
function standing() {
  return step<{ wanted: readonly string[]; found: readonly string[] }>({
    name: 'routed',
    needs: ['cni/routing'],
    probe: async (view) => {
      const text = (await view.text(SCRIPT)) ?? '';
      const wanted = [...text.matchAll(/^route (\S+) (\S+)$/gm)].map(([, part, via]) => `${part} via ${via}`);
      const shown = (await view.ask(cmd`ip -4 route show proto ${PROTOCOL}`)) ?? '';
      const found = [...shown.matchAll(/^(\S+ via \S+)/gm)].map(([, route]) => route!); // the pattern has one group
      return { wanted: wanted.toSorted(), found: found.toSorted() };
    },
    plan: ({ wanted, found }) => {
      const lost = wanted.filter((route) => !found.includes(route));
      const more = found.filter((route) => !wanted.includes(route));
      if (lost.length + more.length === 0) return [];
      const why = [
        ...lost.map((route) => `there is no route ${route}`),
        ...more.map((route) => `there is a route ${route}`),
      ].join(', ');
      return [renewal(why)];
    },
  });
}
