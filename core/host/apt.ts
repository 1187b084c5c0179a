/** Packages by the host's own apt: from what is signed alone, and with patience for whoever else is installing. */
import { type Command, shown } from '../model/command.ts';
import { Failed, type Failure, fail } from '../model/failure.ts';
import { carefulWords, type Unsigned, unsignedIn } from './careful-apt.ts';
import { run, type TaskContext } from './run.ts';

/** apt's own words are kept whatever fails, because only they tell a missing mirror from a missing package. */
export async function install(names: readonly string[], context: TaskContext): Promise<void> {
  try {
    await refuseUnsigned(names, context);
    const careful = carefulWords(await asked(['apt-config', 'dump'], context));
    const apt = (title: string, ...argv: readonly string[]): Command => ({
      argv: ['apt-get', '-q', ...argv],
      env: { DEBIAN_FRONTEND: 'noninteractive' },
      title,
    });
    await patiently(names, apt('apt-get update', ...careful, 'update'), context);
    const options = ['-y', '--no-install-recommends', '--no-upgrade', '-o', 'Dpkg::Use-Pty=0', ...IMPATIENT];
    const installing = apt(`apt-get install ${names.join(' ')}`, ...options, ...careful, 'install', ...names);
    await patiently(names, installing, context);
  } catch (error) {
    if (!(error instanceof Failed) || error.failure.kind !== 'command-failed') throw error;
    const why = error.failure.stderr;
    const fix = FIXES.find(([said]) => said.test(why))?.[1];
    const { host } = context.transport;
    fail({ kind: 'not-installable', host, packages: names, why, ...(fix ? { fix } : {}) }, error);
  }
}

/** cc waits itself, because apt does not say for whom, and older releases do not wait. */
const IMPATIENT = ['-o', 'DPkg::Lock::Timeout=0'];

/** What a command answers that only reads. */
async function asked(argv: readonly string[], { transport, env, signal }: TaskContext): Promise<string> {
  const { code, signal: by, stdout, stderr } = await transport.exec(argv, { env, signal });
  if (code === 0) return stdout;
  const command = shown({ argv });
  return fail({ kind: 'command-failed', host: transport.host, command, code, signal: by, stderr });
}

/** What helps against what apt says, where more helps than to install by hand. */
const FIXES: readonly (readonly [said: RegExp, fix: string])[] = [
  [/dpkg was interrupted/, 'finish on that host what was interrupted: dpkg --configure -a'],
  [
    /Release file for .* (?:is expired|is not valid yet)/,
    'correct the clock; for an archive that nobody updates any more, write [check-valid-until=no] into its line of the sources',
  ],
  [
    /is not signed|no longer signed|NO_PUBKEY|EXPKEYSIG|unauthenticated packages|could not be verified/,
    'name the key of that archive in its line of the sources: [signed-by=FILE]; cc installs nothing that is not signed',
  ],
];

/** Refuses sources by which apt believes an archive without a signature, unless the recipe says that the site trusts it. */
async function refuseUnsigned(names: readonly string[], context: TaskContext): Promise<void> {
  const { transport, notice, trustedSources } = context;
  const found = await unsignedSources(context);
  const named = ({ file, line, option }: Unsigned) =>
    `${file}:${line} has apt trust an archive unsigned: ${option}`;
  for (const each of found.filter(({ file }) => trustedSources.includes(file)))
    notice(`${named(each)}; the recipe allows it`);
  const others = found.filter(({ file }) => !trustedSources.includes(file));
  if (others.length === 0) return;
  const files = [...new Set(others.map(({ file }) => `'${file}'`))].join(', ');
  fail({
    kind: 'not-installable',
    host: transport.host,
    packages: names,
    why: others.map(named).join('\n'),
    fix: `take it out there and name a key, [signed-by=FILE]; or trust it in the recipe: trustedSources: [${files}]`,
  });
}

