/** What a configuration throws may name any file: cc shows no line of one that was not imported, and blames none. */
import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'node:test';
import { cc, folder, MOD } from '../../rig/cc.ts';

/** What is made of an error, by the URL of a file that was not imported; and whether its own place is still told. */
const FORGED: readonly (readonly [what: string, code: string, isPlaced: boolean])[] = [
  ['a message with a place', 'const e = new Error(`no\\n    at ${URL}:1:1`);', true],
  [
    'a message that is a stack',
    'const e = new Error(`no\\n    at f (${URL}:1:1)\\n    at ${URL}:1:1`);',
    true,
  ],
  ['a stack', 'const e = new Error("no"); e.stack = `Error: no\\n    at ${URL}:1:1`;', false],
  [
    'a stack of URLs that no path has',
    'const e = new Error("no"); e.stack = `Error: no\\n    at file:///a%2Fb:1:1\\n    at file://other/a:1:1`;',
    false,
  ],
  [
    'the stack of a file that cannot be parsed',
    'const e = new Error("no"); e.stack = `${URL}:1\\nx\\n^\\n\\nno`;',
    false,
  ],
  [
    'the same, with a path',
    'const e = new Error("no"); e.stack = `${URL.slice(7)}:1\\nx\\n^\\n\\nno`;',
    false,
  ],
  [
    'the same, with a URL that no path has',
    'const e = new Error("no"); e.stack = `file:///a%2Fb:1\\nx\\n^\\n\\nno`;',
    false,
  ],
];

const SECRET = 'what nobody shall see';

/** Runs a configuration that throws it, beside a file that is not imported. */
async function told(t: Parameters<typeof folder>[0], code: string, thrown = 'throw e;') {
  const cwd = await folder(t, { 'package.json': '{}', 'secret.txt': `${SECRET}\n` });
  const url = JSON.stringify(`file://${join(cwd, 'secret.txt')}`);
  const text = `const URL = ${url};\n${code}\n${thrown}\n`;
  await writeFile(join(cwd, 'cc.config.ts'), text);
  const { code: exit, stdout, stderr } = await cc(cwd, 'list');
  assert.deepEqual([exit, stdout], [65, '']);
  assert.ok(!stderr.includes(SECRET), stderr);
  return stderr.replaceAll(cwd, '~');
}

const NAMED = 'const e = new Error("no"); e.name = `x\n    at ${URL}:1:1\n`;';

for (const [what, code, isPlaced] of FORGED) {
  test(`a configuration that throws ${what} is blamed itself`, async (t) => {
    const lines = (await told(t, code)).trimEnd().split('\n');
    assert.deepEqual(lines.slice(0, 2), ['Cannot load ~/cc.config.ts', '  no']);
    const place = `  at ~/cc.config.ts:2:11`;
    assert.deepEqual(lines.slice(2, 3), isPlaced ? [place] : []);
  });

  test(`a getter that throws ${what} is blamed itself`, async (t) => {
    const lines = (await told(t, code, 'export default { get name() { throw e; } };')).split('\n');
    assert.deepEqual(lines[0], 'Cannot use ~/cc.config.ts: 1 mistake');
    assert.match(lines[1] ?? '', /^ {2}name: cannot be read: no/);
    assert.ok(!lines.some((line) => /^ +at ~\/secret/.test(line)), lines.join('\n'));
  });

  test(`a plugin whose build throws ${what} is blamed itself`, async (t) => {
    const build = `import { plugin, recipe, v } from '${MOD}';
const p = plugin({ name: 'p', help: '', options: v.strictObject({}), build: () => { throw e; } });
export default recipe({ name: 'a', plugins: [p()] });`;
    const lines = (await told(t, code, build)).split('\n');
    assert.match(lines[1] ?? '', /^ {2}p: its build failed: no/);
  });
}

test('a name of an error is only told', async (t) => {
  const text = await told(t, NAMED);
  assert.match(text, /^Cannot load ~\/cc.config.ts\n {2}x\n/);
});
