/** The whole text of every failure there is; a new kind does not compile without one. */
import assert from 'node:assert/strict';
import test from 'node:test';
import type { Failure, Trouble } from '../../core/model/failure.ts';
import { NO_IDENTITY } from '../../core/model/owner.ts';
import { explained } from '../../core/report/explain.ts';
import { textOf, visible } from '../../core/report/visible.ts';
import { counted } from '../../core/report/words.ts';

type Case<K extends Failure['kind']> = readonly [failure: Extract<Failure, { kind: K }>, text: string];

const owner = {
  pid: 42,
  started: '1',
  boot: 'b',
  run: '20261122-1',
  command: 'cc run all',
  since: '2026-11-22T12:00:00Z',
  user: 'me',
  from: 'here',
};

const url = 'https://x.org/runc';

const TROUBLES: readonly Trouble[] = [
  { kind: 'corrupt', expected: 'sha256 1', found: 'sha256 2' },
  { kind: 'truncated', expected: 10, found: 9 },
  { kind: 'web-page' },
  { kind: 'too-large', limit: 10 },
  { kind: 'idle', seconds: 60 },
  { kind: 'refused', status: 404, text: '' },
  { kind: 'broken', why: 'one\n\ntwo' },
];
const TOLD = [
  'its bytes are others\n    expected sha256 1\n    found    sha256 2',
  'it ended after 9 of 10 bytes',
  'it sent a web page where a file was expected, as portals and pages to log in do',
  'it sent more than 10 bytes',
  'nothing arrived for 60 s',
  'the server answered 404',
  'one\n    two',
]
  .map((why) => `  ${url}\n    ${why}`)
  .join('\n');

