/** Throw-away machines: their keys, their bridge, their roots, and that they run. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { digestOf } from '../../core/model/digest.ts';
import { basePath } from '../../plugins/machine/root.ts';
import { FILE, LOOK, STOP } from '../../plugins/machine/scripts.ts';
import { machine } from '../../plugins/machine.ts';
import { expanded, failureIn } from '../graph/recipes.ts';
import { laws } from '../rig/laws.ts';
import type { Paper } from '../rig/paper.ts';
import { tempFolder } from '../rig/temp.ts';
import { ARCHIVE } from './archive.ts';
import { type Bench, type BenchSetup, benchOf, type FakeCommand } from './bench.ts';
import { files, option, paths, removed, script, wrote } from './tools.ts';

const execute = promisify(execFile);

const RECIPE = {
  plugins: [ARCHIVE, machine({ machines: { lab: { address: '198.18.77.11', roles: ['control-plane'] } } })],
};
const HOME = '/var/lib/cc/machines/lab';
const MAC = '02:cc:c6:12:4d:01';
const NONE = { code: 1, stderr: 'does not exist\n' };

/** Links with their flags and addresses are files; so is the pid of a machine that runs. */
const link = (name: string) => `/sys/class/net/${name}`;
const has = (host: Paper, name: string) => host.disk.has(link(name));

function links(host: Paper): readonly FakeCommand[] {
  const change = (name: string, from: string, to: string) =>
    wrote(host, link(name), host.read(link(name)).replace(from, to));
  return [
    [
      'ip link add',
      (argv) => wrote(host, link(argv[4] ?? ''), `<BROADCAST,MULTICAST> link/ether ${argv[6]}`),
    ],
    ['ip address delete', ([, , , address, , name = '']) => change(name, ` inet ${address} `, '')],
    ['ip address replace', ([, , , address, , name = '']) => change(name, '>', `> inet ${address} `)],
    ['ip link set', (argv) => change(argv[4] ?? '', 'MULTICAST>', 'MULTICAST,UP>')],
    ['ip link delete', (argv) => removed(host, link(argv.at(-1) ?? ''))],
  ];
}

const setup: BenchSetup = {
  bare: (host) => host.write('/sys/class/net/lo', '<LOOPBACK,UP>'),
  reads: (host) => [
    ['ip -o link show', (argv) => (has(host, argv[5] ?? '') ? host.read(link(argv[5] ?? '')) : NONE)],
    ['ip -o -4 address show', (argv) => host.read(link(argv[6] ?? ''))],
    [script(LOOK), ([, , , , , pid = '']) => (host.disk.has(pid) ? 'runs running\n' : 'gone\n')],
  ],
  does: (host) => [
    ...files(host),
    ...links(host),
    [
      'ssh-keygen',
      (argv) => {
        const path = argv.at(-1) ?? '';
        wrote(host, path, `private ${path}`);
        return wrote(host, `${path}.pub`, 'ssh-ed25519 AAAA cc\n');
      },
    ],
    [script(FILE), ([, , , , path = ''], { input }) => wrote(host, path, String(input))],
    [`systemctl --quiet --root=${HOME}/root`, ''],
    [script(STOP), ([, , , , , , pid = '']) => removed(host, pid)],
    ['env -u CC_RUN start-stop-daemon', () => wrote(host, `${HOME}/pid`, '4711')],
  ],
};

laws('machine', RECIPE, {
  ...setup,
  kept: ['tools', 'base'],
  left: {
    controller: [
      // folders that hold nothing: those of the keys and of the machines
      'STATE/ssh',
      '/var/lib/cc/machines',
      '/var/lib/cc/roots/recipe-bookworm/var/lib/dpkg/status',
      ...['iproute2', 'mmdebstrap', 'openssh-client', 'systemd-container', 'util-linux'],
    ],
  },
});

/** What is said where a link of the name is not of cc. */
const REFUSED = {
  kind: 'check-failed',
  host: 'controller',
  what: 'the bridge can be made',
  reasons: ['cclab0 is there, and not made by cc; name another: machine.bridge'],
};

const controller = ({ hosts }: Bench) => hosts.get('controller')!; // every bench has a controller

