/** Mistakes are told with file, line, column and the line itself, in every form that a configuration can have. */
import assert from 'node:assert/strict';
import test from 'node:test';
import { cc, folder, MOD } from '../../rig/cc.ts';

type Files = Readonly<Record<string, string>>;

/** What is said on standard error, with the folder called `~`. */
async function said(
  t: Parameters<typeof folder>[0],
  files: Files,
  ...words: readonly string[]
): Promise<string> {
  const cwd = await folder(t, { 'package.json': '{}', ...files });
  const { code, stdout, stderr } = await cc(cwd, 'list', ...words);
  assert.deepEqual([code, stdout], [65, '']);
  return stderr.replaceAll(cwd, '~').trimEnd();
}

const PLUGIN = `import { plugin, recipe, v } from '${MOD}';
export const tool = plugin({ name: 'tool', help: '', build: () => ({ steps: [] }), options: v.strictObject({
  version: v.optional(v.string()), list: v.optional(v.array(v.string())),
  nodes: v.optional(v.record(v.string(), v.strictObject({ size: v.number() }))) }) });
`;

const MISTAKES: readonly (readonly [what: string, files: Files, text: string, ...words: string[]])[] = [
  [
    'an option of the wrong type in TypeScript',
    {
      'p.ts': PLUGIN,
      'cc.config.ts': `import { tool } from './p.ts';\nexport default {\n  plugins: [\n    tool({ version: 1.15 as never }),\n  ],\n};`,
    },
    `Cannot use ~/cc.config.ts: 1 mistake
  tool.version: expected string, found 1.15
    at ~/cc.config.ts:4:21
      4 | tool({ version: 1.15 as never }),
        |                 ^`,
  ],
  [
    'an option that is not known, of a recipe that has a name',
    {
      'p.ts': PLUGIN,
      'cc.config.ts': `import { recipe } from '${MOD}';\nimport { tool } from './p.ts';\nconst site = recipe({ plugins: [tool({ vesion: '1' } as never)] });\nexport default site;`,
    },
    `Cannot use ~/cc.config.ts: 1 mistake
  tool.vesion: is not known; did you mean "version"?
    known: version, list, nodes
    at ~/cc.config.ts:3:40
      3 | const site = recipe({ plugins: [tool({ vesion: '1' } as never)] });
        |                                        ^`,
  ],
  [
    'an option that is missing deeper down',
    {
      'p.ts': PLUGIN,
      'cc.config.ts': `import { tool } from './p.ts';\nexport default { plugins: [tool({ nodes: { a: {} } } as never)] };`,
    },
    `Cannot use ~/cc.config.ts: 1 mistake
  tool.nodes.a.size: expected "size", it is missing
    at ~/cc.config.ts:2:44
      2 | export default { plugins: [tool({ nodes: { a: {} } } as never)] };
        |                                            ^`,
  ],
  [
    'an option that an upper layer sets',
    {
      'base.ts': `${PLUGIN}export default { plugins: [tool({ version: '1' })] };`,
      'cc.config.yaml': 'extends: ./base.ts\noptions:\n  tool:\n    list: [a]\n    version: 7\n',
    },
    `Cannot use ~/cc.config.yaml: 1 mistake
  tool.version: expected string, found 7
    at ~/cc.config.yaml:5:14
      5 | version: 7
        |          ^`,
  ],
  [
    'an option of the base',
    {
      'base.ts': `${PLUGIN}export default { plugins: [tool({ version: 1 as never })] };`,
      'cc.config.json': '{ "extends": "./base.ts" }',
    },
    `Cannot use ~/cc.config.json: 1 mistake
  tool.version: expected string, found 1
    at ~/base.ts:5:44
      5 | export default { plugins: [tool({ version: 1 as never })] };
        |                                            ^`,
  ],
  [
    'a key of a host in JSON',
    {
      'cc.config.json':
        '{\n  "hosts": [\n    { "name": "a", "roles": [], "connection": { "kind": "local", "prot": 1 } }\n  ]\n}',
    },
    `Cannot use ~/cc.config.json: 1 mistake
  hosts.0.connection.prot: is not known
    at ~/cc.config.json:3:66
      3 | { "name": "a", "roles": [], "connection": { "kind": "local", "prot": 1 } }
        |                                                              ^`,
  ],
  [
    'a key of a host in YAML',
    {
      'cc.config.yaml':
        'name: a\nhosts:\n- name: a\n  roles: []\n  connection: { kind: local }\n- name: b\n  roles: x\n  connection:\n    kind: local\n',
    },
    `Cannot use ~/cc.config.yaml: 1 mistake
  hosts.1.roles: expected Array, found "x"
    at ~/cc.config.yaml:7:10
      7 | roles: x
        |        ^`,
  ],
  [
    'a key of package.json',
    { 'package.json': '{\n  "name": "site",\n  "cc": {\n    "concurrency": "many"\n  }\n}' },
    `Cannot use ~/package.json: 1 mistake
  concurrency: expected number, found "many"
    at ~/package.json:4:20
      4 | "concurrency": "many"
        |                ^`,
  ],
  [
    'a recipe within another',
    { 'cc.config.ts': 'export default {\n  extends: {\n    concurrency: 0,\n  },\n};' },
    `Cannot use ~/cc.config.ts: 1 mistake
  extends.concurrency: expected >=1, found 0
    at ~/cc.config.ts:3:18
      3 | concurrency: 0,
        |              ^`,
  ],
  [
    'a base that is not there',
    { 'cc.config.ts': 'export default {\n  extends: "./gone.ts",\n};' },
    `Cannot use ~/cc.config.ts: 1 mistake
  extends: cannot be ~/gone.ts: there is no such file
    at ~/cc.config.ts:2:12
      2 | extends: "./gone.ts",
        |          ^`,
  ],
  [
    'a base that is no recipe',
    { 'package.json': '{\n  "cc": { "extends": "labb" }\n}' },
    `Cannot use ~/package.json: 1 mistake
  extends: there is no recipe "labb"; did you mean "lab"?
    at ~/package.json:2:22
      2 | "cc": { "extends": "labb" }
        |                    ^`,
  ],
  [
    'a base that extends itself',
    { 'cc.config.yaml': 'extends: ./b.yaml\n', 'b.yaml': 'name: b\nextends: ./b.yaml\n' },
    `Cannot use ~/b.yaml: 1 mistake
  extends: leads back to where it began: ~/b.yaml → ~/b.yaml
    at ~/b.yaml:2:10
      2 | extends: ./b.yaml
        |          ^`,
  ],
  [
    'two hosts of one name',
    {
      'p.ts': PLUGIN,
      'cc.config.ts': `import { tool } from './p.ts';\nconst at = { kind: 'local' };\nexport default { plugins: [tool()], hosts: [\n  { name: 'a', roles: [], connection: at },\n  { name: 'a', roles: [], connection: at },\n] };`,
    },
    `Cannot use ~/cc.config.ts: 1 mistake
  hosts.a: is the name of another host already
    at ~/cc.config.ts:5:3
      5 | { name: 'a', roles: [], connection: at },
        | ^`,
  ],
  [
    'a getter that throws',
    { 'cc.config.ts': 'export default {\n  get name() {\n    throw new Error("no luck");\n  },\n};' },
    `Cannot use ~/cc.config.ts: 1 mistake
  name: cannot be read: no luck
    at ~/cc.config.ts:3:11
      3 | throw new Error("no luck");
        |       ^`,
  ],
  [
    '--set alone',
    { 'cc.config.ts': `${PLUGIN}export default { plugins: [tool({ version: '1' })] };` },
    `Cannot use the options of the command: 2 mistakes
  --set tool.list=a: expected Array, found "a"
    write: JSON: --set tool.list='["a","b"]'
  --set tool.nodes.x.size=big: expected number, found "big"`,
    ...['--set', 'tool.list=a', '--set', 'tool.nodes.x.size=big'],
  ],
  [
    '--set beside the file',
    { 'cc.config.ts': `${PLUGIN}export default { plugins: [tool({ version: 1 as never })] };` },
    `Cannot use ~/cc.config.ts: 2 mistakes
  --set tool.vesion=2: is not known; did you mean "version"?
    known: version, list, nodes
  tool.version: expected string, found 1
    at ~/cc.config.ts:5:44
      5 | export default { plugins: [tool({ version: 1 as never })] };
        |                                            ^`,
    ...['--set', 'tool.vesion=2'],
  ],
  [
    'what stands nowhere in the file, only the file',
    {
      'p.ts': PLUGIN,
      'cc.config.ts': `import { tool } from './p.ts';\nconst all = [tool({ version: 1 } as never)];\nexport default { plugins: [...all] };`,
    },
    `Cannot use ~/cc.config.ts: 1 mistake
  tool.version: expected string, found 1`,
  ],
];

for (const [what, files, text, ...words] of MISTAKES)
  test(`a mistake is told with its place: ${what}`, async (t) => {
    assert.equal(await said(t, files, ...words), text);
  });