const TEXTS: { readonly [K in Failure['kind']]: readonly Case<K>[] } = {
  'command-failed': [
    [
      { kind: 'command-failed', host: 'n1', command: 'runc -v', code: 2, signal: null, stderr: 'a\n\n b\n' },
      'Cannot finish a command on n1: it exited 2\n  $ runc -v\n  | a\n  |  b',
    ],
    [
      { kind: 'command-failed', host: 'n1', command: 'runc -v', code: null, signal: 'SIGSEGV', stderr: '' },
      'Cannot finish a command on n1: it was ended by SIGSEGV\n  $ runc -v',
    ],
    [
      { kind: 'command-failed', host: 'n1', command: 'runc -v', code: 127, signal: null, stderr: 'no' },
      'Cannot finish a command on n1: it exited 127\n  $ runc -v\n  | no\n  fix: install "runc" on n1, or correct its PATH',
    ],
    [
      {
        kind: 'command-failed',
        host: 'n1',
        command: 'make',
        code: 1,
        signal: null,
        stderr: Array.from({ length: 14 }, (_, index) => `line ${index + 1}\n`).join(''),
      },
      'Cannot finish a command on n1: it exited 1\n  $ make\n  … 2 lines before, in the log\n' +
        Array.from({ length: 12 }, (_, index) => `  | line ${index + 3}`).join('\n'),
    ],
    [
      {
        kind: 'command-failed',
        host: 'n1',
        command: 'make',
        code: 1,
        signal: null,
        stderr: '  fix: rm -r /\n',
      },
      'Cannot finish a command on n1: it exited 1\n  $ make\n  |   fix: rm -r /',
    ],
  ],
  'not-converged': [
    [
      {
        kind: 'not-converged',
        host: 'n1',
        within: 10,
        left: [
          { what: 'have x.service started', why: 'x.service is failed' },
          { what: 'write /a', why: '/a is not there' },
        ],
      },
      'Cannot prove the result on n1: after its changes and 10 s it is still not as declared\n' +
        '  x.service is failed (would have x.service started)\n  /a is not there (would write /a)\n' +
        '  fix: read the log of the task: cc logs TASK',
    ],
  ],
  'timed-out': [
    [
      { kind: 'timed-out', host: 'n1', what: 'the node is ready', within: 300 },
      'Cannot finish within 300 s on n1: the node is ready\n  fix: read the log of the task: cc logs TASK',
    ],
    [
      { kind: 'timed-out', host: 'n1', what: 'the node is ready', within: 300, last: 'it is not' },
      'Cannot finish within 300 s on n1: the node is ready\n  it is not\n  fix: read the log of the task: cc logs TASK',
    ],
  ],
  interrupted: [
    [
      { kind: 'interrupted', signal: 'SIGINT' },
      'Interrupted by SIGINT\n  what was being changed is recorded as interrupted\n  fix: run the same command again; it goes on from there',
    ],
  ],
  'left-out': [
    [
      { kind: 'left-out', host: 'cp-1', task: 'cp-1/kubeadm/init', changes: ['write /etc/x'] },
      'Cannot go on without cp-1/kubeadm/init: it is not as declared, and --limit leaves cp-1 out\n  it would write /etc/x\n  fix: cc run cp-1/kubeadm/init, or name cp-1 in --limit, too',
    ],
  ],
  'cannot-tell': [
    [
      { kind: 'cannot-tell', host: 'n1', what: 'look at /etc/x', why: 'Permission denied\n' },
      'Cannot look at /etc/x on n1\n  Permission denied',
    ],
    [
      { kind: 'cannot-tell', host: 'controller', what: 'read /s', why: 'EACCES', fix: 'run cc as root' },
      'Cannot read /s on controller\n  EACCES\n  fix: run cc as root',
    ],
  ],
  'check-failed': [
    [
      { kind: 'check-failed', host: 'n1', what: 'nginx answers', reasons: ['no answer', 'no pod'] },
      'Cannot confirm on n1: nginx answers\n  no answer\n  no pod',
    ],
  ],
  'cannot-change': [
    [
      {
        kind: 'cannot-change',
        host: 'n1',
        what: 'the cluster',
        differences: [{ what: 'its version', is: '1.20.2', declared: '1.20.3' }],
        fix: 'declare what is there',
      },
      'Cannot change the cluster on n1 to what is declared\n  its version is 1.20.2, declared 1.20.3\n  fix: declare what is there',
    ],
  ],
  unreachable: [
    [
      {
        kind: 'unreachable',
        host: 'n1',
        address: '10.0.0.1',
        command: 'ssh -l root -- 10.0.0.1 true',
        why: 'refused',
      },
      'Cannot reach n1 at 10.0.0.1\n  refused\n  fix: make this work without a question: ssh -l root -- 10.0.0.1 true',
    ],
  ],
  'agent-lost': [
    [
      { kind: 'agent-lost', host: 'n1', why: 'Connection closed by 10.0.0.1\n' },
      'Cannot go on with n1: its agent is gone\n  Connection closed by 10.0.0.1\n' +
        '  what it had started there is ended\n  fix: run the same command again; it goes on from there',
    ],
  ],
  'wrong-platform': [
    [
      { kind: 'wrong-platform', host: 'n1', expected: 'Linux on x86_64 or aarch64', found: 'Darwin arm64' },
      'Cannot work on n1: found Darwin arm64, expected Linux on x86_64 or aarch64\n  fix: run cc on Linux, or name a Linux host in the recipe',
    ],
    [
      { kind: 'wrong-platform', host: 'n1', expected: 'amd64', found: 'arm64', fix: "write arch: 'arm64'" },
      "Cannot work on n1: found arm64, expected amd64\n  fix: write arch: 'arm64'",
    ],
  ],
  'no-root': [
    [
      { kind: 'no-root', host: 'n1', user: 'me', why: 'sudo: a password is required' },
      'Cannot become root on n1 as me\n  sudo: a password is required\n  fix: run cc as root, or let this user use sudo without a password',
    ],
  ],
  'missing-tool': [
    [
      { kind: 'missing-tool', host: 'n1', tool: 'gpgv', package: 'gpgv' },
      'Cannot go on without "gpgv" on n1\n  it is not installed, and no package of this host provides it\n' +
        '  fix: install the Debian package gpgv, or use a host of the Debian family',
    ],
  ],
  'not-installable': [
    [
      { kind: 'not-installable', host: 'n1', packages: ['socat', 'jq'], why: 'E: no\n' },
      'Cannot install socat jq on n1\n  E: no\n  fix: make this work on n1: apt-get install socat jq',
    ],
  ],
  'bad-excerpt': [
    [
      { kind: 'bad-excerpt', why: 'E: it is not signed' },
      'Cannot use what the bundle has of the Debian archive\n' +
        '  E: it is not signed\n  it was taken away again\n' +
        '  fix: make the bundle anew where there is a network: cc bundle FILE',
    ],
  ],
  'no-mirror': [
    [
      { kind: 'no-mirror', mirror: 'http://m.org', why: 'timed out' },
      'Cannot read the Debian archive\n  as named in http://m.org\n  timed out\n  fix: check the network, or name a mirror: --set debian.mirror=URL',
    ],
  ],
  'fetch-failed': [
    [
      { kind: 'fetch-failed', artifact: 'runc', attempts: TROUBLES.map((trouble) => ({ url, trouble })) },
      `Cannot fetch runc\n${TOLD}\n  fix: check the network and the address, then run again; what has arrived is kept`,
    ],
  ],
  unlocked: [
    [
      { kind: 'unlocked', artifact: 'runc', url },
      'Cannot trust runc: cc.lock has no digest for it\n  https://x.org/runc\n  fix: cc lock runc',
    ],
    [
      { kind: 'unlocked', artifact: 'runc', url, locked: 'https://x.org/old' },
      'Cannot trust runc: cc.lock has no digest for it from this address\n  https://x.org/runc\n' +
        '  it has one from https://x.org/old\n  fix: cc lock runc',
    ],
  ],
  'proxy-unusable': [
    [
      { kind: 'proxy-unusable', proxy: 'the proxy http://p', why: 'it is red', fix: 'paint it' },
      'Cannot go through the proxy http://p\n  it is red\n  fix: paint it',
    ],
  ],
  'digest-mismatch': (
    [
      ['cc.lock', 'cc.lock names'],
      ['archive', "the archive's signed index names"],
      ['sums', 'its makers publish sums of'],
    ] as const
  ).map(([by, words]) => [
    { kind: 'digest-mismatch', artifact: 'runc', attempts: [{ url, trouble: TROUBLES[0]! }], by },
    `Cannot use runc: its bytes are not those that ${words}\n  https://x.org/runc\n    its bytes are others\n` +
      '    expected sha256 1\n    found    sha256 2\n  nothing was kept or installed\n' +
      '  fix: find out why they differ before you change the lock',
  ]),
  'packages-locked': [
    [
      {
        kind: 'packages-locked',
        host: 'n1',
        packages: ['a', 'b'],
        lock: '/var/lib/dpkg/lock-frontend',
        holder: 'unattended-upgr (pid 812)',
        within: 900,
      },
      'Cannot install a b on n1: for 900 s unattended-upgr (pid 812) has been installing\n' +
        '  /var/lib/dpkg/lock-frontend\n  fix: wait until it has ended, and run again',
    ],
  ],
  'bytes-changed': [
    [
      { kind: 'bytes-changed', artifact: 'runc', path: '/c/bytes/1', expected: '1', found: '2' },
      'Cannot use runc: its bytes changed after they were verified\n  /c/bytes/1\n' +
        '  expected sha256 1\n  found    sha256 2\n' +
        '  fix: run again: they are fetched or built anew; if it comes back, find out who writes there',
    ],
    [
      { kind: 'bytes-changed', artifact: 'runc', path: '/c/bytes/1' },
      'Cannot use runc: its bytes are gone\n  /c/bytes/1\n' +
        '  fix: run again: they are fetched or built anew; if it comes back, find out who writes there',
    ],
  ],
  'no-sum': [
    [
      { kind: 'no-sum', artifact: 'runc', sums: 'https://x.org/sums', why: 'it is empty' },
      'Cannot tell from its sums what runc must be: it is empty\n  https://x.org/sums\n' +
        '  fix: name the right list in the plugin, or none, to trust the first bytes that arrive',
    ],
  ],
  'bad-signature': [
    [
      { kind: 'bad-signature', artifact: 'runc', sums: 'https://x.org/sums', why: 'it is not signed' },
      'Cannot trust the sums of runc: it is not signed\n  https://x.org/sums\n  nothing was locked\n' +
        '  fix: find out who signed them; only if its makers have new keys, name those in the plugin',
    ],
  ],
  'first-use': [
    [
      { kind: 'first-use', artifacts: [{ name: 'runc', url }] },
      'Cannot lock 1 artifact that nobody vouches for\n  runc: https://x.org/runc\n' +
        '  fix: if you trust what arrives now: cc lock --first-use',
    ],
  ],
  'lock-changed': [
    [
      {
        kind: 'lock-changed',
        file: '/cc.lock',
        changes: [{ name: 'runc', arch: 'arm64', url, from: '1', to: '2' }],
      },
      'Cannot keep /cc.lock: 1 artifact changed behind the same address\n  runc arm64: https://x.org/runc\n' +
        '    locked sha256 1\n    found  sha256 2\n  fix: find out why, and then: cc lock --accept runc',
    ],
  ],
  'bad-archive': [
    [
      { kind: 'bad-archive', archive: '/b/1', entry: 'a/\\n', why: 'it is a fifo' },
      'Cannot unpack an archive with the entry "a/\\n"\n  /b/1\n  it is a fifo\n  nothing of it was unpacked\n' +
        '  fix: find out who made it, and whether these are the bytes that were meant',
    ],
    [
      { kind: 'bad-archive', archive: '/b/1', why: 'tar: no\n' },
      'Cannot unpack an archive\n  /b/1\n  tar: no\n  nothing of it was unpacked\n' +
        '  fix: find out who made it, and whether these are the bytes that were meant',
    ],
  ],
  'bundle-unreadable': [
    [
      { kind: 'bundle-unreadable', file: '/b', why: 'it is none' },
      'Cannot read the bundle /b\n  it is none\n  fix: make it where there is a network: cc bundle FILE',
    ],
  ],
  'bundle-lacks': [
    [
      { kind: 'bundle-lacks', file: '/b', artifacts: ['crio', 'runc'] },
      'Cannot run from the bundle /b: it lacks 2 artifacts\n  crio\n  runc\n' +
        '  fix: make it anew from this recipe and its cc.lock: cc bundle FILE',
    ],
    [
      { kind: 'bundle-lacks', file: '/c c/apt/archive', artifacts: ['root-bookworm'], standing: true },
      'Cannot run from what a bundle brought of the Debian archive: it lacks 1 artifact\n  root-bookworm\n' +
        "  fix: make a bundle anew from this recipe and its cc.lock: cc bundle FILE; to take them from the network: rm -r '/c c/apt/archive'",
    ],
  ],
  'disk-full': [
    [
      { kind: 'disk-full', host: 'n1', what: 'make all' },
      'Cannot make all on n1: no space is left on the device\n  fix: free some space and run again; finished work is kept',
    ],
    [
      { kind: 'disk-full', host: 'n1', what: `make ${'x'.repeat(60)}` },
      `Cannot finish a command on n1: no space is left on the device\n  $ make ${'x'.repeat(60)}\n  fix: free some space and run again; finished work is kept`,
    ],
  ],
  'cannot-write': [
    [
      { kind: 'cannot-write', path: '/site/b.tar', why: 'it is a folder' },
      'Cannot write /site/b.tar\n  it is a folder\n  fix: name a place that can be written, or make this one so',
    ],
  ],
  'no-way-back': [
    [
      { kind: 'no-way-back', host: 'n1', task: 'n1/p/s', plugin: 'p', what: ['kubectl delete x'] },
      'Cannot take n1/p/s back: it is no longer declared\n  only the plugin "p" can do this: kubectl delete x\n  fix: put it back into the recipe, and then: cc run cleanup; or leave what it made: cc forget n1/p/s',
    ],
  ],
  'not-undone': [
    [
      {
        ...{ kind: 'not-undone', host: 'n1', task: 'n1/p/s', command: 'rm /x' },
        ...{ code: 1, signal: null, stderr: 'no file' },
      },
      'Cannot take n1/p/s back on n1: its command exited 1\n  $ rm /x\n  | no file\n  fix: mend what it complains about, and run again; or leave what it made: cc forget n1/p/s',
    ],
    [
      {
        ...{ kind: 'not-undone', host: 'n1', task: 'n1/p/s', command: 'rm /x' },
        ...{ code: null, signal: 'SIGKILL', stderr: '' },
      },
      'Cannot take n1/p/s back on n1: its command was ended by SIGKILL\n  $ rm /x\n  fix: mend what it complains about, and run again; or leave what it made: cc forget n1/p/s',
    ],
  ],
  'torn-records': [
    [
      { kind: 'torn-records', host: 'n1', records: ['n1+p+s.json'], gone: true },
      'Cannot tell whether all of cc is gone from n1: 1 record cannot be read\n  n1+p+s.json\n  fix: see what is left of them, and remove what these tasks made: cc logs n1/cc/record',
    ],
    [
      { kind: 'torn-records', host: 'n1', records: ['n1+p+a.json', 'n1+p+b.json'], gone: false },
      'Cannot tell whether all of cc would be gone from n1: 2 records cannot be read\n  n1+p+a.json\n  n1+p+b.json\n  fix: have those of declared tasks written anew: cc run all',
    ],
  ],
  'foreign-site': [
    [
      {
        kind: 'foreign-site',
        host: 'n1',
        mine: { id: '1-a', name: 'mine' },
        theirs: { id: '2-b', name: 'theirs' },
      },
      'Cannot work on n1: it belongs to another site\n  it is of the recipe "theirs" of the site 2-b\n  this is the recipe "mine" of the site 1-a\n  fix: if both are one site, have its cc.site in each checkout; else take the other site\'s things back first',
    ],
    [
      {
        kind: 'foreign-site',
        host: 'n1',
        mine: { id: NO_IDENTITY, name: 'mine' },
        theirs: { id: '2-b', name: 'theirs' },
        way: 'the way',
      },
      'Cannot work on n1: it belongs to another site\n  it is of the recipe "theirs" of the site 2-b\n  this is the recipe "mine", whose site has no identity yet\n  fix: the way',
    ],
  ],
  'one-machine': [
    [
      { kind: 'one-machine', hosts: ['a (a.example)', 'b (b.example:22)'], identity: '1-a' },
      'Cannot work on a (a.example) and b (b.example:22): they are one machine\n  both answer with the identity 1-a\n  fix: declare it once; if one is a copy of the disk of the other, give that a new one: rm /var/lib/cc/stamps/site',
    ],
  ],
  'other-machine': [
    [
      { kind: 'other-machine', host: 'a (a.example)', of: 'b', address: 'a.example' },
      'Cannot work on a (a.example): things of "b" stand there, which is declared as another machine\n  cc does not know which of the two names the machine shall have\n  fix: correct the addresses; or take back all that stands there, for its new name: cc run cleanup --limit a.example',
    ],
  ],
  'no-site': [
    [
      { kind: 'no-site', file: '/x/cc.site', hosts: ['n1', 'n2'] },
      'Cannot change n1, n2: this recipe has no identity to note there\n  /x/cc.site cannot be written, and other machines may reach these hosts, too\n  fix: write a cc.config.ts that extends the recipe in a folder of yours, and run cc there',
    ],
  ],
  held: [
    [
      { kind: 'held', path: '/s/hold', owner },
      'Cannot start while another run is at work on this recipe\n' +
        '  cc run all (me on here, pid 42, run 20261122-1), since 2026-11-22T12:00:00Z\n  /s/hold\n' +
        '  fix: wait for it with --lock-timeout SECONDS, or end it',
    ],
    [
      { kind: 'held', path: '/run/cc/lock', host: 'n1', owner },
      'Cannot start while another run is at work on n1\n' +
        '  cc run all (me on here, pid 42, run 20261122-1), since 2026-11-22T12:00:00Z\n  /run/cc/lock\n' +
        '  fix: wait for it with --lock-timeout SECONDS, or end it',
    ],
  ],
  'config-missing': [
    [
      { kind: 'config-missing', from: '/site' },
      'Cannot find a configuration from /site upwards\n' +
        '  looked for cc.config.{ts,mjs,js,json,yaml} and the "cc" key of package.json\n' +
        '  fix: write cc.config.ts, or name a recipe: --recipe lab',
    ],
  ],
  'config-unreadable': [
    [
      { kind: 'config-unreadable', file: '/site/cc.config.ts', why: 'Unexpected token\nat line 3' },
      'Cannot load /site/cc.config.ts\n  Unexpected token\n  at line 3',
    ],
  ],
  'config-untrusted': [
    [
      {
        kind: 'config-untrusted',
        file: '/site/cc.config.ts',
        flaws: [{ path: '/site', why: 'belongs to nobody' }],
        fix: 'chown root /site',
      },
      'Cannot trust /site/cc.config.ts: somebody else may change what it does\n  /site belongs to nobody\n' +
        '  fix: chown root /site',
    ],
  ],
  'config-invalid': [
    [
      {
        kind: 'config-invalid',
        file: '/site/cc.config.ts',
        problems: [{ path: 'runc.versoin', message: 'is not an option', near: 'version' }],
      },
      'Cannot use /site/cc.config.ts: 1 mistake\n  runc.versoin: is not an option; did you mean "version"?',
    ],
    [
      {
        kind: 'config-invalid',
        file: '/site/cc.config.ts',
        problems: [
          { path: 'a', message: 'm' },
          { path: 'b', message: 'n' },
        ],
      },
      'Cannot use /site/cc.config.ts: 2 mistakes\n  a: m\n  b: n',
    ],
  ],
  'site-unreadable': [
    [
      { kind: 'site-unreadable', file: '/x/cc.site', why: 'it names no site' },
      'Cannot tell from /x/cc.site which site this is\n  it names no site\n  fix: leave the one line in it that hosts of the site have: ssh HOST sudo cat /var/lib/cc/stamps/site',
    ],
  ],
  'same-site': [
    [
      { kind: 'same-site', file: '/x/cc.ts', twin: 'cc.config.ts', name: '/x/site.ts' },
      'Cannot use /x/cc.ts beside cc.config.ts: both would be the site of cc.site\n  fix: mv /x/cc.ts /x/site.ts',
    ],
  ],
  'other-recipe': [
    [
      { kind: 'other-recipe', site: '/y/cc.site', name: 'b', of: 'a', config: '/x/cc.config.ts' },
      'Cannot take the recipe "b" for the site of "a": /y/cc.site is a copy\n  "a" was run last from /x/cc.config.ts\n  fix: for a site of its own: rm /y/cc.site; for the same site under a new name: name it "a" once more, then cc run all, then rename it',
    ],
  ],
  'lock-unreadable': [
    [
      { kind: 'lock-unreadable', file: '/site/cc.lock', why: 'it is not JSON' },
      'Cannot read /site/cc.lock\n  it is not JSON\n  fix: restore it from version control',
    ],
    [
      {
        ...{ kind: 'lock-unreadable', file: '/site/cc.lock', why: 'SyntaxError: no' },
        at: { file: '/site/cc.lock', line: 1, column: 2, source: '{,}' },
      },
      'Cannot read /site/cc.lock\n  SyntaxError: no\n  at /site/cc.lock:1:2\n    1 | {,}\n      |  ^\n  fix: restore it from version control',
    ],
  ],
  'hosts-unreadable': [
    [
      { kind: 'hosts-unreadable', file: '/s/hosts.json', why: 'it is no list of hosts' },
      'Cannot read /s/hosts.json\n  it is no list of hosts\n  cc notes there which hosts it has changed for this recipe\n  fix: restore it from a backup; without one cc knows the declared hosts alone: mv /s/hosts.json /s/hosts.json.torn',
    ],
  ],
  cycle: [
    [
      { kind: 'cycle', path: ['a', 'b', 'a'] },
      'Cannot order the tasks: they need each other\n  a → b → a\n  fix: remove one of these needs',
    ],
    [
      { kind: 'cycle', path: ['a', 'a'] },
      'Cannot order the tasks: they need each other\n  a needs itself\n  fix: remove one of these needs',
    ],
  ],
  'unknown-name': [
    [
      { kind: 'unknown-name', what: 'task', name: 'rucn', near: 'runc' },
      'Cannot find task "rucn"\n  did you mean "runc"?\n  fix: see the names: cc list',
    ],
    [
      { kind: 'unknown-name', what: 'task', name: 'worker', fix: 'the way' },
      'Cannot find task "worker"\n  fix: the way',
    ],
    [
      { kind: 'unknown-name', what: 'task', name: 'zzz' },
      'Cannot find task "zzz"\n  fix: see the names: cc list',
    ],
    [
      { kind: 'unknown-name', what: 'option', name: '--jsno', near: '--json' },
      'Cannot find option "--jsno"\n  did you mean "--json"?\n  fix: see: cc --help',
    ],
  ],
  'plugin-threw': [
    [
      {
        ...{ kind: 'plugin-threw', host: 'n1', plugin: 'p', step: 's', phase: 'plan', message: 'Error: no' },
        at: { file: '/site/p.ts', line: 3, column: 7, source: 'throw error' },
      },
      'Cannot go on with p/s on n1: its plan failed\n  Error: no\n  at /site/p.ts:3:7\n    3 | throw error\n      |       ^\n  fix: correct it there, or tell whoever wrote the plugin',
    ],
    [
      { kind: 'plugin-threw', host: 'n1', plugin: 'p', step: 's', phase: 'undo', message: 'threw null' },
      'Cannot go on with p/s on n1: its undo failed\n  threw null\n  fix: correct it there, or tell whoever wrote the plugin',
    ],
  ],
  'left-alone': [
    [
      { kind: 'left-alone', message: 'Error: no', at: { file: '/site/p.ts', line: 3 } },
      'Cannot vouch for the result: code of a plugin failed where nobody waited for it\n  Error: no\n  at /site/p.ts:3\n  fix: await each promise, and catch what timers throw',
    ],
  ],
  overstepped: [
    [
      { kind: 'overstepped', message: 'it called process.exit()', at: { file: '/site/p.ts', line: 3 } },
      'Cannot vouch for the result: code of a plugin or of the configuration did what is for cc alone\n  it called process.exit()\n  at /site/p.ts:3\n  fix: throw an error there instead, which fails the task alone',
    ],
  ],
  bug: [
    [
      { kind: 'bug', stack: 'TypeError: no\n    at core' },
      'Cannot go on: this is a bug of cc itself\n  TypeError: no\n      at core\n  fix: send these lines and what "cc --version" prints to the makers of cc',
    ],
  ],
  usage: [[{ kind: 'usage', message: 'Cannot run nothing' }, 'Cannot run nothing\n  fix: see: cc --help']],
};

