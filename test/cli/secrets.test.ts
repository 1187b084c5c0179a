/** A token that a recipe hands to hosts, looked for in everything that is left, by every way out. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { chmod, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test, { type TestContext } from 'node:test';
import { cc, ccWith, folder, MOD } from '../rig/cc.ts';
import { onTerminal } from '../rig/terminal.ts';
import { missing } from '../rig/tools.ts';

/** It has signs that JSON, shells, addresses and base64 write in other ways. */
const TOKEN = `s3cr"et/to'ken+änd&more`;
const OTHER = `an0ther"to'ken+of=ours`;

const HEAD = `import { built, check, cmd, plugin, recipe, secret, step, v, written } from '${MOD}';
const token = secret('token', { env: 'TOKEN' });
`;

interface Place {
  /** A folder on the host that nobody else writes. */
  readonly at: string;
  readonly where: string;
  readonly root: string;
}

/** All the places where a secret may stand, and each way by which a program may say it. */
const recipeOf = ({ at, where, root }: Place, hosts = '') => `${HEAD}
const at = { where: ${where}, root: ${root} };
const odd = plugin({ name: 'odd', help: 'x', options: v.strictObject({}), build: () => ({ steps: [
  written(['token = ', token, '\\n'], { ...at, name: 'conf', path: '${at}/conf' }),
  built({ ...at, name: 'make', outputs: ['${at}/made'], inputs: { token },
    make: [{ argv: ['sh', '-c', ${JSON.stringify(`echo "$T"; printf %s "$T" | base64; cat; tr '\\0' ' ' </proc/$$/cmdline; touch ${at}/made`)}],
      env: { T: token }, input: ['given ', token, '\\n'] }] }),
  check({ ...at, name: 'said', title: 'say it', inputs: { token }, script: async ({ run, log, zx, view }) => {
    const said = await run({ ...cmd\`sh -c ${'${'}'printf %s "$T"'}\`, env: { T: token } });
    log('it is ' + said + '\\n');
    const $ = await zx();
    await $\`cat ${at}/conf\`;
    return { said, file: await view.text('${at}/conf') };
  } }),
] }) });
export default recipe({ name: 'odd', ${hosts} plugins: [odd()] });
`;

const HERE = `'controller'`;

/** How a token may be written; a part of it counts, too. */
function formsOf(token: string): readonly string[] {
  const json = JSON.stringify(token).slice(1, -1);
  const base64 = Buffer.from(token).toString('base64');
  return [token, json, encodeURIComponent(token), base64.replace(/=+$/, ''), token.slice(0, 12)];
}

function assertClean(text: string, what: string, tokens: readonly string[] = [TOKEN, OTHER]): void {
  for (const form of tokens.flatMap(formsOf))
    assert.ok(!text.includes(form), `${what} has ${form} in it:\n${text.slice(0, 2000)}`);
}

function assertCleanFolder(path: string): void {
  for (const entry of readdirSync(path, { recursive: true, withFileTypes: true }))
    if (entry.isFile()) {
      const file = join(entry.parentPath, entry.name);
      assertClean(readFileSync(file, 'latin1'), file);
      assertClean(readFileSync(file, 'utf8'), file);
    }
}

async function place(t: TestContext) {
  const cwd = await folder(t);
  const at = await folder(t);
  writeFileSync(join(cwd, 'cc.config.ts'), recipeOf({ at, where: HERE, root: 'false' }));
  const run = (token: string | undefined, ...words: string[]) => ccWith({ TOKEN: token }, cwd, ...words);
  const clean = async (token: string | undefined, ...words: string[]) => {
    const ran = await run(token, ...words);
    assertClean(ran.stdout + ran.stderr, words.join(' '));
    for (const left of ['state', 'cache', 'home']) {
      try {
        assertCleanFolder(join(cwd, left));
      } catch (error) {
        if (!(error instanceof Error && 'code' in error && error.code === 'ENOENT')) throw error;
      }
    }
    return ran;
  };
  return { cwd, at, run, clean };
}

for (const json of [[], ['--json']] as const)
  test(`run ${json.join()} leaves a token nowhere but in the file that it is for`, async (t) => {
    const { at, clean } = await place(t);
    const ran = await clean(TOKEN, 'run', 'all', ...json);
    assert.equal(ran.code, 0, ran.stdout + ran.stderr);
    assert.equal(readFileSync(join(at, 'conf'), 'utf8'), `token = ${TOKEN}\n`);
    for (const words of [['plan'], ['status'], ['list'], ['graph'], ['why', 'odd/make'], ['why', 'odd/said']])
      await clean(TOKEN, ...words, ...(words[0] === 'graph' ? [] : json));
    const log = await clean(TOKEN, 'logs', 'odd/make');
    assert.match(log.stdout, /^\| <token>\n\| <token>\n\| given <token>\n/m);
    assert.match((await clean(TOKEN, 'logs', 'odd/said')).stdout, /it is <token>\n/);
  });

