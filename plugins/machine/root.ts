/** What a machine consists of on the controller: a base root shared by all, a copy for each, and the process that runs it. */
import { built, cmd, digestOf, step } from '../../core/mod.ts';
import { bootstrap, type Debian } from '../debian.ts';
import { BOOT, EARLY, EARLY_UNIT, FILE, LOOK, MASKED, SSHD, STOP } from './scripts.ts';

/** What a Kubernetes node wants of its system; runtimes and Kubernetes itself are placed by other plugins. */
const NODE_PACKAGES = [
  ...[
    'systemd',
    'systemd-sysv',
    'dbus',
    'openssh-server',
    'ca-certificates',
    'curl',
    'procps',
    'util-linux',
    'mount',
  ],
  ...['iproute2', 'iptables', 'nftables', 'ebtables', 'ethtool', 'socat', 'conntrack', 'kmod'],
  // libraries of containerd, runc, crun and conmon
  ...['libseccomp2', 'libyajl2', 'libglib2.0-0'],
];

/** Below this folder machines and the root they are copied from live; all of it is cc's. */
const HOME = '/var/lib/cc';

/** Where the root that a recipe's machines are copies of stands; each recipe has its own, as it has its own stamps. */
export function basePath(recipe: string, suite: string): string {
  return `${HOME}/roots/${recipe}-${suite}`;
}

interface Base {
  readonly suite: string;
  readonly archive: Debian;
  /** Packages beside what a node wants. */
  readonly more: readonly string[];
}

/** The system every machine is a copy of; kept across machines, because it costs most of the time. */
export function baseRoot(base: string, { suite, archive, more }: Base) {
  const sources = archive.sources(suite);
  const packages = [...NODE_PACKAGES, ...more];
  const hook = '--customize-hook=rm -f "$1"/etc/ssh/ssh_host_*';
  return built({
    name: 'base',
    where: 'controller',
    needs: ['machine/tools'],
    artifacts: [archive.system(`root-${suite}`, { packages, suite })],
    outputs: [`${base}/var/lib/dpkg/status`],
    make: [
      cmd`rm -rf --one-file-system ${base} ${base}.part`,
      cmd`mkdir -p -m 0700 ${HOME}/roots`,
      bootstrap(`${base}.part`, { suite, sources, packages, hooks: [hook] }),
      cmd`mv -T ${base}.part ${base}`,
    ],
  });
}

interface File {
  readonly path: string;
  readonly mode: string;
  readonly text: string;
}

/** What makes a copy of the base a machine of its own. */
export function files(name: string, address: string, gateway: string): readonly File[] {
  return [
    { path: '/etc/hostname', mode: '644', text: `${name}\n` },
    { path: '/etc/machine-id', mode: '444', text: `${digestOf(`machine ${name}`).slice(0, 32)}\n` },
    { path: '/etc/hosts', mode: '644', text: `127.0.0.1 localhost\n${address.split('/')[0]} ${name}\n` },
    { path: '/etc/resolv.conf', mode: '644', text: '' },
    {
      path: '/etc/cc-machine.env',
      mode: '644',
      text: `MACHINE_ADDRESS=${address}\nMACHINE_GATEWAY=${gateway}\n`,
    },
    { path: '/etc/ssh/sshd_config.d/cc.conf', mode: '644', text: SSHD },
    { path: '/usr/local/sbin/cc-machine-early', mode: '755', text: EARLY },
    { path: '/etc/systemd/system/cc-machine-early.service', mode: '644', text: EARLY_UNIT },
  ];
}

function place(name: string) {
  const folder = `${HOME}/machines/${name}`;
  return {
    folder,
    root: `${folder}/root`,
    pid: `${folder}/pid`,
    log: `${folder}/console.log`,
    made: `${folder}/made`,
  };
}

function stop(name: string) {
  const { root, pid } = place(name);
  return {
    ...cmd`sh -c ${STOP} cc ${name} ${root} ${pid}`,
    title: `a script that ends ${name} and clears what it left`,
  };
}

/** Writes a file of a machine that is being made; the folder as a whole is what is undone. */
function filed({ path, mode, text }: File) {
  return { ...cmd`sh -c ${FILE} cc ${path} ${mode}`, input: text, title: `a script that writes ${path}` };
}

