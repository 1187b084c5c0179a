/** Hosts from a file or from a command: read by the rules of a configuration, and each mistake told with its place. */
import assert from 'node:assert/strict';
import { chmod } from 'node:fs/promises';
import { join } from 'node:path';
import test, { type TestContext } from 'node:test';
import { trustOf } from '../../../core/cli/config/trust.ts';
import { loadConfig } from '../../../core/cli/config.ts';
import { failureOf } from '../../../core/model/failure.ts';
import { explained } from '../../../core/report/explain.ts';
import { cc, folder, MOD } from '../../rig/cc.ts';

const HOST = {
  name: 'w-1',
  roles: ['worker'],
  labels: { zone: 'a' },
  connection: { kind: 'ssh', address: 'w-1.example' },
  taints: ['gpu=yes:NoSchedule', 'slow:NoExecute'],
};
const JSON_HOSTS = JSON.stringify([HOST]);
const YAML_HOSTS = `# ours
- name: w-1
  roles: [worker]
  labels:
    zone: a
  connection:
    kind: ssh
    address: w-1.example
  taints: ['gpu=yes:NoSchedule', slow:NoExecute]
`;
const PRINTING = `#!/bin/sh\ncat <<'END'\n${JSON_HOSTS}\nEND\n`;

type Files = Readonly<Record<string, string>>;

async function siteOf(t: TestContext, hosts: unknown, files: Files): Promise<string> {
  const cwd = await folder(t, { 'cc.config.json': JSON.stringify({ name: 'site', hosts }), ...files });
  for (const name of Object.keys(files)) await chmod(join(cwd, name), name.endsWith('.sh') ? 0o755 : 0o644);
  return cwd;
}

async function told(cwd: string): Promise<readonly string[]> {
  const error: unknown = await loadConfig({}, cwd).then(
    () => assert.fail('it was loaded'),
    (error: unknown) => error,
  );
  return explained(failureOf(error)).map((line) => line.replaceAll(cwd, '/site'));
}

const SOURCES: readonly (readonly [unknown, Files])[] = [
  ['./hosts.json', { 'hosts.json': JSON_HOSTS }],
  ['hosts.yaml', { 'hosts.yaml': YAML_HOSTS }],
  ['./more/hosts.yml', { 'more/hosts.yml': YAML_HOSTS }],
  [{ command: ['./print.sh'] }, { 'print.sh': PRINTING }],
  [{ command: ['sh', 'print.sh', 'a word'] }, { 'print.sh': PRINTING }],
  [{ command: ['cat', 'hosts.txt'] }, { 'hosts.txt': JSON_HOSTS }],
];

for (const [hosts, files] of SOURCES)
  test(`hosts are read from ${JSON.stringify(hosts)}`, async (t) => {
    const cwd = await siteOf(t, hosts, files);
    assert.deepEqual((await loadConfig({}, cwd)).layers, [{ name: 'site', hosts: [HOST] }]);
  });

test('hosts of the recipe that is extended are read beside that, and laid under those of its own', async (t) => {
  const cwd = await folder(t, {
    'cc.config.ts': `import { hosts, recipe, ssh } from '${MOD}';
export default recipe({ name: 'site', extends: './base/base.json', hosts: [...hosts('w', 1, { connection: ssh('other.example') })] });
`,
    'base/base.json': '{ "hosts": "./hosts.json" }',
    'base/hosts.json': JSON_HOSTS,
  });
  const { layers } = await loadConfig({}, cwd);
  assert.deepEqual(layers[0]?.hosts, [HOST]);
  assert.deepEqual(layers[1]?.hosts, [
    { name: 'w-1', roles: [], connection: { kind: 'ssh', address: 'other.example' } },
  ]);
});

