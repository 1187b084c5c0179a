/** The pods of a node: which of them nobody would make again, and which budgets hold them where they are. */
import { cmd, type View } from '../../core/mod.ts';
import { type Access, asked, cannotTell } from './api.ts';

interface Meta {
  readonly name: string;
  readonly namespace?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly ownerReferences?: readonly { readonly kind: string; readonly controller?: boolean }[];
  readonly deletionTimestamp?: string;
}

export interface Pod {
  readonly metadata: Meta;
  readonly status?: { readonly phase?: string };
}

interface Requirement {
  readonly key: string;
  readonly operator: 'In' | 'NotIn' | 'Exists' | 'DoesNotExist';
  readonly values?: readonly string[];
}

export interface Budget {
  readonly apiVersion?: string;
  readonly metadata: Meta;
  readonly spec?: {
    readonly selector?: {
      readonly matchLabels?: Readonly<Record<string, string>>;
      readonly matchExpressions?: readonly Requirement[];
    };
  };
  readonly status?: {
    readonly disruptionsAllowed?: number;
    readonly currentHealthy?: number;
    readonly desiredHealthy?: number;
  };
}

/** The pods of a node that a drain moves: not those of its kubelet, nor those that every node has. */
export async function movable(view: View, access: Access, node: string): Promise<readonly Pod[]> {
  const words = cmd`get pods --all-namespaces --field-selector spec.nodeName=${node} -o json`;
  const pods = await itemsOf<Pod>(view, access, words.argv);
  return pods.filter(
    ({ metadata }) =>
      metadata.annotations?.['kubernetes.io/config.mirror'] === undefined &&
      ownerOf(metadata) !== 'DaemonSet',
  );
}

export async function budgets(view: View, access: Access): Promise<readonly Budget[]> {
  return itemsOf<Budget>(view, access, cmd`get poddisruptionbudgets --all-namespaces -o json`.argv);
}

async function itemsOf<Item>(view: View, access: Access, argv: ReturnType<typeof cmd>['argv']) {
  const answer = await asked(view, access, { argv });
  if (answer.kind === 'silent') return cannotTell(view.name, answer.why);
  if (answer.kind === 'none' || answer.text.trim() === '') return [];
  return (JSON.parse(answer.text) as { readonly items: readonly Item[] }).items;
}

/** Who makes it again. */
function ownerOf({ ownerReferences = [] }: Meta): string | undefined {
  return ownerReferences.find(({ controller }) => controller)?.kind;
}

/** A pod that runs and that nobody would make again. */
export function isAlone({ metadata, status }: Pod): boolean {
  return ownerOf(metadata) === undefined && !['Succeeded', 'Failed'].includes(status?.phase ?? '');
}

export function called({ metadata: { namespace, name } }: { readonly metadata: Meta }): string {
  return `${namespace}/${name}`;
}

/** Why a pod is still where it was. */
export function held(pod: Pod, all: readonly Budget[]): string {
  const holding = all.filter((budget) => covers(budget, pod) && !budget.status?.disruptionsAllowed);
  if (holding.length > 0)
    return holding.map((budget) => `the budget ${called(budget)} keeps it: ${counted(budget)}`).join(', ');
  return pod.metadata.deletionTimestamp === undefined ? 'it still runs' : 'it has been told to end';
}

function counted({ status }: Budget): string {
  return `${status?.currentHealthy ?? 0} healthy, and ${status?.desiredHealthy ?? 0} must be`;
}

/** An empty selector means all pods since policy/v1, and none before: kubernetes/kubernetes#99290. */
function covers({ apiVersion, metadata, spec }: Budget, pod: Pod): boolean {
  const { matchLabels = {}, matchExpressions = [] } = spec?.selector ?? {};
  const labels = pod.metadata.labels ?? {};
  const pairs = Object.entries(matchLabels);
  if (metadata.namespace !== pod.metadata.namespace || spec?.selector === undefined) return false;
  if (pairs.length + matchExpressions.length === 0) return apiVersion === 'policy/v1';
  return pairs.every(([key, value]) => labels[key] === value) && matchExpressions.every(meets(labels));
}

function meets(labels: Readonly<Record<string, string>>) {
  return ({ key, operator, values = [] }: Requirement): boolean => {
    const value = labels[key];
    if (operator === 'Exists') return value !== undefined;
    if (operator === 'DoesNotExist') return value === undefined;
    const listed = value !== undefined && values.includes(value);
    return operator === 'In' ? listed : !listed;
  };
}
