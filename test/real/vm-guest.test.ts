/**
 * The guest of Debian's packages, made by the plugin's own commands: the same bytes whoever makes it, and what is in it. Then the
 * words of the runtime on the QEMUs of Debian's releases: adapted, the guest comes up; as they were, QEMU refuses them.
 */
import assert from 'node:assert/strict';
import { chmod, chown, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { digestOf } from '../../core/model/digest.ts';
import { ASK_READY, READY } from '../../plugins/clear-containers/guest/init.ts';
import { NETWORKS } from '../../plugins/clear-containers/network.ts';
import { adapted } from '../../plugins/vm/adapter.ts';
import { BOOT, WITHIN } from '../../plugins/vm/boot.ts';
import type { Root } from '../rig/debian-root.ts';
import { guestAt, ingredients, inside, makingGuest, stepOf, tasksAt, virtual } from './virtual.ts';

/** Who makes a guest: as whom, with which umask, in which folder. */
interface Maker {
  readonly uid: 0 | 65534;
  readonly umask: '022' | '077';
  readonly cache: string;
}

const FIRST: Maker = { uid: 0, umask: '022', cache: '/mnt/one' };
/** Differs in all of it. */
const OTHER: Maker = { uid: 65534, umask: '077', cache: '/mnt/two/with a blank' };
const FILES = ['vmlinux', 'initrd', 'guest.img'];
/** A program that is linked dynamically, and tells what it is given. */
const AGENT = '/usr/bin/env';

const debian12 = await virtual();
const folder = await mkdtemp(join(tmpdir(), 'cc-guest-'));
const given = debian12.kind === 'here' ? await ingredients(folder) : debian12;
const skip = given.kind === 'missing' && given.why;

/** Runs a script in a Debian; fails with what it says unless it exits 0. */
async function said(root: Root, script: string, ...words: readonly string[]): Promise<string> {
  assert.ok(root.kind === 'here'); // else it is skipped
  const { code, stdout, stderr } = await inside(root.folder, folder, 'sh', '-euc', script, 'cc', ...words);
  assert.equal(code, 0, stdout + stderr);
  return stdout;
}

async function make({ uid, umask, cache }: Maker): Promise<void> {
  const own = join(folder, cache.slice('/mnt/'.length));
  await mkdir(own, { recursive: true });
  await chown(own, uid, uid);
  const script = makingGuest(cache, ({ name }) => (name === 'cc-agent' ? AGENT : `/mnt/${name}`));
  const as = uid === 0 ? [] : ['setpriv', `--reuid=${uid}`, `--regid=${uid}`, '--clear-groups', '--'];
  await said(debian12, 'umask "$1"; shift; exec "$@"', umask, ...as, 'sh', '-euc', script);
}

async function digestsOf({ cache }: Maker): Promise<readonly string[]> {
  const place = join(folder, guestAt(cache).slice('/mnt/'.length));
  return Promise.all(FILES.map(async (name) => digestOf(await readFile(join(place, name)))));
}

if (given.kind === 'here') {
  before(async () => {
    await chmod(folder, 0o755);
    await make(FIRST);
  });
}

after(() => rm(folder, { recursive: true, force: true }));

test('guest is the same when another user makes it with another umask in another folder', {
  skip,
}, async () => {
  await make(OTHER);
  assert.deepEqual(await digestsOf(OTHER), await digestsOf(FIRST));
});

/** The file system of the image, as a file of its own. */
const PART = `dd if=${guestAt(FIRST.cache)}/guest.img of=/opt/part bs=1M skip=1 conv=sparse status=none`;

test('image is clean, and its partition is where the kernel looks for it', { skip }, async () => {
  assert.match(
    await said(debian12, `${PART}; e2fsck -fn /opt/part 2>&1`),
    /^Pass 5: .*\n\/opt\/part: \d+\/512 files/m,
  );
  const table = await said(debian12, `sfdisk --dump ${guestAt(FIRST.cache)}/guest.img 2>/dev/null`);
  assert.match(table, /^label: dos$/m);
  assert.deepEqual(table.match(/start=.*/g), [
    `start=        2048, size=${String(38 * 2048).padStart(12)}, type=83`,
  ]);
});

/** Every name below the root of the image, with its mode and its owner. */
const WALK = `walk() {
  debugfs -R "ls -p $1/" /opt/part 2>/dev/null | while IFS=/ read -r _ _ mode uid gid name _; do
    case $name in '' | . | ..) continue ;; esac
    echo "$mode $uid:$gid $1/$name"
    case $mode in 04*) walk "$1/$name" ;; esac
  done
}
walk '' | sort -k 3`;

/** Its libraries are those of the package, whatever the controller has. */
const CONTENT = `040755 0:0 /bin
100755 0:0 /bin/busybox
120777 0:0 /bin/sh
040755 0:0 /dev
040755 0:0 /etc
100644 0:0 /etc/group
100644 0:0 /etc/hosts
100644 0:0 /etc/passwd
040755 0:0 /lib
100755 0:0 /lib/ld-linux-x86-64.so.2
100755 0:0 /lib/libc.so.6
040755 0:0 /lib64
120777 0:0 /lib64/ld-linux-x86-64.so.2
040700 0:0 /lost+found
040755 0:0 /proc
040755 0:0 /root
040755 0:0 /run
040755 0:0 /sys
041777 0:0 /tmp
040755 0:0 /usr
040755 0:0 /usr/bin
100755 0:0 /usr/bin/cc-agent
040755 0:0 /usr/lib
040755 0:0 /usr/lib/systemd
100755 0:0 /usr/lib/systemd/systemd
040755 0:0 /var
`;

test('image has the agent with its libraries, and everything in it is of root', { skip }, async () => {
  assert.equal(await said(debian12, `${PART}; ${WALK}`), CONTENT);
});

test('everything in the initrd is of root, and of no day', { skip }, async () => {
  const list = await said(debian12, `gzip -dc ${guestAt(FIRST.cache)}/initrd | cpio -itvn --quiet`);
  const lines = list.trimEnd().split('\n');
  const known = /^(drwxr-xr-x|-rwxr-xr-x|-rw-r--r--) +\d+ 0 +0 +\d+ Jan {2}1 {2}1970 /;
  assert.deepEqual(
    lines.filter((line) => !known.test(line)),
    [],
  );
  const names = lines.map((line) => line.slice(line.lastIndexOf(' ') + 1));
  assert.deepEqual(
    names.filter((name) => !name.endsWith('.ko')),
    ['.', 'bin', 'bin/busybox', 'dev', 'init', 'modules', 'modules/order', 'proc', 'root', 'sys'],
  );
});

/** Names each module that comes before one it depends on, and each file that is never loaded. */
const ORDER = `mkdir /opt/initrd; cd /opt/initrd
gzip -dc "$1" | cpio -id --quiet
seen=' '
while read -r name; do
  for other in $(modinfo -F depends "modules/$name.ko" | tr , ' ' | tr - _); do
    case $seen in *" $other "*) ;; *) echo "$name before $other" ;; esac
  done
  seen="$seen$name "
done <modules/order
for file in modules/*.ko; do
  name=\${file##*/}
  case $seen in *" \${name%.ko} "*) ;; *) echo "$name is not loaded" ;; esac
done
echo "$seen"`;

test('initrd loads the modules that the guest needs, each after those it depends on', { skip }, async () => {
  const [seen = '', ...wrong] = (await said(debian12, ORDER, `${guestAt(FIRST.cache)}/initrd`))
    .trimEnd()
    .split('\n')
    .toReversed();
  assert.deepEqual(wrong, []);
  // What the kernel itself has is left out; these are modules in Debian 12.
  for (const name of ['virtio_pci', 'virtio_net', 'nfit', 'nd_pmem', 'ext4', '9p', 'xfrm_user', 'nfnetlink'])
    assert.ok(seen.split(' ').includes(name), name);
});

test('image and initrd take at most 20 MB', { skip }, async () => {
  const initrd = Number(await said(debian12, `stat -c %s ${guestAt(FIRST.cache)}/initrd`));
  const facts = await said(debian12, `${PART}; dumpe2fs -h /opt/part 2>/dev/null`);
  const fact = (name: string) => Number(new RegExp(`^${name}: +(\\d+)$`, 'm').exec(facts)?.[1]);
  const used = (fact('Block count') - fact('Free blocks')) * fact('Block size');
  assert.ok(used > 2 ** 20, facts);
  assert.ok(initrd + used <= 20e6, `${initrd} + ${used}`);
});

/** Where the plugin has it on hosts. */
const PLACE = '/opt/cc/clear-containers/debian';
const PLACED = `mkdir -p ${PLACE.slice(0, PLACE.lastIndexOf('/'))}; ln -s ${guestAt(FIRST.cache)} ${PLACE}`;
const PROGRAM = '/usr/bin/qemu-system-x86_64';
const how = { accel: 'tcg', initrd: `${PLACE}/initrd`, network: NETWORKS.bridged.script! } as const; // bridges need one

/** What the plugin boots. */
const { words } = stepOf(tasksAt('/cache'), 'boots').inputs as { readonly words: readonly string[] }; // as it says

/** What the console says of a guest that is booted as the plugin does. */
async function booted(root: Root, words: readonly string[]): Promise<string> {
  await writeFile(join(folder, 'adapter'), adapted({ qemu: PROGRAM, ...how }), { mode: 0o755 });
  return said(root, `${PLACED}\n${BOOT}`, String(WITHIN.tcg), '/mnt/adapter', ...words);
}

test('agent of the guest runs with its libraries', { skip }, async () => {
  const whole = words.map((word) => word.replace(` ${ASK_READY}`, ''));
  assert.match(await booted(debian12, whole), /^PATH=\/bin:\/usr\/bin$/m);
});

/** The words that QEMU is called with in the end. */
async function adaptedOn(root: Root): Promise<readonly string[]> {
  const echo = `[ "$*" != --version ] || exec ${PROGRAM} --version\nprintf '%s\\0' "$@"`;
  await writeFile(join(folder, 'echo'), `#!/bin/sh\n${echo}\n`, { mode: 0o755 });
  const script = adapted({ qemu: '/mnt/echo', ...how });
  return (await said(root, script, ...words)).split('\0').slice(0, -1);
}

/** What runtimes say, with all other words adapted, and what QEMU says to that. */
const REFUSED: readonly (readonly [option: string, value: string, refusal: RegExp])[] = [
  ['-machine', 'pc,accel=tcg,kernel_irqchip,nvdimm=on', /Expected '=' after parameter 'kernel_irqchip'/],
  ['-machine', 'pc,accel=tcg,nvdimm', /Expected '=' after parameter 'nvdimm'/],
  ['-cpu', 'host', /CPU model 'host' requires KVM/],
  ['-smp', '1,cores=1,threads=1,sockets=1,maxcpus=240', /product of the hierarchy must match maxcpus/],
  ['-realtime', 'mlock=off', /-realtime: invalid option/],
];

for (const suite of ['bookworm', 'trixie', 'sid']) {
  const [root, todo] = suite === 'sid' ? [await moving(suite), 'sid moves'] : [await virtual(suite), false];
  const why = skip || (root.kind === 'missing' && root.why);

  test(`guest comes up by the words of the runtime on the QEMU of ${suite}`, {
    skip: why,
    todo,
  }, async (t) => {
    t.diagnostic((await said(root, `${PROGRAM} --version | head -n 1`)).trim());
    const console = await booted(root, words);
    assert.ok(console.includes(READY), console);
  });

  for (const [option, value, refusal] of REFUSED)
    test(`QEMU of ${suite} refuses ${option} ${value}`, { skip: why, todo }, async () => {
      const all = await adaptedOn(root);
      const at = all.indexOf(option);
      const asked = at < 0 ? [...all, option, value] : all.with(at + 1, value);
      const script = `${PLACED}; cd /opt; mkdir shared; if timeout 60 "$@" </dev/null 2>&1; then echo accepted; fi`;
      assert.match(await said(root, script, PROGRAM, ...asked), refusal);
    });
}

/** A suite that changes daily may be one that cannot be installed. */
function moving(suite: string): Promise<Root> {
  return virtual(suite).catch((error: unknown) => ({ kind: 'missing', why: String(error) }));
}
