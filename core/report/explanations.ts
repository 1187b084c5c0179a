/** Every sentence about what went wrong, one for each kind of failure. */
import { quoted } from '../model/command.ts';
import type { Failure } from '../model/failure.ts';
import { blameOf, problemLines, thrownLines } from './frame.ts';
import { attemptLines, lastLines, VOUCHERS } from './troubles.ts';
import { counted, holderLine, siteLine } from './words.ts';

/** What is said of a failure; each part is one or more lines without final period. */
export interface Explained {
  readonly what: string;
  readonly why: readonly string[];
  readonly fix?: string;
}

export const EXPLAINED: {
  readonly [K in Failure['kind']]: (failure: Extract<Failure, { kind: K }>) => Explained;
} = {
  'command-failed': ({ host, command, code, signal, stderr }) => ({
    what: `Cannot finish a command on ${host}: it ${signal ? `was ended by ${signal}` : `exited ${code}`}`,
    why: [`$ ${command}`, ...lastLines(stderr, '| ')],
    ...(code === 127 ? { fix: `install "${command.split(' ')[0]}" on ${host}, or correct its PATH` } : {}),
  }),
  'not-converged': ({ host, within, left }) => ({
    what: `Cannot prove the result on ${host}: after its changes and ${within} s it is still not as declared`,
    why: left.map(({ what, why }) => `${why} (would ${what})`),
    fix: 'read the log of the task: cc logs TASK',
  }),
  'timed-out': ({ host, what, within, last }) => ({
    what: `Cannot finish within ${within} s on ${host}: ${what}`,
    why: last ? [last] : [],
    fix: 'read the log of the task: cc logs TASK',
  }),
  interrupted: ({ signal }) => ({
    what: `Interrupted by ${signal}`,
    why: ['what was being changed is recorded as interrupted'],
    fix: 'run the same command again; it goes on from there',
  }),
  'cannot-tell': ({ host, what, why, fix }) => ({
    what: `Cannot ${what} on ${host}`,
    why: lastLines(why),
    ...(fix === undefined ? {} : { fix }),
  }),
  'check-failed': ({ host, what, reasons }) => ({ what: `Cannot confirm on ${host}: ${what}`, why: reasons }),
  'left-out': ({ host, task, changes }) => ({
    what: `Cannot go on without ${task}: it is not as declared, and --limit leaves ${host} out`,
    why: changes.map((change) => `it would ${change}`),
    fix: `cc run ${task}, or name ${host} in --limit, too`,
  }),
  'plugin-threw': ({ host, plugin, step, phase, message, at }) => ({
    what: `Cannot go on with ${plugin}/${step} on ${host}: its ${phase} failed`,
    why: thrownLines(message, at),
    fix: 'correct it there, or tell whoever wrote the plugin',
  }),
  'left-alone': ({ message, at }) => ({
    what: 'Cannot vouch for the result: code of a plugin failed where nobody waited for it',
    why: thrownLines(message, at),
    fix: 'await each promise, and catch what timers throw',
  }),
  overstepped: ({ message, at }) => ({
    what: 'Cannot vouch for the result: code of a plugin or of the configuration did what is for cc alone',
    why: thrownLines(message, at),
    fix: 'throw an error there instead, which fails the task alone',
  }),
  bug: ({ stack }) => ({
    what: 'Cannot go on: this is a bug of cc itself',
    why: stack.split('\n'),
    fix: 'send these lines and what "cc --version" prints to the makers of cc',
  }),
  unreachable: ({ host, address, command, why }) => ({
    what: `Cannot reach ${host} at ${address}`,
    why: lastLines(why),
    fix: `make this work without a question: ${command}`,
  }),
  'agent-lost': ({ host, why }) => ({
    what: `Cannot go on with ${host}: its agent is gone`,
    why: [...lastLines(why), 'what it had started there is ended'],
    fix: 'run the same command again; it goes on from there',
  }),
  'wrong-platform': ({
    host,
    expected,
    found,
    fix = 'run cc on Linux, or name a Linux host in the recipe',
  }) => ({
    what: `Cannot work on ${host}: found ${found}, expected ${expected}`,
    why: [],
    fix,
  }),
  'no-root': ({ host, user, why }) => ({
    what: `Cannot become root on ${host} as ${user}`,
    why: lastLines(why),
    fix: 'run cc as root, or let this user use sudo without a password',
  }),
  'missing-tool': ({ host, tool, package: name }) => ({
    what: `Cannot go on without "${tool}" on ${host}`,
    why: [`it is not installed, and no package of this host provides it`],
    fix: `install the Debian package ${name}, or use a host of the Debian family`,
  }),
  'not-installable': ({ host, packages, why, fix }) => ({
    what: `Cannot install ${packages.join(' ')} on ${host}`,
    why: lastLines(why),
    fix: fix ?? `make this work on ${host}: apt-get install ${packages.join(' ')}`,
  }),
  'packages-locked': ({ host, packages, lock, holder, within }) => ({
    what: `Cannot install ${packages.join(' ')} on ${host}: for ${within} s ${holder} has been installing`,
    why: [lock],
    fix: 'wait until it has ended, and run again',
  }),
  'cannot-change': ({ host, what, differences, fix }) => ({
    what: `Cannot change ${what} on ${host} to what is declared`,
    why: differences.map(({ what, is, declared }) => `${what} is ${is}, declared ${declared}`),
    fix,
  }),
  'bad-excerpt': ({ why }) => ({
    what: 'Cannot use what the bundle has of the Debian archive',
    why: [...lastLines(why), 'it was taken away again'],
    fix: 'make the bundle anew where there is a network: cc bundle FILE',
  }),
  'no-mirror': ({ mirror, why }) => ({
    what: 'Cannot read the Debian archive',
    why: [`as named in ${mirror}`, ...lastLines(why)],
    fix: 'check the network, or name a mirror: --set debian.mirror=URL',
  }),
  'fetch-failed': ({ artifact, attempts }) => ({
    what: `Cannot fetch ${artifact}`,
    why: attempts.flatMap(attemptLines),
    fix: 'check the network and the address, then run again; what has arrived is kept',
  }),
  unlocked: ({ artifact, url, locked }) => ({
    what: `Cannot trust ${artifact}: cc.lock has no digest for it${locked ? ' from this address' : ''}`,
    why: [url, ...(locked ? [`it has one from ${locked}`] : [])],
    fix: `cc lock ${artifact}`,
  }),
  'proxy-unusable': ({ proxy, why, fix }) => ({ what: `Cannot go through ${proxy}`, why: [why], fix }),
  'digest-mismatch': ({ artifact, attempts, by }) => ({
    what: `Cannot use ${artifact}: its bytes are not those that ${VOUCHERS[by]}`,
    why: [...attempts.flatMap(attemptLines), 'nothing was kept or installed'],
    fix: 'find out why they differ before you change the lock',
  }),
  'bytes-changed': ({ artifact, path, expected, found }) => ({
    what: `Cannot use ${artifact}: its bytes ${found ? 'changed after they were verified' : 'are gone'}`,
    why: [path, ...(found ? [`expected sha256 ${expected}`, `found    sha256 ${found}`] : [])],
    fix: 'run again: they are fetched or built anew; if it comes back, find out who writes there',
  }),
  'no-sum': ({ artifact, sums, why }) => ({
    what: `Cannot tell from its sums what ${artifact} must be: ${why}`,
    why: [sums],
    fix: 'name the right list in the plugin, or none, to trust the first bytes that arrive',
  }),
  'bad-signature': ({ artifact, sums, why }) => ({
    what: `Cannot trust the sums of ${artifact}: ${why}`,
    why: [sums, 'nothing was locked'],
    fix: 'find out who signed them; only if its makers have new keys, name those in the plugin',
  }),
  'first-use': ({ artifacts }) => ({
    what: `Cannot lock ${counted(artifacts.length, 'artifact')} that nobody vouches for`,
    why: artifacts.map(({ name, url }) => `${name}: ${url}`),
    fix: 'if you trust what arrives now: cc lock --first-use',
  }),
  'lock-changed': ({ file, changes }) => ({
    what: `Cannot keep ${file}: ${counted(changes.length, 'artifact')} changed behind the same address`,
    why: changes.flatMap(({ name, arch, url, from, to }) => [
      `${name} ${arch}: ${url}`,
      `  locked sha256 ${from}`,
      `  found  sha256 ${to}`,
    ]),
    fix: `find out why, and then: cc lock --accept ${[...new Set(changes.map(({ name }) => name))].join(' ')}`,
  }),
  'bad-archive': ({ archive, entry, why }) => ({
    what:
      entry === undefined ? 'Cannot unpack an archive' : `Cannot unpack an archive with the entry "${entry}"`,
    why: [archive, ...lastLines(why), 'nothing of it was unpacked'],
    fix: 'find out who made it, and whether these are the bytes that were meant',
  }),
  'bundle-unreadable': ({ file, why }) => ({
    what: `Cannot read the bundle ${file}`,
    why: why.split('\n'),
    fix: 'make it where there is a network: cc bundle FILE',
  }),
  'bundle-lacks': ({ file, artifacts, standing }) => ({
    what: `Cannot run from ${standing ? 'what a bundle brought of the Debian archive' : `the bundle ${file}`}: it lacks ${counted(artifacts.length, 'artifact')}`,
    why: artifacts,
    fix: `make ${standing ? 'a bundle' : 'it'} anew from this recipe and its cc.lock: cc bundle FILE${standing ? `; to take them from the network: rm -r ${quoted(file)}` : ''}`,
  }),
  'disk-full': ({ host, what }) => ({
    what: `Cannot ${what.length > 60 ? 'finish a command' : what} on ${host}: no space is left on the device`,
    why: what.length > 60 ? [`$ ${what}`] : [],
    fix: 'free some space and run again; finished work is kept',
  }),
  'cannot-write': ({ path, why }) => ({
    what: `Cannot write ${path}`,
    why: lastLines(why),
    fix: 'name a place that can be written, or make this one so',
  }),
  held: ({ path, host, owner }) => ({
    what: `Cannot start while another run is at work on ${host ?? 'this recipe'}`,
    why: [holderLine(owner), path],
    fix: 'wait for it with --lock-timeout SECONDS, or end it',
  }),
  'no-way-back': ({ task, plugin, what }) => ({
    what: `Cannot take ${task} back: it is no longer declared`,
    why: what.map((each) => `only the plugin "${plugin}" can do this: ${each}`),
    fix: `put it back into the recipe, and then: cc run cleanup; or leave what it made: cc forget ${task}`,
  }),
  'not-undone': ({ host, task, command, code, signal, stderr }) => ({
    what: `Cannot take ${task} back on ${host}: its command ${signal ? `was ended by ${signal}` : `exited ${code}`}`,
    why: [`$ ${command}`, ...lastLines(stderr, '| ')],
    fix: `mend what it complains about, and run again; or leave what it made: cc forget ${task}`,
  }),
  'torn-records': ({ host, records, gone }) => ({
    what: `Cannot tell whether all of cc ${gone ? 'is' : 'would be'} gone from ${host}: ${counted(records.length, 'record')} cannot be read`,
    why: records,
    fix: gone
      ? `see what is left of them, and remove what these tasks made: cc logs ${host}/cc/record`
      : 'have those of declared tasks written anew: cc run all',
  }),
  'foreign-site': ({ host, mine, theirs, way }) => ({
    what: `Cannot work on ${host}: it belongs to another site`,
    why: [`it is of ${siteLine(theirs)}`, `this is ${siteLine(mine)}`],
    fix:
      way ??
      "if both are one site, have its cc.site in each checkout; else take the other site's things back first",
  }),
  'one-machine': ({ hosts, identity }) => ({
    what: `Cannot work on ${hosts.join(' and ')}: they are one machine`,
    why: [`both answer with the identity ${identity}`],
    fix: 'declare it once; if one is a copy of the disk of the other, give that a new one: rm /var/lib/cc/stamps/site',
  }),
  'other-machine': ({ host, of, address }) => ({
    what: `Cannot work on ${host}: things of "${of}" stand there, which is declared as another machine`,
    why: ['cc does not know which of the two names the machine shall have'],
    fix: `correct the addresses; or take back all that stands there, for its new name: cc run cleanup --limit ${address}`,
  }),
  'no-site': ({ file, hosts }) => ({
    what: `Cannot change ${hosts.join(', ')}: this recipe has no identity to note there`,
    why: [`${file} cannot be written, and other machines may reach these hosts, too`],
    fix: 'write a cc.config.ts that extends the recipe in a folder of yours, and run cc there',
  }),
  'config-missing': ({ from }) => ({
    what: `Cannot find a configuration from ${from} upwards`,
    why: ['looked for cc.config.{ts,mjs,js,json,yaml} and the "cc" key of package.json'],
    fix: 'write cc.config.ts, or name a recipe: --recipe lab',
  }),
  'config-unreadable': ({ file, why, at, by, fix }) => ({
    what: `Cannot load ${file}`,
    why: [...thrownLines(why, at), ...(by === undefined ? [] : [`which ${by} imports`])],
    ...(fix === undefined ? {} : { fix }),
  }),
  'config-untrusted': ({ file, flaws, fix }) => ({
    what: `Cannot trust ${file}: somebody else may change what it does`,
    why: flaws.map(({ path, why }) => `${path} ${why}`),
    fix,
  }),
  'config-invalid': ({ file, problems }) => ({
    what: `Cannot use ${blameOf(file, problems)}: ${counted(problems.length, 'mistake')}`,
    why: problems.flatMap(problemLines),
  }),
  'site-unreadable': ({ file, why }) => ({
    what: `Cannot tell from ${file} which site this is`,
    why: [why],
    fix: 'leave the one line in it that hosts of the site have: ssh HOST sudo cat /var/lib/cc/stamps/site',
  }),
  'same-site': ({ file, twin, name }) => ({
    what: `Cannot use ${file} beside ${twin}: both would be the site of cc.site`,
    why: [],
    fix: `mv ${file} ${name}`,
  }),
  'other-recipe': ({ site, name, of, config }) => ({
    what: `Cannot take the recipe "${name}" for the site of "${of}": ${site} is a copy`,
    why: [`"${of}" was run last from ${config}`],
    fix: `for a site of its own: rm ${site}; for the same site under a new name: name it "${of}" once more, then cc run all, then rename it`,
  }),
  'lock-unreadable': ({ file, why, at }) => ({
    what: `Cannot read ${file}`,
    why: thrownLines(why, at),
    fix: 'restore it from version control',
  }),
  'hosts-unreadable': ({ file, why }) => ({
    what: `Cannot read ${file}`,
    why: [...why.split('\n'), 'cc notes there which hosts it has changed for this recipe'],
    fix: `restore it from a backup; without one cc knows the declared hosts alone: mv ${quoted(file)} ${quoted(`${file}.torn`)}`,
  }),
  cycle: ({ path }) => ({
    what: 'Cannot order the tasks: they need each other',
    why: [path.length === 2 ? `${path[0]} needs itself` : path.join(' → ')],
    fix: 'remove one of these needs',
  }),
  'unknown-name': ({ what, name, near, fix }) => ({
    what: `Cannot find ${what} "${name}"`,
    why: near ? [`did you mean "${near}"?`] : [],
    fix: fix ?? (/^(task|a host)/.test(what) ? 'see the names: cc list' : 'see: cc --help'),
  }),
  usage: ({ message, command }) => ({
    what: message,
    why: [],
    fix: `see: cc ${command === undefined ? '--help' : `help ${command}`}`,
  }),
};
