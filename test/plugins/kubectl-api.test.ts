/** What a cluster answers, told apart by a real kubectl: nothing there, nobody there, and an API that is silent. */
import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { runProcess } from '../../core/host/own-agent.ts';
import { cmd } from '../../core/model/command.ts';
import type { View } from '../../core/model/view.ts';
import { asked } from '../../plugins/kubectl/api.ts';
import { manifestOf } from '../../plugins/kubectl/applied.ts';
import { tempFolder } from '../rig/temp.ts';
import { paperView } from '../rig/view.ts';

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

/** As much of an API as is asked, with these objects by path. */
async function api(t: TestContext, objects: Readonly<Record<string, unknown>>): Promise<string> {
  const server = createServer(({ url = '' }, response) => {
    const path = url.replace(/\?.*/, '');
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