test('machine has its name, its address and its keys', async (t) => {
  const bench = await benchOf(t, RECIPE, setup);
  await bench.run();
  const root = (path: string) => controller(bench).read(`${HOME}/root${path}`);
  assert.equal(root('/etc/hostname'), 'lab\n');
  assert.equal(root('/etc/hosts'), '127.0.0.1 localhost\n198.18.77.11 lab\n');
  assert.equal(root('/etc/machine-id'), `${digestOf('machine lab').slice(0, 32)}\n`);
  assert.equal(root('/etc/cc-machine.env'), 'MACHINE_ADDRESS=198.18.77.11/24\nMACHINE_GATEWAY=198.18.77.1\n');
  assert.equal(root('/etc/ssh/ssh_host_ed25519_key'), `private ${bench.state}/ssh/lab`);
  assert.equal(root('/root/.ssh/authorized_keys'), 'ssh-ed25519 AAAA cc\n');
  assert.equal(controller(bench).read(`${bench.state}/ssh/known_hosts`), '198.18.77.11 ssh-ed25519 AAAA\n');
});

test('machine is a host of the recipe, reached with the keys that were made for it', async (t) => {
  const { spec, given } = RECIPE.plugins[1]!; // the plugin itself
  const context = {
    arch: 'amd64',
    controllerArch: 'amd64',
    hosts: [],
    proxy: undefined,
    cache: '/c',
    state: '/s',
    recipe: { name: 'r', isolation: 'none', key: 'r', owner: 'r' },
    image: (name: string) => name,
  } as const;
  const use = () =>
    ({
      sources: () => '/list',
      system: () => ({ name: 'root', source: { kind: 'debs', packages: [] } }),
    }) as never; // all it asks for
  const defaults = {
    ...{ suite: 'bookworm', packages: [] },
    ...{ bridge: 'cclab0', gateway: '198.18.77.1', prefix: 24 },
  };
  assert.deepEqual(spec.build({ ...defaults, ...given }, { ...context, use, find: use, refuse: use }).hosts, [
    {
      name: 'lab',
      roles: ['control-plane'],
      connection: {
        kind: 'ssh',
        address: '198.18.77.11',
        user: 'root',
        identity: '/s/ssh/id',
        knownHosts: '/s/ssh/known_hosts',
      },
      madeBy: 'machine/boot-lab',
    },
  ]);
  const bench = await benchOf(t, RECIPE, setup);
  assert.deepEqual([...bench.hosts.keys()], ['controller', 'node-1', 'lab']);
});

/** The packages of the system that machines are copies of, as they are asked for. */
function asked(bench: Bench): readonly string[] {
  const status = controller(bench).read(`${basePath('recipe', 'bookworm')}/var/lib/dpkg/status`);
  return option(status.split(' '), 'include').split(',');
}

test('root of machines has the packages that are named, and is made anew for others', async (t) => {
  const withPackages = (...more: readonly string[]) => ({
    plugins: [ARCHIVE, machine({ machines: { lab: { address: '198.18.77.11' } }, packages: [...more] })],
  });
  const before = await benchOf(t, withPackages(), setup);
  await before.run();
  const bench = await benchOf(t, withPackages('qemu-system-x86', 'strace'), setup);
  await bench.run();
  assert.deepEqual(asked(bench), [...asked(before), 'qemu-system-x86', 'strace']);
  const base = ({ tasks }: Bench) => tasks.find(({ step }) => step.name === 'base')!.step; // it is there
  assert.notDeepEqual(base(bench).inputs, base(before).inputs);
  assert.deepEqual(
    base(bench).artifacts?.map(({ source }) => source.kind === 'debs' && source.packages),
    [asked(bench)],
  );
});

const idOf = ({ tasks }: Bench, name: string) => tasks.find(({ step }) => step.name === name)!.id; // it is there

/** The plan of one step in one state of the controller. */
async function plan(bench: Bench, name: string): Promise<readonly string[]> {
  const { looked } = await bench.look();
  return looked.get(idOf(bench, name))!.changes.map(({ why }) => why); // a bench on which everything is registered
}

test('machine that stopped is cleared and started again', async (t) => {
  const bench = await benchOf(t, RECIPE, setup);
  await bench.run();
  removed(controller(bench), `${HOME}/pid`);
  assert.deepEqual(await plan(bench, 'boot-lab'), ['lab does not run', 'lab does not run']);
  controller(bench).when(script(LOOK), 'runs maintenance\n');
  const why = 'lab runs, its system is maintenance';
  assert.deepEqual(await plan(bench, 'boot-lab'), [why, why]);
  const full =
    'root has 120 of 128 instances of inotify, and a machine takes about 13: sysctl -w fs.inotify.max_user_instances=512';
  controller(bench).when(script(LOOK), 'runs starting\ninotify 120 128\n');
  assert.deepEqual(
    new Set(await plan(bench, 'boot-lab')),
    new Set([`lab runs, its system is starting; ${full}`]),
  );
  controller(bench).when(script(LOOK), 'gone\ninotify 120 128\n');
  assert.deepEqual(new Set(await plan(bench, 'boot-lab')), new Set([`lab does not run; ${full}`]));
  controller(bench).when(script(LOOK), 'gone\ninotify 115 128\n');
  assert.deepEqual(new Set(await plan(bench, 'boot-lab')), new Set(['lab does not run']));
  controller(bench).when(script(LOOK), 'gone\ninotify 115 \n');
  assert.deepEqual(new Set(await plan(bench, 'boot-lab')), new Set(['lab does not run']));
  controller(bench).when(script(LOOK), 'runs degraded\n');
  assert.deepEqual(await plan(bench, 'boot-lab'), []);
});

