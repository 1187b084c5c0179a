/** `cc kubeconfig`: by which address the cluster is reached, and what stands in a file of the user's beside it. */
import assert from 'node:assert/strict';
import test from 'node:test';
import { yaml } from '../../core/cli/config/yaml.ts';
import type { Failure } from '../../core/model/failure.ts';
import type { Json } from '../../core/model/json.ts';
import type { Connection, Host } from '../../core/model/plugin.ts';
import { mergedInto, ownFrom } from '../../plugins/kubeadm/kubeconfig.ts';
import { kubeconfigOffer, kubectlOffer } from '../../plugins/kubeadm/offers.ts';
import { yamlOf } from '../../plugins/kubeadm/yaml-text.ts';
import { failureIn } from '../graph/recipes.ts';

/** For cp-1, kubernetes, cp-1.example, 10.96.0.1, 10.0.0.11 and 127.0.0.1; nobody has its key. */
const CERTIFICATE = `-----BEGIN CERTIFICATE-----
MIIBxjCCAWygAwIBAgIUcuhO2kUFhFl/9XItguY8T7fG8V4wCgYIKoZIzj0EAwIw
GTEXMBUGA1UEAwwOa3ViZS1hcGlzZXJ2ZXIwHhcNMjYxMTI3MTIxNTA2WhcNMjYx
MTMwMTIxNTA2WjAZMRcwFQYDVQQDDA5rdWJlLWFwaXNlcnZlcjBZMBMGByqGSM49
AgEGCCqGSM49AwEHA0IABGC50TyfvaW5otUPfq0+tEEev+l6kieaZXn5ig3svwHA
CKCZZUuN9WFG5eJrZ++dsfMAlZQ6B9CZoFLIDhkBWl6jgZEwgY4wHQYDVR0OBBYE
FCx6FwcLQPbR30I5RQfnBZ0peiHqMB8GA1UdIwQYMBaAFCx6FwcLQPbR30I5RQfn
BZ0peiHqMA8GA1UdEwEB/wQFMAMBAf8wOwYDVR0RBDQwMoIEY3AtMYIKa3ViZXJu
ZXRlc4IMY3AtMS5leGFtcGxlhwQKYAABhwQKAAALhwR/AAABMAoGCCqGSM49BAMC
A0gAMEUCIQDwUHoqP2r9GhF9bosicv3NvTgeFnS2WIfd1fZPUPLPwAIgB+MRmcaj
16g7t3EM81fAoUm3oQvUf9GBQ8IuwwX26+w=
-----END CERTIFICATE-----
`;

const ADMIN = {
  kind: 'Config',
  apiVersion: 'v1',
  preferences: {},
  clusters: [
    {
      name: 'kubernetes',
      cluster: { server: 'https://10.0.0.11:6443', 'certificate-authority-data': 'Y2E=' },
    },
  ],
  users: [{ name: 'kubernetes-admin', user: { 'client-key-data': 'a2V5' } }],
  contexts: [
    { name: 'kubernetes-admin@kubernetes', context: { cluster: 'kubernetes', user: 'kubernetes-admin' } },
  ],
  'current-context': 'kubernetes-admin@kubernetes',
};
const PRINTED = `${JSON.stringify(ADMIN, undefined, 4)}\n${CERTIFICATE}`;
const MINE = { name: 'site', owner: 'the site 1', shared: false };

const plane = (connection: Connection): Host => ({ name: 'cp-1', roles: ['control-plane'], connection });
const by = (address: string) => plane({ kind: 'ssh', address });
const extensions = [{ name: 'cc', extension: { owner: 'the site 1' } }];
const own = (server = 'https://10.0.0.11:6443') => ({
  apiVersion: 'v1',
  kind: 'Config',
  clusters: [{ name: 'site', cluster: { server, 'certificate-authority-data': 'Y2E=', extensions } }],
  users: [{ name: 'site', user: { 'client-key-data': 'a2V5', extensions } }],
  contexts: [{ name: 'site', context: { cluster: 'site', user: 'site', extensions } }],
  'current-context': 'site',
});

