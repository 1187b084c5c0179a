/** A configuration that cannot be loaded is told with file, line, column and the line itself, of the file that is to blame. */
import assert from 'node:assert/strict';
import test from 'node:test';
import { version } from '../../../core/cli/version.ts';
import { ccByNode, folder } from '../../rig/cc.ts';

type Files = Readonly<Record<string, string>>;

const CAUSES: readonly (readonly [what: string, files: Files, text: string])[] = [
  [
    'TypeScript that cannot be parsed',
    { 'cc.config.ts': 'export const a = 1;\nexport default {\n\tname:: "a",\n};' },
    `Cannot load ~/cc.config.ts
  SyntaxError: Expression expected
  at ~/cc.config.ts:3:7
    3 | name:: "a",
      |      ^`,
  ],
  [
    'imported TypeScript that cannot be parsed',
    {
      'cc.config.ts': "import { a } from './lib/a.ts';\nexport default { name: a };",
      'lib/a.ts': 'export const a = ;',
    },
    `Cannot load ~/lib/a.ts
  SyntaxError: Expression expected
  at ~/lib/a.ts:1:18
    1 | export const a = ;
      |                  ^
  which ~/cc.config.ts imports`,
  ],
  [
    'TypeScript that is more than types',
    { 'cc.config.ts': 'enum Kind { A }\nexport default { name: Kind.A };' },
    `Cannot load ~/cc.config.ts
  SyntaxError: TypeScript enum is not supported in strip-only mode
  at ~/cc.config.ts:1:1
    1 | enum Kind { A }
      | ^
  fix: write it in JavaScript: cc takes types away, and translates nothing`,
  ],
  [
    'a module in JavaScript that cannot be parsed',
    { 'cc.config.mjs': 'export default {\n  a:: 1,\n};' },
    `Cannot load ~/cc.config.mjs
  SyntaxError: Unexpected token ':'
  at ~/cc.config.mjs:2:5
    2 | a:: 1,
      |   ^`,
  ],
  [
    'an imported module in JavaScript that cannot be parsed',
    {
      'cc.config.ts': "import './good.mjs';\nimport './bad.mjs';\nexport default {};",
      'good.mjs': '',
      'bad.mjs': '\n  )',
    },
    `Cannot load ~/bad.mjs
  SyntaxError: Unexpected token ')'
  at ~/bad.mjs:2:3
    2 | )
      | ^
  which ~/cc.config.ts imports`,
  ],
  [
    'JavaScript that package.json calls CommonJS',
    { 'package.json': '{"type":"commonjs"}', 'cc.config.js': "import a from './a.js';\nexport default a;" },
    `Cannot load ~/cc.config.js
  SyntaxError: Cannot use import statement outside a module
  at ~/cc.config.js:1:1
    1 | import a from './a.js';
      | ^
  fix: rename it to cc.config.mjs or cc.config.ts: package.json says that .js is CommonJS here`,
  ],
  [
    'a file that is not there',
    { 'cc.config.ts': "const a = 1;\nimport { b } from './nowhere.ts';\nexport default { a, b };" },
    `Cannot load ~/cc.config.ts
  Cannot find module '~/nowhere.ts' imported from ~/cc.config.ts
  at ~/cc.config.ts:2:19
    2 | import { b } from './nowhere.ts';
      |                   ^`,
  ],
  [
    'a file that is not there, for one that is imported',
    { 'cc.config.ts': "import './a.ts';\nexport default {};", 'a.ts': "\nimport './nowhere.ts';" },
    `Cannot load ~/a.ts
  Cannot find module '~/nowhere.ts' imported from ~/a.ts
  at ~/a.ts:2:8
    2 | import './nowhere.ts';
      |        ^
  which ~/cc.config.ts imports`,
  ],
  [
    'a package that is not there',
    { 'cc.config.ts': "import { recipe } from '@some/thing/part';\nexport default recipe({});" },
    `Cannot load ~/cc.config.ts
  Cannot find package '@some/thing' imported from ~/cc.config.ts
  at ~/cc.config.ts:1:24
    1 | import { recipe } from '@some/thing/part';
      |                        ^
  fix: npm install @some/thing`,
  ],
  [
    'cc itself, which no registry has',
    { 'cc.config.ts': "import { recipe } from 'cc-kubernetes';\nexport default recipe({});" },
    `Cannot load ~/cc.config.ts
  Cannot find package 'cc-kubernetes' imported from ~/cc.config.ts
  at ~/cc.config.ts:1:24
    1 | import { recipe } from 'cc-kubernetes';
      |                        ^
  fix: run npm pack in your clone of cc, then here: npm install PATH_OF_CLONE/cc-kubernetes-${version()}.tgz`,
  ],
  [
    'a name that is not exported',
    {
      'cc.config.ts': "import { bee } from './a.ts';\nexport default { name: bee };",
      'a.ts': 'export const b = 1;',
    },
    `Cannot load ~/cc.config.ts
  SyntaxError: The requested module './a.ts' does not provide an export named 'bee'
  at ~/cc.config.ts:1:10
    1 | import { bee } from './a.ts';
      |          ^`,
  ],
  [
    'a throw at the top',
    { 'cc.config.ts': 'const none = undefined as never as { x: number };\nexport default { name: none.x };' },
    `Cannot load ~/cc.config.ts
  TypeError: Cannot read properties of undefined (reading 'x')
  at ~/cc.config.ts:2:29
    2 | export default { name: none.x };
      |                             ^`,
  ],
  [
    'a throw in what it imports',
    { 'cc.config.ts': "import './a b.ts';\nexport default {};", 'a b.ts': 'throw new Error("no luck");' },
    `Cannot load ~/a b.ts
  no luck
  at ~/a b.ts:1:7
    1 | throw new Error("no luck");
      |       ^
  which ~/cc.config.ts imports`,
  ],
  [
    'a promise that fails',
    {
      'cc.config.ts': `async function inventory() {
  await 1;
  throw new Error('inventory is down');
}
export default (async () => ({ hosts: await inventory() }))();`,
    },
    `Cannot load ~/cc.config.ts
  inventory is down
  at ~/cc.config.ts:3:9
    3 | throw new Error('inventory is down');
      |       ^`,
  ],
  [
    'a promise that never settles',
    { 'cc.config.ts': 'export default (async () => { await new Promise(() => {}); })();' },
    `Cannot load ~/cc.config.ts
  it never comes to its end: an await in it, or in what it imports, waits for ever`,
  ],
  [
    'a throw of what is no error',
    { 'cc.config.ts': 'throw { code: 7 };' },
    'Cannot load ~/cc.config.ts\n  threw {"code":7}',
  ],
  [
    'JSON that cannot be parsed',
    { 'cc.config.json': '{\n  "hosts": [1,]\n}' },
    `Cannot load ~/cc.config.json
  SyntaxError: Unexpected token ']'
  at ~/cc.config.json:2:15
    2 | "hosts": [1,]
      |             ^`,
  ],
  [
    'JSON that ends too early',
    { 'cc.config.json': '{ "name": "a"' },
    `Cannot load ~/cc.config.json
  SyntaxError: Expected ',' or '}' after property value
  at ~/cc.config.json:1:14
    1 | { "name": "a"
      |              ^`,
  ],
  [
    'YAML that cannot be parsed',
    { 'cc.config.yaml': 'name: a\nhosts: [}\n' },
    `Cannot load ~/cc.config.yaml
  missed comma between flow collection entries
  at ~/cc.config.yaml:2:9
    2 | hosts: [}
      |         ^`,
  ],
  [
    'JSON that begins with the mark of its encoding',
    { 'cc.config.json': '\uFEFF{"name":}' },
    `Cannot load ~/cc.config.json
  SyntaxError: Unexpected token '}'
  at ~/cc.config.json:1:9
    1 | {"name":}
      |         ^`,
  ],
  [
    'a package.json that cannot be parsed',
    { 'package.json': '{\n  "cc": {,}\n}' },
    `Cannot load ~/package.json
  SyntaxError: Expected property name or '}'
  at ~/package.json:2:10
    2 | "cc": {,}
      |        ^`,
  ],
];

for (const [what, files, text] of CAUSES)
  test(`a configuration that cannot be loaded is told with its place: ${what}`, async (t) => {
    const cwd = await folder(t, { 'package.json': '{}', ...files });
    const { code, stdout, stderr } = await ccByNode({}, cwd, 'list');
    // Node itself warns of CommonJS that looks like a module.
    const own = stderr.replace(/^\(node:\d+\) Warning: .*\n\(Use .*\n/, '');
    assert.equal(own.replaceAll(cwd, '~').trimEnd(), text);
    assert.deepEqual([code, stdout], [65, '']);
  });