const MISTAKES: readonly (readonly [string, unknown, Files, readonly string[]])[] = [
  [
    'a field of YAML',
    './hosts.yaml',
    { 'hosts.yaml': YAML_HOSTS.replace('roles', 'role') },
    [
      'Cannot use /site/hosts.yaml: 2 mistakes',
      '  0.roles: expected "roles", it is missing',
      '    at /site/hosts.yaml:2:3',
      '      2 | - name: w-1',
      '        |   ^',
      '  0.role: is not known; did you mean "roles"?',
      '    at /site/hosts.yaml:3:3',
      '      3 | role: [worker]',
      '        | ^',
    ],
  ],
  [
    'a value of JSON',
    './hosts.json',
    { 'hosts.json': `[\n  ${JSON.stringify({ ...HOST, labels: { zone: 'a,b' } })}\n]` },
    [
      'Cannot use /site/hosts.json: 1 mistake',
      '  0.labels.zone: expected letters, digits, ".", "_" and "-", at most 63, the first and the last no sign',
      '    at /site/hosts.json:2:53',
      '      2 | {"name":"w-1","roles":["worker"],"labels":{"zone":"a,b"},"connection":{"kind":"ssh","address":"w-1.e',
      '        |                                                   ^',
    ],
  ],
  [
    'a taint without an effect',
    './hosts.json',
    { 'hosts.json': `[\n  ${JSON.stringify({ ...HOST, taints: ['gpu=yes'] })}\n]` },
    [
      'Cannot use /site/hosts.json: 1 mistake',
      '  0.taints.0: expected KEY=VALUE:EFFECT, as gpu=yes:NoSchedule; effects are NoSchedule, PreferNoSchedule and NoExecute',
      '    at /site/hosts.json:2:120',
      '      2 | {"kind":"ssh","address":"w-1.example"},"taints":["gpu=yes"]}',
      '        |                                                  ^',
    ],
  ],
  [
    'a file that is not there',
    './hosts.json',
    {},
    [
      'Cannot use /site/cc.config.json: 1 mistake',
      '  hosts: cannot be /site/hosts.json: there is no such file',
      '    at /site/cc.config.json:1:24',
      '      1 | {"name":"site","hosts":"./hosts.json"}',
      '        |                        ^',
    ],
  ],
  [
    'a file of another kind',
    './hosts.ts',
    { 'hosts.ts': '' },
    [
      'Cannot use /site/cc.config.json: 1 mistake',
      '  hosts: cannot be ./hosts.ts: expected a file .json, .yaml or .yml',
      "    write: hosts: './hosts.yaml'",
      '    at /site/cc.config.json:1:24',
      '      1 | {"name":"site","hosts":"./hosts.ts"}',
      '        |                        ^',
    ],
  ],
  [
    'no list',
    'hosts.json',
    { 'hosts.json': '{}' },
    ['Cannot load /site/hosts.json', '  what it holds is no list of hosts'],
  ],
  [
    'no JSON',
    'hosts.json',
    { 'hosts.json': '[\n  {,\n]' },
    [
      'Cannot load /site/hosts.json',
      "  SyntaxError: Expected property name or '}'",
      '  at /site/hosts.json:2:4',
      '    2 | {,',
      '      |  ^',
    ],
  ],
  [
    'a command that is not there',
    { command: ['./print.sh'] },
    {},
    [
      'Cannot use /site/cc.config.json: 1 mistake',
      '  hosts: cannot be had: ./print.sh exited 127: /site/print.sh: not found',
      '    at /site/cc.config.json:1:24',
      '      1 | {"name":"site","hosts":{"command":["./print.sh"]}}',
      '        |                        ^',
    ],
  ],
  [
    'a command that fails',
    { command: ['./print.sh'] },
    { 'print.sh': '#!/bin/sh\necho no luck >&2; exit 3\n' },
    [
      'Cannot use /site/cc.config.json: 1 mistake',
      '  hosts: cannot be had: ./print.sh exited 3: no luck',
      '    at /site/cc.config.json:1:24',
      '      1 | {"name":"site","hosts":{"command":["./print.sh"]}}',
      '        |                        ^',
    ],
  ],
  [
    'a command that prints no JSON',
    { command: ['echo', 'w-1'] },
    {},
    [
      'Cannot use /site/cc.config.json: 1 mistake',
      '  hosts: cannot be had: echo w-1 printed no JSON, but "w-1"',
      '    at /site/cc.config.json:1:24',
      '      1 | {"name":"site","hosts":{"command":["echo","w-1"]}}',
      '        |                        ^',
    ],
  ],
  [
    'a command that prints no hosts',
    { command: ['echo', '[{"name":"a"}]'] },
    {},
    [
      'Cannot use /site/cc.config.json: 1 mistake',
      '  hosts: echo \'[{"name":"a"}]\' printed what are no hosts: 0.roles: expected "roles", it is missing; 0.connection: expected "connection", it is missing',
      '    at /site/cc.config.json:1:24',
      '      1 | {"name":"site","hosts":{"command":["echo","[{\\"name\\":\\"a\\"}]"]}}',
      '        |                        ^',
    ],
  ],
  [
    'a command without words',
    { command: [] },
    {},
    [
      'Cannot use /site/cc.config.json: 1 mistake',
      '  hosts.command: expected a program and its words, found none',
      '    at /site/cc.config.json:1:35',
      '      1 | {"name":"site","hosts":{"command":[]}}',
      '        |                                   ^',
    ],
  ],
  [
    'another key',
    { commands: ['a'] },
    {},
    [
      'Cannot use /site/cc.config.json: 1 mistake',
      '  hosts: expected a list of hosts, the path of a file, or { command: [...] }, found an object',
      '    at /site/cc.config.json:1:24',
      '      1 | {"name":"site","hosts":{"commands":["a"]}}',
      '        |                        ^',
    ],
  ],
];

