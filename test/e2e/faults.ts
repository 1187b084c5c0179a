/**
 * Faults that strike a cluster of the lab in the middle of a run, and the proof that one more run ends well and nothing was lost.
 * They strike when the run says that it is at a point, never after a time.
 */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { performance } from 'node:perf_hooks';
import process from 'node:process';
import { type TestContext, test } from 'node:test';
import type { Event } from '../../core/model/event.ts';
import { keysOf, keysWritten } from './keys.ts';
import { cutOff, uncut } from './links.ts';
import { killMachine } from './machine.ts';
import { isReady, nodesOf } from './nodes.ts';
import { good, statesIn, told } from './ran.ts';
import { type Machine, type Machines, makeSite, type Ran, type Site } from './site.ts';

export interface Cluster {
  readonly site: Site;
  /** A machine of the site that is a worker. */
  readonly worker: string;
}

/** A site of a control plane and a worker, each with routes to the other's pods. */
export function siteToStrike(machine: Machine, others: Machines): Site {
  return makeSite({ base: 'lab', machine, others, options: { cni: { network: 'routes' } } });
}

export type Verb = 'join' | 'turn' | 'removal';
export type Fault = 'runner killed' | 'machine killed' | 'link cut';

export interface Case {
  readonly verb: Verb;
  readonly fault: Fault;
  readonly point: string;
}

/** A point of a run: a task of the worker begins to change something, or starts a command. */
interface Point {
  readonly task: string;
  readonly command?: RegExp;
}

interface Deed {
  /** What is run, once before the fault and once after it. */
  readonly words: (worker: string) => readonly string[];
  /** Makes sure that there is something to do. */
  readonly prepare: (cluster: Cluster) => Promise<void>;
  readonly points: Readonly<Record<string, Point>>;
  /** Whether the worker is a node in the end. */
  readonly stays: boolean;
}

const DEEDS: Readonly<Record<Verb, Deed>> = {
  join: {
    words: () => ['run', 'all'],
    prepare: async ({ site, worker }) => {
      if (nodesOf(site).some(({ metadata }) => metadata.name === worker))
        good(await site.cc(['run', 'cleanup', '--limit', worker]));
    },
    points: {
      'the runtime is placed': { task: 'containerd/running' },
      'a token is made': { task: 'kubeadm/join', command: /apply -f -/ },
      'kubeadm joins': { task: 'kubeadm/join', command: /kubeadm join/ },
      'its node is registered': { task: 'kubeadm/join', command: /delete secret/ },
      'the node is marked': { task: 'kubeadm/node', command: /annotate/ },
    },
    stays: true,
  },
  turn: {
    words: () => ['run', 'all'],
    prepare: async ({ site, worker }) => {
      if (!nodesOf(site).some(({ metadata }) => metadata.name === worker))
        good(await site.cc(['run', 'all']));
      moreFlags(site);
    },
    points: {
      'the node is cordoned': { task: 'kubeadm/worker-drain', command: /cordon/ },
      'its pods move': { task: 'kubeadm/worker-drain', command: /drain/ },
      'its kubelet is configured': { task: 'kubeadm/drop-in' },
      'its kubelet restarts': { task: 'kubeadm/worker-kubelet', command: /restart/ },
      'it takes pods again': { task: 'kubeadm/worker-uncordon' },
    },
    stays: true,
  },
  removal: {
    words: (worker) => ['run', 'cleanup', '--limit', worker],
    prepare: async ({ site, worker }) => {
      if (!nodesOf(site).some(({ metadata }) => metadata.name === worker))
        good(await site.cc(['run', 'all']));
    },
    points: {
      'its pods move': { task: 'kubeadm/node', command: /drain/ },
      'its node is deleted': { task: 'kubeadm/node', command: /delete node/ },
      'its kubelet stops': { task: 'kubeadm/worker-kubelet' },
      'what the cluster left goes': { task: 'kubeadm/join', command: /clears what the cluster left/ },
      'its runtime stops': { task: 'containerd/running' },
    },
    stays: false,
  },
};

export const FAULTS: readonly Fault[] = ['runner killed', 'machine killed', 'link cut'];

let flags = 100;

/** Another flag for kubelet of the workers, each time: it starts anew in a turn. */
function moreFlags(site: Site): void {
  flags += 1;
  const roleOptions = { worker: { kubeadm: { kubelet: { 'max-pods': flags } } } };
  site.configure({ more: { roleOptions } });
}

/** All of them; the verbs follow each other, so that each leaves what the next one begins with. */
export const MATRIX: readonly Case[] = [0, 1, 2, 3, 4].flatMap((at) =>
  FAULTS.flatMap((fault) =>
    (['join', 'turn', 'removal'] as const).map((verb) => {
      return { verb, fault, point: Object.keys(DEEDS[verb].points)[at]! }; // each verb has five
    }),
  ),
);

/** One fault for each verb; CC_FAULT_SEED says which. Without it they are the same each time, so that who changed nothing sees no other. */
export function seeded(): readonly Case[] {
  const seed = process.env['CC_FAULT_SEED'] ?? '393';
  process.stdout.write(`# CC_FAULT_SEED=${seed}\n`);
  return (['join', 'turn', 'removal'] as const).map((verb, nth) => {
    const all = MATRIX.filter((each) => each.verb === verb);
    const digest = createHash('sha256').update(`${seed} ${nth}`).digest();
    return all[digest.readUInt32BE() % all.length]!; // a verb has cases
  });
}

