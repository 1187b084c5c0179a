/** What a cluster answers, told apart by a real kubectl: nothing there, nobody there, and an API that is silent. */
import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { runProcess } from '../../core/host/own-agent.ts';
import { cmd } from '../../core/model/command.ts';
import { fail, isFailure } from '../../core/model/failure.ts';
import type { Shell } from '../../core/model/shell.ts';
import type { View } from '../../core/model/view.ts';
import { answerOf, asked, insisted, silencing } from '../../plugins/kubectl/api.ts';
import { manifestOf } from '../../plugins/kubectl/applied.ts';
import { tempFolder } from '../rig/temp.ts';
import { paperView } from '../rig/view.ts';
import { patient } from './tools.ts';

const KUBECTL = '/usr/bin/kubectl';
const found = await runProcess([KUBECTL, 'version', '--client'], {}).catch(() => ({ code: 1 }));
const must = found.code === 0 ? {} : { skip: 'there is no kubectl' };

const SERVER = '/etc/kubernetes/manifests/kube-apiserver.yaml';
const FILE = { kind: 'other' } as const;
const CLASS = { apiVersion: 'node.k8s.io/v1', kind: 'RuntimeClass', metadata: { name: 'x' } };
const SPACE = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'x' } };
const ask = (...objects: Parameters<typeof manifestOf>[0]) => ({
  ...cmd`get -f - --ignore-not-found -o json`,
  input: manifestOf(objects),
});

/** A host on paper where kubectl is real: with credentials for that address, a server's manifest, or neither. */
async function viewOf(t: TestContext, url: string | undefined, server = false) {
  const kubeconfig = join(await tempFolder(t), 'admin.conf');
  const entry = {
    name: 'a',
    cluster: { server: url },
    context: { cluster: 'a', user: 'a' },
    user: { token: 'x' },
  };
  const config = {
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': 'a',
    clusters: [entry],
    contexts: [entry],
    users: [entry],
  };
  if (url !== undefined) await writeFile(kubeconfig, JSON.stringify(config), { mode: 0o600 });
  const ran: string[] = [];
  const view: View = {
    ...paperView({ stat: { [kubeconfig]: url === undefined ? null : FILE, [SERVER]: server ? FILE : null } }),
    result: async ({ argv, input }) => {
      const words = argv.map(String);
      ran.push(words.join(' '));
      const { code, stdout, stderr } = await runProcess(words, { input: String(input) });
      return { code: code ?? -1, stdout, stderr };
    },
  };
  return { view, ran, access: { kubectl: KUBECTL, kubeconfig } };
}

const KINDS: Readonly<Record<string, unknown>> = {
  '/api': { kind: 'APIVersions', versions: ['v1'] },
  '/apis': { kind: 'APIGroupList', apiVersion: 'v1', groups: [] },
  '/api/v1': {
    kind: 'APIResourceList',
    groupVersion: 'v1',
    resources: [
      { name: 'namespaces', singularName: 'namespace', namespaced: false, kind: 'Namespace', verbs: ['get'] },
    ],
  },
};

const ELECTING = {
  kind: 'Status',
  apiVersion: 'v1',
  status: 'Failure',
  message: 'etcdserver: leader changed',
  code: 500,
};

