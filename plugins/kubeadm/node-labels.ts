/** Labels and taints of nodes, as their hosts declare them; what others have set stays. */
import { type Change, cmd, type Host, step, type View } from '../../core/mod.ts';
import { type Access, cannotTell, telling } from '../kubectl/api.ts';
import { markOn, type Node, nodeName, nodes, PLANE } from './nodes.ts';

/** `zone=a` of labels, `gpu=yes:NoSchedule` of taints. */
type Texts = readonly string[];

const KINDS = ['label', 'taint'] as const;
type Kind = (typeof KINDS)[number];

type Marks = { readonly [K in Kind]: Texts };

/** On the node itself: what of its labels and taints cc has set, so that it can go. */
const NOTE: { readonly [K in Kind]: string } = { label: 'cc/labels', taint: 'cc/taints' };

/** One node beside what its host declares. */
type Marked = { name: string; declared: Marks; found: Marks; noted: Marks };

type LabelFacts = { nodes: readonly Marked[]; none?: true };

export function labels(access: Access, hosts: readonly Host[]) {
  const declared = hosts.map((host) => ({ host: host.name, marks: declaredBy(host) }));
  return step<LabelFacts>({
    name: 'labels',
    where: PLANE,
    needs: ['kubeadm/api'],
    spares: ['kubeadm/registered'],
    inputs: { hosts: Object.fromEntries(declared.map(({ host, marks }) => [host, marks])) },
    probe: async (view) => {
      const answer = await nodes(view, access);
      if (answer.kind === 'silent') return cannotTell(view.name, answer.why);
      if (answer.kind === 'none') {
        const all = declared.filter(({ marks }) => !isBare(marks));
        return {
          nodes: all.map(({ host, marks }) => ({ ...markedIn([], host), declared: marks })),
          none: true,
        };
      }
      const { items } = answer;
      // No host need be asked for its name where none declares any, and cc has set none.
      if (declared.every(({ marks }) => isBare(marks)) && items.every(isUnnoted)) return { nodes: [] };
      return {
        nodes: (
          await Promise.all(declared.map(({ host, marks }) => marked(view, items, host, marks)))
        ).flat(),
      };
    },
    plan: ({ nodes, none }) => nodes.flatMap((node) => changesOf(access, node, none === true)),
  });
}

/** Nothing is known of the node of a host that cannot be reached and that no node names. */
async function marked(
  view: View,
  items: readonly Node[],
  host: string,
  declared: Marks,
): Promise<readonly Marked[]> {
  const known = items.find((node) => markOn(node) === host)?.metadata.name;
  const name = known ?? (await view.on(host).then(nodeName, () => undefined));
  return name === undefined ? [] : [{ ...markedIn(items, name), declared }];
}

function markedIn(items: readonly Node[], name: string): Omit<Marked, 'declared'> {
  const node = items.find(({ metadata }) => metadata.name === name);
  const { labels = {}, annotations = {} } = node?.metadata ?? {};
  const noted = (kind: Kind) => (annotations[NOTE[kind]] ?? '').split(',').filter(Boolean);
  return {
    name,
    found: { label: pairs(labels), taint: (node?.spec.taints ?? []).map(taintText) },
    noted: { label: noted('label'), taint: noted('taint') },
  };
}

function declaredBy({ labels = {}, taints = [] }: Host): Marks {
  return {
    label: pairs(labels),
    taint: taints.map((text) => (text.includes('=') ? text : text.replace(':', '=:'))),
  };
}

function pairs(labels: Readonly<Record<string, string>>): Texts {
  return Object.entries(labels).map(([key, value]) => `${key}=${value}`);
}

function taintText({
  key,
  value = '',
  effect = '',
}: {
  key: string;
  value?: string;
  effect?: string;
}): string {
  return `${key}=${value}:${effect}`;
}

function isBare({ label, taint }: Marks): boolean {
  return label.length + taint.length === 0;
}

function isUnnoted({ metadata: { annotations = {} } }: Node): boolean {
  return KINDS.every((kind) => annotations[NOTE[kind]] === undefined);
}

/** The key by which the cluster knows one; of a taint its effect is part of it. */
function keyOf(text: string): string {
  return text.replace(/=[^:]*/, '');
}

/** It is noted before it is set: what a run that was cut off has set can go, too. */
function changesOf(access: Access, node: Marked, none: boolean): readonly Change[] {
  const run = (words: Texts, why: string): Change => {
    const title = none ? { title: `kubectl ${words.join(' ')}, once there is such a node` } : {};
    return telling(access, { ...cmd`${words}`, ...title }, why);
  };
  const own = KINDS.map((kind) => ({ kind, ...ownOf(node, kind) }));
  const noting = (when: 'before' | 'after', why: string) => {
    const words = own.flatMap(({ kind, noted, before, after }) => {
      const [from, to] = when === 'before' ? [noted, before] : [before, after];
      if (from.join() === to.join()) return [];
      return to.length === 0 ? `${NOTE[kind]}-` : `${NOTE[kind]}=${to.join(',')}`;
    });
    return words.length === 0 ? [] : [run(['annotate', 'node', node.name, '--overwrite', ...words], why)];
  };
  const setting = own.flatMap(({ kind, set, gone }) => {
    const words = [...set, ...gone.map((text) => `${keyOf(text)}-`)];
    const why = [
      ...set.map((text) => `${text} is declared`),
      ...gone.map((text) => `${text} is declared no more`),
    ];
    return words.length === 0
      ? []
      : [run([kind, 'node', node.name, '--overwrite', ...words], why.join(', '))];
  });
  return [
    ...noting('before', 'what cc sets is noted before'),
    ...setting,
    ...noting('after', 'cc has set no more than this'),
  ];
}

/** What is to be set, what is to go, and what is noted as set by cc until then and after it. */
function ownOf(node: Marked, kind: Kind) {
  const [declared, found, noted] = [node.declared[kind], node.found[kind], node.noted[kind]];
  const set = declared.filter((text) => !found.includes(text));
  const after = declared.filter((text) => noted.includes(text) || set.includes(text));
  const keys = declared.map(keyOf);
  // What somebody else has given another value since is theirs.
  const gone = noted.filter((text) => found.includes(text) && !keys.includes(keyOf(text)));
  const before = [...noted, ...after.filter((text) => !noted.includes(text))];
  return { set, gone, noted, before, after: before.filter((text) => after.includes(text)) };
}
