/** A host that is gone for good: its node and its member of etcd go by a control plane that stays, if etcd can bear it. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Command, shown } from '../../core/model/command.ts';
import { Failed } from '../../core/model/failure.ts';
import type { Shell } from '../../core/model/shell.ts';
import type { View } from '../../core/model/view.ts';
import { removing } from '../../plugins/kubeadm/gone.ts';
import { paperView } from '../rig/view.ts';
import { patient } from './tools.ts';

const ACCESS = { kubectl: 'kubectl', kubeconfig: '/etc/kubernetes/admin.conf' };
const SERVER = '/etc/kubernetes/manifests/kube-apiserver.yaml';
const CALL = 'kubectl --kubeconfig /etc/kubernetes/admin.conf --request-timeout=10s';
const GONE = { access: ACCESS, version: '1.22.2', drain: { within: 60, force: false } };

/** A node whose kubelet is silent, of a host that its mark names. */
const nodeOf = (name: string, mark?: string) => ({
  metadata: { name, annotations: mark === undefined ? {} : { 'cc/host': mark } },
  spec: {},
  status: {
    addresses: [{ type: 'InternalIP', address: `${name}.address` }],
    conditions: [{ type: 'Ready', status: 'Unknown' }],
  },
});

interface Site {
  readonly nodes: readonly ReturnType<typeof nodeOf>[];
  readonly members?: readonly string[];
  /** Control planes that cannot be reached, and those whose API and etcd do not answer. */
  readonly off?: readonly string[];
  readonly sick?: readonly string[];
}

const STAYING = ['cp-2', 'cp-3'];

/** Removes the host of a cluster whose other control planes are `cp-2` and `cp-3`; answers what was run, and where. */
async function removed(host: string, { nodes, members = [], off = [], sick = [] }: Site) {
  const ran: string[] = [];
  const logged: string[] = [];
  const never = (): never => assert.fail('a removal asks for nothing else');
  const answer = (name: string, words: string): string => {
    if (words === 'get nodes -o json') return JSON.stringify({ items: nodes });
    if (words.startsWith('get node '))
      return JSON.stringify(nodes.find((node) => words.includes(` ${node.metadata.name} `)) ?? '');
    if (words.endsWith('member list'))
      return members
        .map((each) => `ab${each.slice(3)}, started, ${each}, https://${each}.address:2380, x\n`)
        .join('');
    assert.match(words, new RegExp(`exec etcd-${name} .* endpoint health$`));
    return '';
  };
  const result = async (name: string, command: Command) =>
    sick.includes(name)
      ? { code: 1, stdout: '', stderr: 'refused\n' }
      : { code: 0, stdout: answer(name, shown(command).slice(CALL.length + 1)), stderr: '' };
  const viewOn = (name: string): View => {
    if (off.includes(name)) throw new Error(`${name} is off`);
    const stat = { [ACCESS.kubeconfig]: { kind: 'other' }, [SERVER]: null } as const;
    return {
      ...paperView({ stat, text: { [SERVER]: '    - --etcd-servers=https://127.0.0.1:2379\n' } }),
      ...{ name, on: async (place) => viewOn(String(place)), result: (command) => result(name, command) },
      read: async (command) =>
        command.argv[0] === 'uname' ? `${name}\n` : (await result(name, command)).stdout,
    };
  };
  const shellOn = (name: string): Shell => ({
    ...{ zx: never, conceal: never, leftOut: [], view: viewOn(name), controller: viewOn(name) },
    log: (text) => void logged.push(text),
    until: patient,
    run: async (command) => {
      ran.push(
        `${name}: ${shown(command)
          .slice(CALL.length + 1)
          .replace(/ --endpoints.*key=\S+/, '')}`,
      );
      return '';
    },
    on: async (place) => shellOn(String(place)),
  });
  const staying = STAYING.map((name) => ({ name, roles: ['control-plane'] }));
  const [change] = removing(host, { ...GONE, plane: host === 'cp-1' }, { staying });
  assert.ok(change?.kind === 'script');
  try {
    await change.script(shellOn('controller'));
  } catch (error) {
    assert.ok(error instanceof Failed, String(error));
    const { failure } = error;
    return { ran, failed: failure.kind === 'check-failed' ? failure.reasons : failure };
  }
  return { ran, logged };
}

const ALL = ['cp-1', ...STAYING];
const NODES = [...ALL.map((name) => nodeOf(name, name)), nodeOf('old-name', 'w-1')];

test('control plane that is gone leaves etcd and its cluster by one that answers', async () => {
  const last = ['delete pod etcd-cp-1 --ignore-not-found --force --grace-period=0'];
  const by = (name: string) => [
    `${name}: -n kube-system exec etcd-${name} -- etcdctl member remove ab1`,
    ...last.map((words) => `${name}: -n kube-system ${words}`),
    `${name}: delete node cp-1 --ignore-not-found`,
  ];
  assert.deepEqual(await removed('cp-1', { nodes: NODES, members: ALL }), { ran: by('cp-2'), logged: [] });
  // Its member is gone already, so that none is lost.
  assert.deepEqual(await removed('cp-1', { nodes: NODES, members: STAYING, off: ['cp-2'] }), {
    ...{ ran: by('cp-3').slice(1), logged: [] },
  });
});

test('control plane that is gone stays a member where etcd would lose its majority, and nothing is changed', async () => {
  const reason = 'etcd has 3 members: of the 2 that would be left 1 answer, and 2 must';
  for (const lost of [{ off: ['cp-2'] }, { sick: ['cp-2'] }])
    assert.deepEqual(await removed('cp-1', { nodes: NODES, members: ALL, ...lost }), {
      ...{ ran: [], failed: [reason, 'bring these back first: cp-2'] },
    });
  assert.deepEqual(await removed('cp-1', { nodes: NODES, members: ALL, off: ['cp-2'], sick: ['cp-3'] }), {
    ran: [],
    failed: {
      ...{ kind: 'cannot-tell', host: 'cp-1', what: 'ask the API of the cluster' },
      why: 'the API on cp-3 does not answer: refused; cp-2 cannot be reached',
    },
  });
});

test('worker that is gone is known by its mark, or by its name where nothing is marked', async () => {
  const ran = (node: string) => ({ ran: [`cp-2: delete node ${node} --ignore-not-found`], logged: [] });
  assert.deepEqual(await removed('w-1', { nodes: NODES }), ran('old-name'));
  assert.deepEqual(await removed('W-2', { nodes: [...NODES, nodeOf('w-2')] }), ran('w-2'));
  assert.deepEqual(await removed('w-2', { nodes: [...NODES, nodeOf('w-2', 'w-9')] }), {
    ...{ ran: [], logged: ['the cluster has no node of w-2\n'] },
  });
});

test('nothing is removed without a host from a cluster that goes as a whole', () => {
  assert.deepEqual(removing('w-1', { ...GONE, plane: false }, { staying: [] }), []);
});