/** As much of an API as is asked, with these objects by path. It has no leader of etcd so many times first. */
async function api(
  t: TestContext,
  objects: Readonly<Record<string, unknown>>,
  elections = 0,
): Promise<string> {
  let left = elections;
  const server = createServer(({ url = '' }, response) => {
    const path = url.replace(/\?.*/, '');
    if (path in objects && left-- > 0) {
      response.writeHead(500, { 'content-type': 'application/json' });
      response.end(JSON.stringify(ELECTING));
      return;
    }
    const body = KINDS[path] ?? objects[path];
    const missing = {
      kind: 'Status',
      apiVersion: 'v1',
      status: 'Failure',
      reason: 'NotFound',
      message: 'not found',
      code: 404,
    };
    response.writeHead(body ? 200 : 404, { 'content-type': 'application/json' });
    response.end(JSON.stringify(body ?? missing));
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  t.after(() => new Promise((done) => server.close(done)));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

test('host without credentials and without a server has no cluster, and nobody is asked', async (t) => {
  const { view, ran, access } = await viewOf(t, undefined);
  assert.deepEqual([await asked(view, access, ask(SPACE)), ran], [{ kind: 'none' }, []]);
});

test('API that refuses is silent, and says why', must, async (t) => {
  const { view, access } = await viewOf(t, 'http://127.0.0.1:1');
  const answer = await asked(view, access, ask(SPACE));
  assert.match(answer.kind === 'silent' ? answer.why : '', /^[^\n]*connection refused$/);
});

test('server without credentials is silent: it may hold anything', must, async (t) => {
  const { view, access } = await viewOf(t, undefined, true);
  const answer = await asked(view, access, ask(SPACE));
  assert.match(answer.kind === 'silent' ? answer.why : '', /no such file or directory/);
});

test('object that is not there, and one that is, are answers', must, async (t) => {
  const empty = await viewOf(t, await api(t, {}));
  assert.deepEqual(await asked(empty.view, empty.access, ask(SPACE)), { kind: 'answered', text: '' });
  const full = await viewOf(t, await api(t, { '/api/v1/namespaces/x': SPACE }));
  const answer = await asked(full.view, full.access, ask(SPACE));
  assert.match(answer.kind === 'answered' ? answer.text : '', /"kind": "Namespace"/);
});

test('API that does not know the kind of an object has none of it', must, async (t) => {
  const { view, access } = await viewOf(t, await api(t, {}));
  assert.deepEqual(await asked(view, access, ask(CLASS)), { kind: 'answered', text: '' });
});

test('API is asked again while etcd elects a leader', must, async (t) => {
  const { view, access } = await viewOf(t, await api(t, { '/api/v1/namespaces/x': SPACE }, 2));
  const answer = await asked(view, access, ask(SPACE));
  assert.match(answer.kind === 'answered' ? answer.text : '', /"kind": "Namespace"/);
});

test('API whose etcd finds no leader is silent, and says so', must, async (t) => {
  const { view, ran, access } = await viewOf(t, await api(t, { '/api/v1/namespaces/x': SPACE }, 100));
  const answer = await asked(view, access, ask(SPACE));
  assert.match(answer.kind === 'silent' ? answer.why : '', /etcdserver: leader changed/);
  assert.equal(ran.length, 5);
});

test('API that cc has start anew is asked again once that is done, and not before', async () => {
  const order: string[] = [];
  const { promise: asking, resolve: askedOnce } = Promise.withResolvers<void>();
  const view: View = {
    ...paperView({ stat: { '/admin.conf': FILE, [SERVER]: FILE } }),
    result: async () => {
      order.push('asked');
      askedOnce();
      return order.includes('done')
        ? { code: 0, stdout: 'found', stderr: '' }
        : { code: 1, stdout: '', stderr: 'connection refused' };
    },
  };
  const work = asking.then(() => void order.push('done'));
  const access = { kubectl: KUBECTL, kubeconfig: '/admin.conf' };
  const [answer] = await Promise.all([asked(view, access, cmd`get nodes`), silencing(work)]);
  assert.deepEqual(answer, { kind: 'answered', text: 'found' });
  assert.deepEqual(order, ['asked', 'done', 'asked']);
});

test('API that is silent after cc had it start anew, too, is silent', async () => {
  const view: View = {
    ...paperView({ stat: { '/admin.conf': FILE, [SERVER]: FILE } }),
    result: async () => ({ code: 1, stdout: '', stderr: 'connection refused' }),
  };
  const failed = silencing(Promise.reject(new Error('it did not start')));
  const answer = asked(view, { kubectl: KUBECTL, kubeconfig: '/admin.conf' }, cmd`get nodes`);
  await assert.rejects(failed, /it did not start/);
  assert.deepEqual(await answer, { kind: 'silent', why: 'connection refused' });
});

test('question that was put while cc had an API start anew is put again, also when the answer comes later', async () => {
  const { promise: begun, resolve: begin } = Promise.withResolvers<void>();
  let times = 0;
  const view: View = {
    ...paperView({ stat: { '/admin.conf': FILE, [SERVER]: FILE } }),
    result: async () => {
      if (times++ > 0) return { code: 0, stdout: 'found', stderr: '' };
      begin();
      await silence;
      return { code: 1, stdout: '', stderr: 'timed out' };
    },
  };
  const silence = silencing(begun);
  const answer = await asked(view, { kubectl: KUBECTL, kubeconfig: '/admin.conf' }, cmd`get nodes`);
  assert.deepEqual([answer, times], [{ kind: 'answered', text: 'found' }, 2]);
});

/** A shell whose kubectl fails so each time, and then no more; answers how often it ran. */
function failing(...stderrs: readonly string[]) {
  const left = [...stderrs];
  let times = 0;
  const next = () => {
    times++;
    return left.shift();
  };
  const view: View = {
    ...paperView({ stat: { '/admin.conf': FILE, [SERVER]: FILE } }),
    result: async () => {
      const stderr = next();
      return stderr === undefined
        ? { code: 0, stdout: 'found', stderr: '' }
        : { code: 1, stdout: '', stderr };
    },
  };
  const never = (): never => assert.fail('it asks for nothing else');
  const run = async () => {
    const stderr = next();
    const facts = { host: 'paper', command: 'kubectl', code: 1, signal: null };
    return stderr === undefined ? '' : fail({ kind: 'command-failed', ...facts, stderr });
  };
  const shell: Shell = {
    ...{ view, run, until: patient, controller: view, leftOut: [] },
    ...{ log: never, zx: never, on: never, conceal: never },
  };
  return { shell, times: () => times };
}

const TOLD = cmd`/usr/local/bin/kubectl delete node w-1 --ignore-not-found`;

for (const stderr of [
  'Error from server: etcdserver: leader changed\n',
  'The connection to the server 192.0.2.1:6443 was refused - did you specify the right host or port?\n',
  'Unable to connect to the server: EOF\n',
  'Error from server (Timeout): the server was unable to return a response in the time allotted\n',
])
  test(`what the API is told is told again after: ${stderr.trim()}`, async () => {
    const { shell, times } = failing(stderr, stderr);
    await insisted(shell, TOLD);
    assert.equal(times(), 3);
  });

for (const stderr of [
  'Error from server (Forbidden): nodes "w-1" is forbidden\n',
  'The Node "w-1" is invalid: metadata.labels: Invalid value: "a b"\n',
  'error: unable to drain node "w-1": global timeout reached: 60s\n',
  '{"level":"warn","error":"rpc error: code = NotFound desc = etcdserver: member not found"}\n',
  'Error from server: etcdserver: mvcc: database space exceeded\n',
  'Unable to connect to the server: x509: certificate signed by unknown authority\n',
])
  test(`what the API is told is told once where it is refused: ${stderr.trim()}`, async () => {
    const { shell, times } = failing(stderr);
    await assert.rejects(insisted(shell, TOLD), (error) => {
      const failure = isFailure(error) ? error.failure : undefined;
      return failure?.kind === 'command-failed' && failure.stderr === stderr;
    });
    assert.equal(times(), 1);
  });

test('what the API takes at no time fails as it failed last', async () => {
  const gone = 'Unable to connect to the server: EOF\n';
  const { shell, times } = failing('etcdserver: no leader\n', gone, gone, gone);
  await assert.rejects(
    insisted(shell, TOLD),
    (error) => isFailure(error) && 'stderr' in error.failure && error.failure.stderr === gone,
  );
  assert.equal(times(), 4);
});

for (const stderr of [
  'error: taint "node-role.kubernetes.io/master" not found\n',
  'Error: etcdserver: member not found\n',
])
  test(`what was done when only the answer was lost is done, although it is said: ${stderr.trim()}`, async () => {
    const { shell, times } = failing('Unable to connect to the server: EOF\n', stderr);
    await insisted(shell, TOLD);
    assert.equal(times(), 2);
    await assert.rejects(insisted(failing(stderr).shell, TOLD), isFailure);
  });

test('question whose answer is needed is put again while the API is silent', async () => {
  const { shell, times } = failing('connection refused\n', 'connection refused\n');
  const access = { kubectl: KUBECTL, kubeconfig: '/admin.conf' };
  assert.equal(await answerOf(shell, access, cmd`get services`), 'found');
  assert.equal(times(), 3);
});