for (const [what, hosts, files, lines] of MISTAKES)
  test(`a mistake in hosts is told with its place: ${what}`, async (t) => {
    assert.deepEqual(await told(await siteOf(t, hosts, files)), lines);
  });

for (const [hosts, file] of [
  ['./hosts.json', 'hosts.json'],
  [{ command: ['./print.sh'] }, 'print.sh'],
  [{ command: ['sh', 'print.sh'] }, 'print.sh'],
] as const)
  test(`hosts from ${JSON.stringify(hosts)} are refused where others may write ${file}`, async (t) => {
    const cwd = await siteOf(t, hosts, { 'hosts.json': JSON_HOSTS, 'print.sh': PRINTING });
    await chmod(join(cwd, file), 0o777);
    const trust = trustOf({});
    const failure = await loadConfig({}, cwd, trust).then(() => undefined, failureOf);
    assert.deepEqual(failure?.kind === 'config-untrusted' && failure.file, join(cwd, file));
  });

test('what is found out about a host later is told with its place in the file of hosts', async (t) => {
  const cwd = await folder(t, {
    'cc.config.ts': `import { plugin, recipe, step, v } from '${MOD}';
const p = plugin({ name: 'p', help: '', options: v.strictObject({}), build: () => ({ steps: [step({ name: 'a', probe: async () => null, plan: () => [] })] }) });
export default recipe({ name: 'site', plugins: [p()], hosts: './hosts.yaml' });
`,
    'hosts.yaml': YAML_HOSTS + YAML_HOSTS.replaceAll('w-1', 'all'),
  });
  const { code, stderr } = await cc(cwd, 'list');
  assert.equal(code, 65);
  assert.deepEqual(stderr.replaceAll(cwd, '/site').split('\n'), [
    'Cannot use /site/cc.config.ts: 1 mistake',
    '  hosts.all: is a word of cc itself',
    '    at /site/hosts.yaml:11:3',
    '      11 | - name: all',
    '         |   ^',
    '',
  ]);
});

test('a mistake in options of a host or of a role is told with its place', async (t) => {
  const cwd = await folder(t, {
    'cc.config.ts': `import { plugin, recipe, step, v } from '${MOD}';
const p = plugin({ name: 'p', help: '', byHost: ['size'], options: v.strictObject({ size: v.optional(v.number()), all: v.optional(v.number()) }), build: () => ({ steps: [step({ name: 'a', probe: async () => null, plan: () => [] })] }) });
export default recipe({
  name: 'site',
  plugins: [p()],
  hosts: './hosts.yaml',
  roleOptions: { worker: { p: { all: 1 } } },
});
`,
    'hosts.yaml': `${YAML_HOSTS}  options:\n    p:\n      size: big\n`,
  });
  const { code, stderr } = await cc(cwd, 'list');
  assert.equal(code, 65);
  assert.deepEqual(stderr.replaceAll(cwd, '/site').split('\n'), [
    'Cannot use /site/cc.config.ts: 2 mistakes',
    '  roleOptions.worker.p.all: is for all hosts alike: by host or role p takes size; give it by options.p',
    '    at /site/cc.config.ts:7:38',
    '      7 | roleOptions: { worker: { p: { all: 1 } } },',
    '        |                                    ^',
    '  hosts.w-1.options.p.size: expected number, found "big"',
    '    at /site/hosts.yaml:12:13',
    '      12 | size: big',
    '         |       ^',
    '',
  ]);
});

test('cc list ends in order after a command has printed the hosts', async (t) => {
  const cwd = await folder(t, {
    'cc.config.ts': `import { plugin, recipe, step, v } from '${MOD}';
const p = plugin({ name: 'p', help: '', options: v.strictObject({}), build: () => ({ steps: [step({ name: 'a', probe: async () => null, plan: () => [] })] }) });
export default recipe({ name: 'site', plugins: [p()], hosts: { command: ['cat', 'hosts.txt'] } });
`,
    'hosts.txt': JSON_HOSTS,
  });
  const { code, stdout, stderr } = await cc(cwd, 'list', '--limit', 'zone=a');
  assert.deepEqual([code, stderr], [0, '']);
  assert.match(stdout, /^ {2}p\/a on w-1$/m);
});