const REACHED: readonly (readonly [what: string, host: Host, server: string])[] = [
  [
    'the address of the credentials, from the host itself',
    plane({ kind: 'local' }),
    'https://10.0.0.11:6443',
  ],
  ['the address of the credentials, which is that of ssh', by('10.0.0.11'), 'https://10.0.0.11:6443'],
  ['the address of ssh, which the certificate has', by('127.0.0.1'), 'https://127.0.0.1:6443'],
  ['the name of ssh, which the certificate has', by('cp-1.example'), 'https://cp-1.example:6443'],
];

for (const [what, host, server] of REACHED)
  test(`the cluster is reached by ${what}`, () => {
    assert.deepEqual(ownFrom(PRINTED, MINE, host), { config: own(server), says: [] });
  });

test('a cluster that has an address of its own is reached by it', () => {
  assert.deepEqual(ownFrom(PRINTED, { ...MINE, shared: true }, by('127.0.0.1')), { config: own(), says: [] });
});

test('an address that the certificate does not have is not taken, and it is said what it has', () => {
  const says = (has: string) => [
    'the address is that of the credentials, https://10.0.0.11:6443: the certificate of the API does not have lab-1, by which cc reaches the host',
    `it has ${has}`,
  ];
  assert.deepEqual(ownFrom(PRINTED, MINE, by('lab-1')), {
    config: own(),
    says: says('cp-1, kubernetes, cp-1.example, 10.96.0.1, 10.0.0.11, 127.0.0.1'),
  });
  assert.deepEqual(ownFrom(JSON.stringify(ADMIN), MINE, by('lab-1')).says, says('none'));
});

test('what kubectl printed is not quoted where it is no JSON', () => {
  assert.throws(() => ownFrom('client-key-data: a2V5', MINE, by('lab-1')), {
    message: 'kubectl printed no JSON',
  });
});

const at = { path: '/home/me/.kube/config', mine: MINE };
const OTHERS = {
  apiVersion: 'v1',
  kind: 'Config',
  clusters: [{ name: 'other', cluster: { server: 'https://other' } }],
  users: [{ name: 'other', user: { token: 'x' } }],
  contexts: [{ name: 'other', context: { cluster: 'other', user: 'other', namespace: 'n' } }],
  'current-context': 'other',
  preferences: { colors: true },
};

test('a file that is not there, or is empty, gets all of it', () => {
  for (const there of [undefined, null]) assert.deepEqual(mergedInto(there, own(), at), own());
});

test('all else stays, also the context that is used; and a second time replaces the first', () => {
  const merged = mergedInto(OTHERS, own('https://old'), at);
  const expected = (server: string) => ({
    ...OTHERS,
    clusters: [...OTHERS.clusters, ...own(server).clusters],
    users: [...OTHERS.users, ...own().users],
    contexts: [...OTHERS.contexts, ...own().contexts],
  });
  assert.deepEqual(merged, expected('https://old'));
  assert.deepEqual(mergedInto(merged as Json, own('https://new'), at), expected('https://new'));
  assert.deepEqual(mergedInto({ users: null, 'current-context': '' }, own(), at), own());
});

const refusal = (...kinds: readonly string[]): Failure => ({
  kind: 'cannot-change',
  host: 'controller',
  what: 'the entries "site" of /home/me/.kube/config',
  differences: kinds.map((kind) => ({
    ...{ what: `the ${kind} of that name`, is: 'not from cc for this recipe', declared: 'from it' },
  })),
  fix: 'rename them there, or have another file: KUBECONFIG=FILE cc kubeconfig --merge',
});

test('what has its name and is not from cc for this recipe is not replaced', () => {
  const users = [{ name: 'site', user: { token: 'x' } }];
  assert.deepEqual(
    failureIn(() => mergedInto({ ...OTHERS, users }, own(), at)),
    refusal('user'),
  );
  const theirs = ownFrom(PRINTED, { ...MINE, owner: 'the site 2' }, by('127.0.0.1')).config;
  assert.deepEqual(
    failureIn(() => mergedInto(theirs as Json, own(), at)),
    refusal('cluster', 'user', 'context'),
  );
});

