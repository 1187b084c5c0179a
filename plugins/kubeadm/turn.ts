/** The turn of a node: its pods go elsewhere before its kubelet or runtime is restarted, and come back once it is proven ready. */
import {
  type Change,
  cmd,
  fail,
  type Shell,
  step,
  type Turn,
  type UnitName,
  type View,
} from '../../core/mod.ts';
import { type Access, cannotTell } from '../kubectl/api.ts';
import { drained, uncordoned } from '../kubectl/drain.ts';
import { acting, STARTING } from './acting.ts';
import {
  isPlane,
  NODE_KUBECONFIG,
  type Node,
  nodeIn,
  nodeName,
  nodeNamed,
  nodesIn,
  PLANE,
  unready,
} from './nodes.ts';
import { PROXIES_WITHIN, proxiesBehind } from './proxies.ts';
import { askedOf, speakerOf, unspoken } from './speaker.ts';

/** What a node is given before it is disturbed. */
export interface Turning {
  readonly access: Access;
  readonly version: string;
  /** The unit of the container runtime. */
  readonly runtime: UnitName;
  /** The hosts of the control plane. */
  readonly planes: readonly string[];
  /** How long pods may take to go elsewhere, in seconds; 0 drains nobody. With `force` pods end that nobody makes again. */
  readonly drain: { readonly within: number; readonly force: boolean };
  /** Workers at once. */
  readonly maxUnavailable: number;
}

/** Seconds for an API that falls silent meanwhile, each time it is told something. */
const TOLD = 300;

/** Says on the host that it is in its turn, and whether it is drained: a run that was cut off goes on there. */
const NOTE = '/etc/cc/kubernetes-turn';

const CONTROL = 'control planes';
const TURNS = {
  plane: () => ({ kind: 'opens', of: CONTROL, places: 1 }),
  worker: (places: number) => ({ kind: 'opens', of: 'workers', places, after: [CONTROL] }),
} as const satisfies Record<string, (places: number) => Turn>;

type Facts = {
  /** Whether it is a node of a cluster. */
  joined: boolean;
  stage: 'draining' | 'drained' | null;
};

async function look(view: View): Promise<Facts> {
  const [conf, text] = await Promise.all([view.stat(NODE_KUBECONFIG), view.text(NOTE)]);
  const stage = text === undefined ? null : text.trim() === 'drained' ? 'drained' : 'draining';
  return { joined: conf !== undefined, stage };
}

function noted(stage: 'draining' | 'drained', why: string): Change {
  return { kind: 'write', path: NOTE, text: `${stage}\n`, mode: 0o644, why };
}

/** Opens the turn: nothing on a host that is no node yet, or on which nothing would restart kubelet or runtime. */
export function draining(turning: Turning, of: 'planes' | 'workers') {
  return step<Facts>({
    ...(of === 'planes'
      ? { name: 'drain', where: { role: PLANE.firstOf }, turn: TURNS.plane() }
      : {
          ...{ name: 'worker-drain', where: { role: 'worker', optional: true } as const },
          turn: TURNS.worker(turning.maxUnavailable),
        }),
    needs: [],
    claims: [NOTE],
    // A drain whose API falls silent is told again, with all its time.
    timeout: 2 * turning.drain.within + 120 + PROXIES_WITHIN + STARTING + TOLD,
    probe: look,
    plan: ({ joined, stage }, { pending = [] }) => {
      if (!joined || stage === 'drained' || pending.length === 0) return [];
      const why = pending.map(({ task, why }) => `${task} would disturb it: ${why}`).join('; ');
      return [
        noted('draining', why),
        {
          kind: 'script',
          title: 'have its pods go elsewhere',
          why,
          script: (shell) => emptied(shell, turning),
        },
        noted('drained', why),
      ];
    },
    isInside: ({ stage }) => stage !== null,
    undo: ({ stage }) => (stage === null ? [] : [{ kind: 'remove', path: NOTE, why: 'its turn is over' }]),
  });
}

/** Refuses where the cluster could not bear it, before anything is changed. */
async function emptied(shell: Shell, turning: Turning): Promise<undefined> {
  const { access, planes, drain, version } = turning;
  const own = shell.view.name;
  const isAlone = planes.every((name) => name === own);
  const answer = await (isAlone ? speakerOf : waitedFor)(shell, planes, access);
  if (answer.kind !== 'answered') {
    if (answer.kind === 'none' || isAlone) {
      shell.log('its API does not answer, and it is the only control plane: nothing is drained\n');
      return undefined;
    }
    return refused(own, 'the cluster can spare it', [unspoken(answer)]);
  }
  const { by, text } = answer;
  const name = await nodeName(shell.view);
  const all = nodesIn(text);
  const others = all.filter(({ metadata }) => metadata.name !== name);
  if (planes.includes(own)) {
    const down = others.filter(isPlane).flatMap((node) => unready(node) ?? []);
    if (down.length > 0)
      return refused(own, 'the other control planes are ready, so that the API and etcd stay', down);
  } else {
    const behind = others.filter(isPlane).flatMap((node) => older(node, version));
    if (behind.length > 0) return refused(own, 'control planes are upgraded before workers', behind);
  }
  const free = others.filter((node) => node.spec.unschedulable !== true && unready(node) === undefined);
  if (free.length === 0 || drain.within === 0) {
    const why = drain.within === 0 ? 'drain.within is 0' : 'no other node could take them';
    shell.log(`its pods stay: ${why}\n`);
    return undefined;
  }
  const down = all.filter((node) => unready(node) !== undefined).length;
  await shell.until('kube-proxy runs on all nodes as it is declared', PROXIES_WITHIN, () =>
    proxiesBehind(by.view, access, down),
  );
  await acting(by, access, own);
  const how = await drained(by, access, name, { version, ...drain });
  if (how === 'silent') shell.log(`the kubelet of ${name} says nothing, and could end no pod: they stay\n`);
  return undefined;
}