test('look tells how many instances of inotify there are where a machine does not run', async (t) => {
  const proc = await tempFolder(t);
  await mkdir(join(proc, 'sys/fs/inotify'), { recursive: true });
  await writeFile(join(proc, 'sys/fs/inotify/max_user_instances'), '128\n');
  await mkdir(join(proc, '17/fd'), { recursive: true });
  for (const [name, to] of [
    ['3', 'anon_inode:inotify'],
    ['4', 'anon_inode:inotify'],
    ['5', '/dev/null'],
  ] as const)
    await symlink(to, join(proc, '17/fd', name));
  const { stdout } = await execute('sh', ['-c', LOOK, 'cc', 'nosuchlab', join(proc, 'pid'), proc]);
  const own = process.getuid?.() === 0 ? 2 : 0; // those of root alone count
  assert.equal(stdout, `gone\ninotify ${own} 128\n`);
});

test('machine that was made otherwise is made anew', async (t) => {
  const bench = await benchOf(t, RECIPE, setup);
  await bench.run();
  wrote(controller(bench), `${HOME}/made`, digestOf('another'));
  assert.deepEqual(
    new Set(await plan(bench, 'root-lab')),
    new Set([`${HOME}/root was made from another declaration`]),
  );
});

test('machine whose name, address or bridge another recipe has is refused before anything is made', async (t) => {
  const bench = await benchOf(t, RECIPE, setup);
  const of = (file: string, owner: string) =>
    controller(bench).write(`/var/lib/cc/claims/${file}`, `${owner}\n`);
  of('bridge-cclab0', 'the site 1-a');
  of('address-198.18.77.11', 'the site 2-b');
  of('machine-other', 'the site 2-b');
  const { outcomes } = await bench.run();
  const there = 'or end that one there: cc run cleanup';
  assert.deepEqual(outcomes.get(idOf(bench, 'claims'))?.failure, {
    ...{ kind: 'check-failed', host: 'controller', what: 'no other recipe has the same' },
    reasons: [
      `the bridge cclab0 is of the site 1-a; name another (machine.bridge), ${there}`,
      `the address 198.18.77.11 is of the site 2-b; name another (machine.machines.lab.address), ${there}`,
    ],
  });
  for (const step of ['bridge', 'root-lab', 'boot-lab'])
    assert.equal(outcomes.get(idOf(bench, step))?.state, 'skipped');
});

test('bridge that lost its address or was set down gets back only that', async (t) => {
  const bench = await benchOf(t, RECIPE, setup);
  await bench.run();
  wrote(controller(bench), link('cclab0'), `<BROADCAST,MULTICAST,UP> link/ether ${MAC}`);
  assert.deepEqual(await plan(bench, 'bridge'), ['cclab0 has no address 198.18.77.1/24']);
  wrote(controller(bench), link('cclab0'), `<BROADCAST,MULTICAST> inet 198.18.77.1/24 link/ether ${MAC}`);
  assert.deepEqual(await plan(bench, 'bridge'), ['cclab0 is not up']);
});

test('bridge with an address of an earlier declaration is rid of it', async (t) => {
  const bench = await benchOf(t, RECIPE, setup);
  await bench.run();
  const text = controller(bench).read(link('cclab0'));
  controller(bench).write(link('cclab0'), text.replace('198.18.77.1/24', '198.18.76.1/24'));
  assert.deepEqual(await plan(bench, 'bridge'), [
    'cclab0 has 198.18.76.1/24, declared 198.18.77.1/24',
    'cclab0 has no address 198.18.77.1/24',
  ]);
  await bench.run();
  assert.deepEqual(await plan(bench, 'bridge'), []);
  assert.equal(controller(bench).read(link('cclab0')), text);
});

test('bridge by another name is refused while a machine runs on the old one', async (t) => {
  const bench = await benchOf(t, RECIPE, setup);
  controller(bench).write(link('vb-lab'), '<UP> mtu 1500 qdisc noqueue master ccold0 state UP');
  const { outcomes } = await bench.run();
  assert.deepEqual(outcomes.get(idOf(bench, 'bridge'))?.failure, {
    ...{ kind: 'cannot-change', host: 'controller', what: 'the bridge' },
    differences: [{ what: 'the bridge of lab', is: 'ccold0', declared: 'cclab0' }],
    fix: 'declare what is there; or end the machines first: cc run cleanup before you change the recipe',
  });
  assert.equal(has(controller(bench), 'cclab0'), false);
});