for (const [there, why] of [
  ['text', 'it holds no keys'],
  [[], 'it holds no keys'],
  [{ users: {} }, 'users is no list of entries'],
  [{ contexts: ['x'] }, 'contexts is no list of entries'],
] as const)
  test(`a file is no kubeconfig: ${why}, ${JSON.stringify(there)}`, () => {
    assert.deepEqual(
      failureIn(() => mergedInto(there as unknown as Json, own(), at)),
      { kind: 'config-unreadable', file: at.path, why: `it is no kubeconfig: ${why}` },
    );
  });

const offer = kubeconfigOffer({ kubectl: '/usr/bin/kubectl', kubeconfig: '/admin.conf' }, MINE);

test('it takes --merge and nothing else', () => {
  assert.deepEqual(offer.argv(['--merge']).slice(-2), ['/usr/bin/kubectl', '/admin.conf']);
  for (const [words, odd] of [
    [['--mrge'], '--mrge'],
    [['--merge', 'x'], 'x'],
  ] as const)
    assert.deepEqual(
      failureIn(() => offer.argv(words)),
      {
        kind: 'usage',
        message: `Cannot use "${odd}" with cc kubeconfig: it takes --merge alone`,
        command: 'kubeconfig',
      },
    );
});

test('it goes into the first file of KUBECONFIG, or into that of the home', () => {
  const held: string[] = [];
  const at = { words: ['--merge'], host: by('10.0.0.11'), read: () => undefined };
  const path = (env: Readonly<Record<string, string>>) =>
    offer.here?.(PRINTED, { ...at, env, hold: (path) => void held.push(path) }).file?.path;
  assert.equal(path({ HOME: '/home/me' }), '/home/me/.kube/config');
  assert.deepEqual(held, ['/home/me/.kube/config.lock']); // by that kubectl keeps out of its way
  assert.equal(path({ HOME: '/home/me', KUBECONFIG: ':/a:/b' }), '/a');
  assert.deepEqual(
    failureIn(() => path({})),
    {
      kind: 'usage',
      message: 'Cannot tell where to: neither KUBECONFIG nor HOME is set',
      command: 'kubeconfig',
    },
  );
});

test('text in YAML is plain where it can be taken for nothing else', () => {
  assert.equal(
    yamlOf({ a: [{ b: 'x', c: [] }, 'yes', ['1', 2, null, true]], 'd e': { 'https://x:6443': {} }, f: {} }),
    `a:
- b: x
  c: []
- "yes"
- - "1"
  - 2
  - null
  - true
"d e":
  https://x:6443: {}
f: {}
`,
  );
});

const TEXTS = [
  '',
  ' ',
  'a b',
  'a:',
  'a: b',
  '#',
  'a #b',
  '~',
  'NO',
  'null',
  '0x1',
  '1e3',
  '.inf',
  '2020-01-01',
  '- a',
  '"',
  "'",
  '\\',
  '\n',
  '\t',
  'ü',
  '\u2028',
  '😀',
  '%a',
  '@a',
  '!a',
  '&a',
  '*a',
  '<<',
  '=',
  '?',
  '|',
  '{',
  'a,b',
  '/a',
  'y',
];

test('what is written as YAML is read as what it was', () => {
  const data: Json = {
    texts: TEXTS,
    deep: [[[{ a: { b: [1.5, -1, [], {}] } }]]],
    keys: Object.fromEntries(TEXTS.map((text) => [text, text])),
  };
  assert.deepEqual(yaml('x', yamlOf(data)), data);
  for (const value of [5, 'x', null, [], {}] as const) assert.deepEqual(yaml('x', yamlOf(value)), value);
});

test('kubectl is run as the administrator with all words, and with no -- before them', () => {
  const { argv } = kubectlOffer({ kubectl: '/bin/kubectl', kubeconfig: '/etc/admin.conf' });
  const whole = (...words: readonly string[]) => [
    'env',
    'KUBECONFIG=/etc/admin.conf',
    '/bin/kubectl',
    ...words,
  ];
  assert.deepEqual(argv([]), whole());
  assert.deepEqual(argv(['--', 'get', 'pods']), whole('get', 'pods'));
  assert.deepEqual(argv(['exec', 'a', '--', 'ls']), whole('exec', 'a', '--', 'ls'));
});