/** An API that is silent may have been restarted just now, in the turn before this one. */
async function waitedFor(...asking: Parameters<typeof speakerOf>): ReturnType<typeof speakerOf> {
  const [shell] = asking;
  let answer = await speakerOf(...asking);
  if (answer.kind === 'silent')
    await shell.until('the API of its cluster answers', 120, async () => {
      answer = await speakerOf(...asking);
      return answer.kind === 'silent' ? answer.why : undefined;
    });
  return answer;
}

function older({ metadata, status }: Node, version: string): readonly string[] {
  const is = status.nodeInfo?.kubeletVersion ?? '';
  return is === `v${version}` || is === ''
    ? []
    : [`${metadata.name} runs ${is}, and ${version} is declared: cc run ${metadata.name}`];
}

function refused(host: string, what: string, reasons: readonly string[]): never {
  return fail({ kind: 'check-failed', host, what, reasons });
}

/** Closes the turn: pods come back only to a node whose kubelet has told since it was started that it is ready. */
export function returning(
  turning: Turning,
  at: {
    readonly name: string;
    readonly where: typeof PLANE | { readonly butFirstOf: string };
    readonly needs: readonly string[];
  },
) {
  return step<Facts>({
    ...at,
    turn: { kind: 'closes' },
    timeout: 420,
    probe: look,
    plan: ({ stage }) => {
      if (stage === null) return [];
      const why = 'it was drained for its turn';
      const script = (shell: Shell) => returned(shell, turning);
      return [
        { kind: 'script', title: 'have it take pods again, once it is ready', why, script },
        { kind: 'remove', path: NOTE, why },
      ];
    },
  });
}

async function returned(shell: Shell, turning: Turning): Promise<undefined> {
  const { access, version, planes, runtime } = turning;
  await afterRuntime(shell, runtime);
  const name = await nodeName(shell.view);
  await shell.until(`the node ${name} is ready`, 300, async () => {
    const answer = await askedOf(shell.view, planes, access, nodeNamed(name));
    if (answer.kind !== 'answered') return unspoken(answer);
    const node = nodeIn(answer.text);
    if (node === undefined) return undefined; // then nobody has cordoned it
    return (await lately(shell.view, node)) ?? older(node, version)[0] ?? unready(node);
  });
  const answer = await speakerOf(shell, planes, access);
  if (answer.kind !== 'answered') return cannotTell(shell.view.name, unspoken(answer));
  await uncordoned(answer.by, access, name);
  return undefined;
}

/**
 * A kubelet that runs tells of itself every five minutes only, as long as it sees nothing new (`nodeStatusReportFrequency`). One
 * that was started does so at once: so it is started anew where its runtime was started after it.
 */
async function afterRuntime(shell: Shell, runtime: UnitName): Promise<void> {
  const since = async (unit: UnitName) => Number(await shell.view.read(cmd`sh -c ${SINCE} cc ${unit}`));
  const [kubelet, started] = await Promise.all([since(KUBELET), since(runtime)]);
  if (started > kubelet) await shell.run(cmd`systemctl restart ${KUBELET}`);
}

const KUBELET = 'kubelet.service';
const SINCE = 'systemctl show -p ActiveEnterTimestampMonotonic "$1" | cut -d= -f2';

/** Both times are of the clock of the host. */
const STARTED = 'date -u -d "$(systemctl show -p ActiveEnterTimestamp kubelet.service | cut -d= -f2)" +%s';

/** When kubelet was started last, in seconds of the clock of its host. */
export async function kubeletStarted(view: View): Promise<number> {
  return Number(await view.read(cmd`sh -c ${STARTED}`));
}

/** Why what the API has of a node may be of a kubelet that is gone; undefined where it is not. */
async function lately(view: View, node: Node): Promise<string | undefined> {
  const started = await kubeletStarted(view);
  const told = node.status.conditions?.find(({ type }) => type === 'Ready')?.lastHeartbeatTime ?? '';
  return Date.parse(told) / 1000 >= started
    ? undefined
    : 'its kubelet has not told of itself since it was started';
}