/** The machine's own root: a copy of the base with its name, address and keys; made anew when any of them changes. */
export function root(
  name: string,
  { base, keys, files }: { base: string; keys: string; files: readonly File[] },
) {
  const { folder, root, made } = place(name);
  const declared = digestOf(JSON.stringify({ base, files, MASKED }));
  const systemctl = cmd`systemctl --quiet --root=${root}`.argv;
  return step<{ made: string; there: boolean }>({
    name: `root-${name}`,
    where: 'controller',
    needs: ['machine/base', 'machine/claims', 'machine/key', `machine/key-${name}`],
    inputs: { name, declared },
    probe: async (view) => ({
      made: (await view.text(made)) ?? '',
      there: (await view.stat(folder)) !== undefined,
    }),
    plan: (facts, last) => {
      // A base that was made anew is no longer what this root was copied from.
      const stale = !last.current && last.facts !== undefined;
      if (facts.made === declared && !stale) return [];
      const why =
        facts.made === declared
          ? last.why
          : facts.made === ''
            ? `${root} is not whole`
            : `${root} was made from another declaration`;
      const commands = [
        stop(name),
        cmd`rm -rf --one-file-system ${folder}`,
        cmd`mkdir -p -m 0700 ${folder}`,
        cmd`cp -a --reflink=auto ${base} ${root}`,
        ...files.map((file) => filed({ ...file, path: `${root}${file.path}` })),
        cmd`install -m 600 ${keys}/${name} ${root}/etc/ssh/ssh_host_ed25519_key`,
        cmd`install -m 644 ${keys}/${name}.pub ${root}/etc/ssh/ssh_host_ed25519_key.pub`,
        cmd`install -D -m 600 ${keys}/id.pub ${root}/root/.ssh/authorized_keys`,
        cmd`${systemctl} mask ${MASKED}`,
        cmd`${systemctl} set-default multi-user.target`,
        cmd`${systemctl} enable cc-machine-early.service`,
        filed({ path: made, mode: '644', text: declared }),
      ];
      return commands.map((command) => ({ kind: 'run', command, why }));
    },
    undo: ({ there }) =>
      there
        ? [{ kind: 'run', command: cmd`rm -rf --one-file-system ${folder}`, why: `${folder} was made by cc` }]
        : [],
  });
}

type Booted = { readonly machine: string; readonly system: string; readonly lacks?: string };

/** Instances of inotify that the programs of one machine take: systemd has some for each of its services. */
const WATCHERS = 13;

/** What LOOK has said. What a machine may lack is found where it has not started, and is not part of what others see of it. */
function bootedIn(text: string): Booted {
  const [first = '', second = ''] = text.trim().split('\n');
  const [machine = 'gone', system = 'not known'] = first.split(' ').filter(Boolean);
  const [, used, most] = second.split(' ').map(Number);
  if (used === undefined || !most || used + WATCHERS <= most) return { machine, system };
  const lacks = `root has ${used} of ${most} instances of inotify, and a machine takes about ${WATCHERS}: sysctl -w fs.inotify.max_user_instances=${Math.max(512, 2 * most)}`;
  return { machine, system, lacks };
}

/** The machine runs, and its own systemd says that it has started. */
export function booted(name: string, bridge: string) {
  const { root, pid, log } = place(name);
  const daemon = [
    '--start',
    '--background',
    '--make-pidfile',
    '--pidfile',
    pid,
    '--output',
    log,
    '--startas',
    '/bin/sh',
  ];
  return step<Booted>({
    name: `boot-${name}`,
    where: 'controller',
    needs: [`machine/root-${name}`, 'machine/bridge', 'machine/known-hosts'],
    inputs: { name, bridge },
    settles: 60,
    probe: async (view) => {
      return bootedIn(await view.read(cmd`sh -c ${LOOK} cc ${name} ${pid}`));
    },
    plan: ({ machine, system, lacks }) => {
      if (machine === 'runs' && (system === 'running' || system === 'degraded')) return [];
      const is = machine === 'runs' ? `${name} runs, its system is ${system}` : `${name} does not run`;
      const why = lacks === undefined ? is : `${is}; ${lacks}`;
      // Whatever started under the mark of this run would be ended with it; the machine is meant to outlive it.
      const start = {
        ...cmd`env -u CC_RUN start-stop-daemon ${daemon} -- -c ${BOOT} cc ${name} ${root} ${bridge}`,
        title: `systemd-nspawn for ${name}`,
      };
      return [stop(name), start].map((command) => ({ kind: 'run', command, why }));
    },
    undo: ({ machine }) =>
      machine === 'gone'
        ? []
        : [
            {
              kind: 'run',
              command: stop(name),
              why: `${name} is ${machine === 'runs' ? 'running' : 'not wholly gone'}`,
            },
          ],
  });
}