test('a terminal shows no token, neither what moves nor what stays', {
  skip: missing('script'),
}, async (t) => {
  const { cwd, at } = await place(t);
  const shown = await onTerminal(cwd, { TOKEN }, 'run', 'all');
  assert.match(shown, /: 3 applied/);
  assertClean(shown, 'the terminal');
  await writeFile(join(at, 'conf'), 'else');
  const plan = await onTerminal(cwd, { TOKEN: OTHER }, 'plan');
  assert.match(plan, /<token> changed/);
  assertClean(plan, 'the terminal');
});

test('a run that finds everything as declared changes nothing; another token is told as changed', async (t) => {
  const { at, clean } = await place(t);
  await clean(TOKEN, 'run', 'all');
  assert.match((await clean(TOKEN, 'run', 'all')).stdout, /^0 changed in .*: \d+ verified$/m);
  const why = await clean(OTHER, 'why', 'odd/make');
  assert.match(why.stdout, /inputs\.extra\.token: <token> changed/);
  const plan = await clean(OTHER, 'plan');
  assert.match(plan.stdout, /inputs\.secrets\.token: <token> changed/);
  assert.equal((await clean(OTHER, 'run', 'all')).code, 0);
  assert.equal(readFileSync(join(at, 'conf'), 'utf8'), `token = ${OTHER}\n`);
});

test('plan of a bare host and list do without a token; a run and a later plan name it', async (t) => {
  const { at, clean } = await place(t);
  assert.equal((await clean(undefined, 'list')).code, 0);
  assert.match((await clean(undefined, 'plan')).stdout, /^ {4}write .*conf$/m);
  const ran = await clean(undefined, 'run', 'all');
  assert.equal(ran.code, 1);
  assert.match(ran.stdout, /Cannot read the secret <token> on controller/);
  assert.match(ran.stdout, /export TOKEN=/);
  assert.deepEqual(readdirSync(at), []);
  await clean(TOKEN, 'run', 'all');
  const plan = await clean(undefined, 'plan');
  assert.match(plan.stdout, /Cannot read the secret <token> on controller/);
});

test('cleanup needs no token', async (t) => {
  const { at, clean } = await place(t);
  await clean(TOKEN, 'run', 'all');
  const ran = await clean(undefined, 'run', 'cleanup');
  assert.equal(ran.code, 0, ran.stdout + ran.stderr);
  assert.ok(!readdirSync(at).includes('conf'));
});

/** What fails after it has said the token, in each part of a step. */
const FAILING: Readonly<Record<string, string>> = {
  'a command': `plan: () => [{ kind: 'run', why: 'x', command: echo }]`,
  'a probe': `probe: async (view) => { throw new Error('no: ' + (await view.read(said))); }`,
  'a probe with a cause': `probe: async (view) => { throw new Error('no', { cause: await view.read(said) }); }`,
  'a look': `probe: async (view) => { await view.read(echo); }`,
  'a script': `plan: () => [{ kind: 'script', title: 'x', why: 'x', script: async ({ run }) => {
    throw new Error('no: ' + encodeURIComponent(await run(said))); } }]`,
  'facts that are none': `probe: async (view) => ({ [await view.read(said)]: 1n })`,
};

for (const [what, parts] of Object.entries(FAILING))
  for (const json of [[], ['--json']] as const)
    test(`${what} that fails with a token shows its label ${json.join()}`, async (t) => {
      const { cwd, clean } = await place(t);
      await writeFile(
        join(cwd, 'cc.config.ts'),
        `${HEAD}const said = { ...cmd\`printenv T\`, env: { T: token } };
const echo = { ...cmd\`sh -c ${'${'}'echo "$T"; echo "no $T" >&2; exit 3'}\`, env: { T: token } };
const bad = plugin({ name: 'bad', help: 'x', options: v.strictObject({}), build: () => ({ steps: [step({
  name: 's', where: 'controller', root: false, inputs: { token }, probe: async () => null, plan: () => [], ${parts} })] }) });
export default recipe({ name: 'odd', plugins: [bad()] });
`,
      );
      const ran = await clean(TOKEN, 'run', 'all', ...json);
      assert.equal(ran.code, 1);
      if (!what.endsWith('cause')) assert.match(ran.stdout, /<token>/);
      await clean(TOKEN, 'logs', 'bad');
      await clean(TOKEN, 'plan', ...json);
    });