/** Registers a test for each case, on a cluster that is there when they begin. */
export function faultTests(cases: readonly Case[], on: () => Cluster): void {
  let digest = '';
  test('a thousand keys are written before anything fails', () => {
    digest = written(on().site);
  });
  for (const each of cases)
    test(`${each.verb}: ${each.fault} when ${each.point}; one run mends it`, async (t) => {
      await endured(t, each, on());
      assert.equal(keysOf(on().site, KEYS), digest);
    });
}

async function endured(t: TestContext, { verb, fault, point }: Case, cluster: Cluster): Promise<void> {
  const { site, worker } = cluster;
  const { words, prepare, points, stays } = DEEDS[verb];
  await prepare(cluster);
  const strikes = STRIKES[fault];
  t.after(uncut);
  let struck = false;
  let broken: unknown;
  const [first, ended] = await timed(() =>
    site.watch(words(worker), (event, stop) => {
      if (struck || !isAt(points[point]!, worker, event)) return; // a case names a point that is there
      struck = true;
      try {
        strikes.strike(worker, () => stop('SIGKILL'));
      } catch (error) {
        broken = error;
        stop('SIGTERM');
      }
    }),
  );
  if (broken !== undefined) throw broken;
  await strikes.mend(cluster, verb);
  assert.ok(struck, `the run never came to the point:\n${first.stdout}${first.stderr}`);
  assert.equal(first.code, fault === 'runner killed' ? null : 1, told(first));
  isPlain(first);
  const [second, mended] = await timed(() => site.cc([...words(worker), '--json']));
  isPlain(good(second));
  isWhole(cluster, stays);
  assert.deepEqual(statesIn(good(await site.cc([...words(worker), '--json']))), ['verified']);
  t.diagnostic(`| ${verb} | ${point} | ${fault} | ${ended} s | ${mended} s |`);
}

interface Strike {
  /** `kill` ends the runner, which has no time for anything. */
  strike(worker: string, kill: () => void): void;
  /** What a person does before the next run. */
  mend(cluster: Cluster, verb: Verb): Promise<void>;
}

const STRIKES: Readonly<Record<Fault, Strike>> = {
  'runner killed': { strike: (_, kill) => kill(), mend: async () => {} },
  'machine killed': {
    strike: (name) => killMachine({ name }),
    // A run starts the machines that it makes; what is taken back somebody else must switch on.
    mend: async ({ site, worker }, verb) => {
      if (verb === 'removal') good(await site.cc(['run', `machine/boot-${worker}`]));
    },
  },
  'link cut': { strike: cutOff, mend: async () => uncut() },
};

function isAt({ task, command }: Point, worker: string, event: Event): boolean {
  if (!('id' in event) || event.id !== `${worker}/${task}`) return false;
  if (command) return event.kind === 'command' && command.test(event.command);
  return event.kind === 'task' && event.state === 'performing';
}

/** No bug, and nothing that only a maker of cc could read. */
function isPlain(ran: Ran): void {
  assert.doesNotMatch(ran.stdout + ran.stderr, /"kind":"bug"|^\s+at .*:\d+:\d+/m);
}

/** The worker is a node, or was never one; nobody is cordoned, and no turn is open. */
function isWhole({ site, worker }: Cluster, stays: boolean): void {
  const nodes = nodesOf(site);
  assert.equal(
    nodes.some(({ metadata }) => metadata.name === worker),
    stays,
  );
  for (const node of nodes) {
    const { metadata, spec } = node;
    const { name, annotations = {} } = metadata;
    assert.ok(isReady(node), `${name} is ready`);
    assert.equal(spec.unschedulable, undefined, `${name} takes pods`);
    assert.equal(annotations['cc/cordoned'], undefined, `${name} is not marked as cordoned`);
  }
  assert.equal(existsSync(onMachine(worker, 'etc/cc/kubernetes-turn')), false);
  if (stays) site.kubectl(`-n ${KEYS} rollout status deployment moving --timeout=120s`);
  else
    for (const left of ['etc/kubernetes', 'var/lib/kubelet', 'var/lib/cc'])
      assert.equal(existsSync(onMachine(worker, left)), false, `${left} is gone`);
}

/** A file of a machine, which its controller sees. */
function onMachine(name: string, path: string): string {
  return `/var/lib/cc/machines/${name}/root/${path}`;
}

const KEYS = 'cc-faults';

/** Writes the keys, beside pods that have to move. */
function written(site: Site): string {
  site.kubectl(`create namespace ${KEYS}`);
  site.kubectl(`-n ${KEYS} create deployment moving --image=registry.lab/nginx:bookworm --replicas=2`);
  return keysWritten(site, KEYS);
}

async function timed(work: () => Promise<Ran>): Promise<readonly [Ran, number]> {
  const start = performance.now();
  const ran = await work();
  return [ran, Math.round((performance.now() - start) / 1000)];
}