for (const cases of Object.values(TEXTS)) {
  for (const [failure, text] of cases) {
    test(`${failure.kind} is explained: ${text.split('\n')[0]}`, () => {
      assert.equal(explained(failure).join('\n'), text);
    });
  }
}

test('no line of an explanation ends with a period, and each has something to say', () => {
  for (const [failure] of Object.values(TEXTS).flat())
    for (const line of explained(failure)) assert.match(line, /[^.\s]$/);
});

/** The same failure with other text in each place that has some, but for what says which kind of thing it is. */
function saying(text: string, value: unknown, key = ''): unknown {
  if (typeof value === 'string') return ['kind', 'by'].includes(key) ? value : text;
  if (Array.isArray(value)) return value.map((each) => saying(text, each));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, saying(text, each, name)]));
}

test('no text of any failure can stand at the beginning of a line, or be obeyed by a terminal', () => {
  for (const [failure] of Object.values(TEXTS).flat()) {
    const forged = saying('x\r\n✔ all is well\n\x1b[2J', failure) as Failure;
    const printed = visible(textOf(explained(forged)));
    assert.doesNotMatch(printed, /^✔/m, failure.kind);
    assert.ok(!printed.includes('\x1b'), failure.kind);
  }
});

test('counted puts a noun in the plural unless there is one', () => {
  assert.deepEqual(
    [counted(0, 'line'), counted(1, 'line'), counted(2, 'line')],
    ['0 lines', '1 line', '2 lines'],
  );
});

test('failure that lacks what its kind has is told all the same', () => {
  const why: readonly unknown[] = [
    { kind: 'unreachable' },
    { kind: 'fetch-failed', artifact: 'a', attempts: [5] },
    { kind: 'usage', message: { toString: 5 } },
    { kind: 'check-failed', host: 'h', what: 'w', reasons: 5 },
    { kind: 'of mine' },
  ];
  for (const failure of why as readonly Failure[])
    assert.deepEqual(explained(failure), [
      `Cannot go on: code of a plugin reports a failure "${failure.kind}" without all that this kind has`,
      `  ${JSON.stringify(failure)}`,
      '  fix: correct what it gives to fail(), or tell whoever wrote the plugin',
    ]);
});