/** What would show a secret, and what is said of it. */
const REFUSED: Readonly<Record<string, readonly [string, RegExp]>> = {
  'a word of a command': [
    'plan: () => [{ kind: "run", why: "x", command: cmd`echo ${token}` }]',
    /env or input/,
  ],
  'a word by hand': [
    'plan: () => [{ kind: "run", why: "x", command: { argv: ["echo", token] } }]',
    /env or input/,
  ],
  'a word of a look': ['probe: (view) => view.read({ argv: ["echo", token] })', /env or input/],
  'a title': [
    'plan: () => [{ kind: "run", why: "x", command: { argv: ["true"], title: token } }]',
    /where cc shows/,
  ],
  'a reason': [
    'plan: () => [{ kind: "run", why: [token], command: { argv: ["true"] } }]',
    /what it answered\[0\]\.why: expected a text, found a list/,
  ],
  'a path': ['plan: () => [{ kind: "remove", why: "x", path: token }]', /where cc shows/],
  'a file for all': [
    'plan: () => [{ kind: "write", why: "x", path: "/x", text: token, mode: 0o644 }]',
    /\/x holds the secret <token>, so its mode must give others nothing/,
  ],
};

for (const [what, [parts, said]] of Object.entries(REFUSED))
  test(`a secret as ${what} is refused before anything is changed`, async (t) => {
    const { cwd, clean } = await place(t);
    await writeFile(
      join(cwd, 'cc.config.ts'),
      `${HEAD}const bad = plugin({ name: 'bad', help: 'x', options: v.strictObject({}), build: () => ({ steps: [step({
  name: 's', where: 'controller', root: false, probe: async () => null, plan: () => [], ${parts} })] }) });
export default recipe({ name: 'odd', plugins: [bad()] });
`,
    );
    const ran = await clean(TOKEN, 'plan');
    assert.equal(ran.code, 1, ran.stdout);
    assert.match(ran.stdout, said);
  });

test('a written file with a secret that others may read is a mistake of the configuration', async (t) => {
  const cwd = await folder(t, {
    'cc.config.ts': `${HEAD}const bad = plugin({ name: 'bad', help: 'x', options: v.strictObject({}), build: () => ({
  steps: [written([token], { name: 'x', path: '/x', mode: 0o644 })] }) });
export default recipe({ name: 'odd', plugins: [bad()], hosts: [{ name: 'a', roles: [], connection: { kind: 'local' } }] });
`,
  });
  const ran = await cc(cwd, 'list');
  assert.equal(ran.code, 65);
  assert.match(
    ran.stderr,
    /\/x holds the secret <token>, so its mode must give others nothing, as 0600 does/,
  );
});

test('a secret comes from a file that nobody else can read, and from a command', async (t) => {
  const { cwd, at, clean } = await place(t);
  const file = join(cwd, 'token');
  const from = async (source: string) => {
    const text = recipeOf({ at, where: HERE, root: 'false' }).replace(`{ env: 'TOKEN' }`, source);
    await writeFile(join(cwd, 'cc.config.ts'), text);
    return clean(undefined, 'run', 'all');
  };
  await writeFile(file, `${TOKEN}\n`, { mode: 0o644 });
  await chmod(file, 0o644);
  const open = await from(`{ file: '${file}' }`);
  assert.match(open.stdout, new RegExp(`others may read ${file} \\(mode 0644\\): chmod go= ${file}`));
  await chmod(file, 0o600);
  const closed = await from(`{ file: '${file}' }`);
  assert.equal(closed.code, 0, closed.stdout);
  assert.equal(readFileSync(join(at, 'conf'), 'utf8'), `token = ${TOKEN}\n`);
  assert.match((await from(`{ command: ['cat', '${file}'] }`)).stdout, /: \d+ verified$/m);
  const gone = await from(`{ command: ['sh', '-c', 'echo locked >&2; exit 3'] }`);
  assert.match(gone.stdout, /the command sh -c .* exited 3\n\s+locked/);
  const short = await from(`{ command: ['echo', 'abc'] }`);
  assert.match(short.stdout, /less than 6 characters/);
});

test('programs of the controller do not inherit a variable that holds a secret', async (t) => {
  const { cwd, clean } = await place(t);
  await writeFile(
    join(cwd, 'cc.config.ts'),
    `${HEAD}const env = plugin({ name: 'env', help: 'x', options: v.strictObject({}), build: () => ({ steps: [
  step({ name: 's', where: 'controller', root: false, probe: async (view) => ({ env: await view.read(cmd\`env\`) }), plan: () => [] })] }) });
export default recipe({ name: 'odd', plugins: [env()] });
`,
  );
  const ran = await clean(TOKEN, 'run', 'all');
  assert.equal(ran.code, 0, ran.stdout);
});