test('link that was there before cc came is refused, and left as it was', async (t) => {
  const bench = await benchOf(t, RECIPE, setup);
  const theirs = '<BROADCAST,MULTICAST> link/ether 52:54:00:00:00:01';
  wrote(controller(bench), link('cclab0'), theirs);
  const { outcomes } = await bench.run();
  const { state, failure } = outcomes.get(idOf(bench, 'bridge'))!; // every task ends
  assert.deepEqual([state, failure], ['failed', REFUSED]);
  assert.equal(controller(bench).read(link('cclab0')), theirs);
  await bench.run('undo');
  assert.equal(controller(bench).read(link('cclab0')), theirs);
});

test('bridge that cc has no record of is left, although it looks like one of its own', async (t) => {
  const bench = await benchOf(t, RECIPE, setup);
  const like = `<BROADCAST,MULTICAST,UP> link/ether ${MAC}`;
  wrote(controller(bench), link('cclab0'), like);
  const { events } = await bench.run('undo');
  assert.equal(controller(bench).read(link('cclab0')), like);
  const notices = events.flatMap((event) => (event.kind === 'notice' ? [event.text] : []));
  assert.deepEqual(notices, ['left alone, for cc has no record of it: the bridge cclab0 was made by cc']);
});

test('machine is made anew when the root it was copied from was', async (t) => {
  const bench = await benchOf(t, RECIPE, setup);
  await bench.run();
  const status = '/var/lib/cc/roots/recipe-bookworm/var/lib/dpkg/status';
  controller(bench).when('mmdebstrap', (argv) =>
    wrote(controller(bench), `${paths(argv)[0]}/var/lib/dpkg/status`, 'of another day'),
  );
  removed(controller(bench), status);
  const again = await bench.run();
  assert.equal(again.outcomes.get(idOf(bench, 'root-lab'))?.state, 'applied');
  assert.equal(controller(bench).read(`${HOME}/root/var/lib/dpkg/status`), 'of another day');
  const { outcomes } = await bench.run();
  assert.deepEqual(new Set([...outcomes.values()].map(({ state }) => state)), new Set(['verified']));
});

test('machine that cc has no record of is adopted where it is of this declaration', async (t) => {
  const bench = await benchOf(t, RECIPE, setup);
  await bench.run();
  controller(bench).stamps.clear();
  assert.deepEqual(await plan(bench, 'root-lab'), []);
});

test('machines of each recipe are copies of a root of its own', () => {
  const names = ['one', 'two'].map((name) => basePath(name, 'bookworm'));
  assert.deepEqual(names, ['/var/lib/cc/roots/one-bookworm', '/var/lib/cc/roots/two-bookworm']);
});

for (const [why, machines, option, message] of [
  [
    'twice',
    { a: '198.18.77.11', b: '198.18.77.11' },
    'machines.b.address',
    'is 198.18.77.11, which a has already',
  ],
  [
    'of the gateway',
    { a: '198.18.77.1' },
    'machines.a.address',
    'is 198.18.77.1, which the gateway has already',
  ],
  [
    'of another network',
    { a: '198.18.78.11' },
    'machines.a.address',
    'is 198.18.78.11, which is not in the network of the bridge, 198.18.77.1/24',
  ],
  ['that is none', { a: '' }, 'machines.a.address', 'expected an IPv4 address, as 192.0.2.10, found ""'],
] as const)
  test(`address ${why} is no address for a machine`, () => {
    const named = Object.fromEntries(Object.entries(machines).map(([name, address]) => [name, { address }]));
    const failure = failureIn(() => expanded({ plugins: [ARCHIVE, machine({ machines: named })] }));
    assert.deepEqual(failure.kind === 'config-invalid' && failure.problems, [
      { path: `machine.${option}`, message },
    ]);
  });

test('machine that is added makes no other one anew', async (t) => {
  const found = async (machines: NonNullable<Parameters<typeof machine>[0]>['machines']) => {
    const bench = await benchOf(t, { plugins: [ARCHIVE, machine({ machines })] }, setup);
    await bench.run();
    return bench.facts(bench.tasks.find(({ step }) => step.name === 'claims')!); // the plugin has it
  };
  const one = { lab: { address: '198.18.77.11', roles: ['control-plane'] } };
  const two = { ...one, more: { address: '198.18.77.12', roles: ['worker'] } };
  assert.deepEqual(await found(two), await found(one));
});
