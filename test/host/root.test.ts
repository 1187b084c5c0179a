/** Becoming root: not needed, by sudo, or refused. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MARK } from '../../core/host/reap.ts';
import { asRoot } from '../../core/host/root.ts';
import type { ExecOptions, Exit, Transport } from '../../core/host/transport.ts';
import { digestOf } from '../../core/model/digest.ts';
import { Failed } from '../../core/model/failure.ts';

type Call = { readonly argv: readonly string[]; readonly options: ExecOptions };

/** A host that expects exactly these commands, by their words, and fails on any other. */
function host(answers: Readonly<Record<string, Partial<Exit>>>) {
  const calls: Call[] = [];
  const unexpected = () => assert.fail('files of the user are not asked');
  const transport: Transport = {
    host: 'node-1',
    exec: async (argv, options = {}) => {
      calls.push({ argv, options });
      const answer = answers[argv.join(' ')] ?? answers[argv.slice(0, 4).join(' ')];
      assert.ok(answer, `unexpected: ${argv.join(' ')}`);
      return { code: 0, signal: null, stdout: '', stderr: '', ...answer };
    },
    through: (line) => ['through', line],
    files: {
      look: unexpected,
      text: unexpected,
      install: unexpected,
      folder: unexpected,
      unpack: unexpected,
      remove: unexpected,
    },
    [Symbol.asyncDispose]: async () => {},
  };
  return { transport, calls };
}

test('root needs nothing more', async () => {
  const { transport, calls } = host({});
  assert.equal(await asRoot(transport, 'root'), transport);
  assert.deepEqual(calls, []);
});

test('root by sudo gets words, variables and the rest of the options', async () => {
  const { transport, calls } = host({ 'sudo -n true': {}, 'sudo -n env A=1': { code: 3, stdout: 'out' } });
  const root = await asRoot(transport, 'admin');
  const { signal } = new AbortController();
  const onOutput = () => {};
  const options = { input: 'in', cwd: '/x', signal, onOutput };
  const exit = await root.exec(['p', 'a b'], { ...options, env: { A: '1', B: "it's" } });
  assert.deepEqual(exit, { code: 3, signal: null, stdout: 'out', stderr: '' });
  assert.deepEqual(calls.at(-1), { argv: ['sudo', '-n', 'env', 'A=1', "B=it's", 'p', 'a b'], options });
});

test('root by sudo runs lines of bash and scripts for files through sudo', async () => {
  const digest = digestOf('');
  const { transport } = host({
    'sudo -n true': {},
    'sudo -n env sh': { stdout: `owned file 644 0 ${digest}\n` },
  });
  const root = await asRoot(transport, 'admin');
  assert.deepEqual(root.through("echo 'a b'"), ['through', `sudo -n bash -c 'echo '\\''a b'\\'''`]);
  assert.deepEqual(await root.files.look('/x'), {
    facts: { kind: 'file', mode: 0o644, size: 0, digest },
    owned: true,
  });
});

test('root without a way to it is refused with the words of sudo', async () => {
  const refusals: readonly Partial<Exit>[] = [
    { code: 1, stderr: 'sudo: a password is required\n' },
    { code: 127, stderr: 'sudo: not found' },
  ];
  for (const refusal of refusals) {
    const { transport } = host({ 'sudo -n true': refusal });
    await assert.rejects(asRoot(transport, 'admin'), (error) => {
      assert.ok(error instanceof Failed);
      assert.deepEqual(error.failure, {
        kind: 'no-root',
        host: 'node-1',
        user: 'admin',
        why: refusal.stderr?.trim(),
      });
      return true;
    });
  }
});

test('root by sudo stopped under a command ends what sudo started, by its mark', async () => {
  const reaping = 'sudo -n env sh';
  const { transport, calls } = host({ 'sudo -n true': {}, [reaping]: { stdout: '1\n' } });
  const ended = Promise.withResolvers<Exit>();
  const exec: Transport['exec'] = (argv, options) =>
    argv.includes('sleep') ? ended.promise : transport.exec(argv, options);
  const root = await asRoot({ ...transport, exec }, 'admin');
  const reaped = () => calls.filter(({ argv }) => argv.slice(0, 4).join(' ') === reaping);
  const [stop, unmarked] = [new AbortController(), new AbortController()];
  const running = root.exec(['sleep', '1000'], { signal: stop.signal, env: { [MARK]: 'run/a' } });
  const other = root.exec(['sleep', '1000'], { signal: unmarked.signal, env: { A: '1' } });
  unmarked.abort();
  assert.deepEqual(reaped(), []);
  stop.abort();
  assert.deepEqual(
    reaped().map(({ argv, options }) => [argv.slice(-2), options.signal]),
    [[['cc', `${MARK}=run/a`], undefined]],
  );
  ended.resolve({ code: 1, signal: null, stdout: '', stderr: '' });
  await Promise.all([running, other]);
});

test('root by sudo has nothing more to end once its command is done', async () => {
  const { transport, calls } = host({ 'sudo -n true': {}, [`sudo -n env ${MARK}=run/a`]: {} });
  const root = await asRoot(transport, 'admin');
  const stop = new AbortController();
  await root.exec(['true'], { signal: stop.signal, env: { [MARK]: 'run/a' } });
  const before = calls.length;
  stop.abort();
  assert.equal(calls.length, before);
});

test('root by sudo stopped on a host that has gone answers its command, and nothing is left unhandled', async () => {
  const { transport } = host({ 'sudo -n true': {} });
  const ended = Promise.withResolvers<Exit>();
  const exec: Transport['exec'] = (argv, options) => {
    if (argv.includes('sleep')) return ended.promise;
    return argv.includes('sh') ? Promise.reject(new Error('unreachable')) : transport.exec(argv, options);
  };
  const root = await asRoot({ ...transport, exec }, 'admin');
  const stop = new AbortController();
  const running = root.exec(['sleep', '1000'], { signal: stop.signal, env: { [MARK]: 'run/a' } });
  stop.abort();
  await new Promise((done) => setImmediate(done)); // an unhandled rejection fails the test
  ended.resolve({ code: 1, signal: null, stdout: '', stderr: '' });
  assert.equal((await running).code, 1);
});