/** Of all lists that apt reads on this host. */
async function unsignedSources(context: TaskContext): Promise<readonly Unsigned[]> {
  const { transport, signal } = context;
  const wanted = ['list', 'Dir::Etc::sourcelist/f', 'parts', 'Dir::Etc::sourceparts/d'];
  const places = await asked(['apt-config', 'shell', ...wanted], context);
  const place = (name: string) => new RegExp(`^${name}='(.+)'$`, 'm').exec(places)?.[1];
  const [list, parts] = [place('list'), place('parts')];
  const there =
    parts !== undefined && (await transport.files.look(parts, signal)).facts?.kind === 'directory';
  const lists = ['(', '-name', '*.list', '-o', '-name', '*.sources', ')', '-type', 'f'];
  const others = there ? await asked(['find', '-L', parts, '-maxdepth', '1', ...lists], context) : '';
  const found = [list ?? '', ...others.split('\n')].filter((file) => file !== '');
  const unsigned = found.map(async (file) =>
    unsignedIn(file, (await transport.files.text(file, signal)) ?? ''),
  );
  return (await Promise.all(unsigned)).flat();
}

/** Seconds that others may take to install: what a host does by itself after it has booted takes minutes. */
const PATIENCE = 900;
/** Milliseconds between two looks at a lock. */
const PAUSE = 2000;

/** Runs apt as often as somebody else is at work; says who that is. */
async function patiently(names: readonly string[], command: Command, context: TaskContext): Promise<void> {
  const { transport, clock, signal, notice } = context;
  const end = clock.now() + PATIENCE * 1000;
  for (let said = ''; ; ) {
    const lock = await attempt(command, context);
    if (lock === undefined) return;
    let holder = await holderOf(lock, context);
    do {
      const whom = holder ?? 'another process';
      if (clock.now() >= end)
        fail({
          kind: 'packages-locked',
          host: transport.host,
          packages: names,
          lock,
          holder: whom,
          within: PATIENCE,
        });
      if (whom !== said) notice(`waits up to ${PATIENCE} s for ${whom}, which has ${lock}`);
      said = whom;
      await clock.sleep(PAUSE, signal);
      signal.throwIfAborted();
      holder = await holderOf(lock, context);
    } while (holder !== undefined);
  }
}

/** Runs apt; answers the lock that somebody else has. */
async function attempt(command: Command, context: TaskContext): Promise<string | undefined> {
  try {
    await run(command, context);
    return undefined;
  } catch (error) {
    const lock = error instanceof Failed ? lockIn(error.failure) : undefined;
    if (lock === undefined) throw error;
    return lock;
  }
}

/** As apt says it, of old and of new, and as dpkg does where it is asked first. */
const LOCKED = /Could not get lock (\/.*?)(?:\. It is held by process| - open \(11:|$)/m;
const BY_DPKG =
  /^dpkg: error: (dpkg frontend|dpkg status database|dpkg database)(?: lock)? (?:is|was) locked by another process/m;

function lockIn(failure: Failure): string | undefined {
  if (failure.kind !== 'command-failed') return undefined;
  const [, dpkg] = BY_DPKG.exec(failure.stderr) ?? [];
  if (dpkg !== undefined) return `/var/lib/dpkg/lock${dpkg === 'dpkg frontend' ? '-frontend' : ''}`;
  return LOCKED.exec(failure.stderr)?.[1];
}

/** Who has the lock just now, by what the kernel says of all locks (proc_locks(5)); older releases of apt do not tell. */
async function holderOf(lock: string, { transport, signal }: TaskContext): Promise<string | undefined> {
  const [file, locks] = await Promise.all([
    transport.exec(['stat', '-c', '%i', lock], { signal }),
    transport.files.text('/proc/locks', signal),
  ]);
  const inode = file.stdout.trim();
  if (file.code !== 0 || locks === undefined) return undefined;
  const line = new RegExp(`^\\d+: POSIX .* WRITE (\\d+) [0-9a-f]+:[0-9a-f]+:${inode} `, 'm');
  const pid = line.exec(locks)?.[1];
  if (pid === undefined) return undefined;
  const name = await transport.files.text(`/proc/${pid}/comm`, signal);
  return `${name?.trim() || 'a process'} (pid ${pid})`;
}
