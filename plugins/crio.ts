/** CRI-O as Kubernetes' container runtime: its makers' static bundle, or built from source for versions that have none. */
import { type Command, cmd, folder, packages, plugin, running, type Step, v, written } from '../core/mod.ts';
import {
  atLeast,
  Commit,
  type Cri,
  cri,
  criClient,
  kubernetesRelease,
  ociRuntime,
  podNetwork,
  refuseForeign,
  Version,
  vmRuntime,
} from './capabilities.ts';
import { proxied } from './cri/proxied.ts';
import { mistakes, settingsFor, toml } from './crio/config.ts';
import { dropIns } from './crio/drop-ins.ts';
import { Images, meaning, policy, takes } from './crio/policy.ts';
import { fromBundle, fromSource } from './crio/programs.ts';
import { confinedRuntime, IMPORT, LIST, REMOVE_PODS } from './crio/scripts.ts';
import { traces } from './crio/traces.ts';
import { crioUnit } from './crio/unit.ts';
import { minorOf } from './kubernetes/versions.ts';

const CONFIG = '/etc/crio/crio.conf';
const POLICY = '/etc/crio/policy.json';
const UNIT = '/etc/systemd/system/crio.service';
const CRICTL = '/etc/crictl.yaml';
const CONFINED = '/usr/local/libexec/cc/confined-runtime';
const SOCKET = 'unix:///var/run/crio/crio.sock';
const STORAGE = { root: '/var/lib/containers/storage', runroot: '/run/containers/storage' };
/** What CRI-O keeps; podman keeps images in the same place, so these are cc's only where cc made them. */
const STATE = [
  ...['/var/lib/containers', '/run/containers', '/var/lib/crio', '/run/crio', '/var/log/crio'],
  // where it pins what pods share, beside /run/netns, which others have too
  ...['/run/ipcns', '/run/userns', '/run/utsns'],
];

/** From here on CRI-O does not start where it finds neither iptables nor nft: internal/hostport/meta_hostport_manager.go. */
const HOST_PORTS = '1.33.0';

/** From here on files of a folder win over the one that cc writes: cri-o/cri-o#3172. */
const DROP_INS = '1.17.0';

const Value = v.union([v.string(), v.number(), v.boolean(), v.array(v.string())]);

export const crio = plugin({
  name: 'crio',
  help: 'places CRI-O, configures it for Kubernetes and keeps it running',
  byHost: ['confined', 'settings'],
  options: v.strictObject({
    version: v.pipe(Version, v.regex(/^1\.(9|[1-3]\d)\./, 'expected a version from 1.9 to 1.39, as 1.36.0')),
    /** Build the tree of this commit instead of taking the bundle. */
    commit: v.optional(Commit),
    suite: v.optional(v.string(), 'bookworm'),
    cgroupDriver: v.optional(v.picklist(['cgroupfs', 'systemd']), 'systemd'),
    /** For machines whose root lacks CAP_SYS_RESOURCE and hugetlb cgroups, as containers do. */
    confined: v.optional(v.boolean(), false),
    /**
     * Which images are taken. Any, and without a signature, when nothing is said; else those alone that are named: by registry,
     * repository, tag or digest, each `any` or `{ signedBy }`, an armored key of GnuPG.
     */
    images: v.optional(Images, 'any'),
    /** More of crio.conf, by table and key: `{ 'crio.runtime.pids_limit': 2048 }`. */
    settings: v.optional(v.record(v.string(), Value), {}),
  }),
  provides: [cri],
  build: ({ version, commit, suite, cgroupDriver, confined, images, settings }, context) => {
    const { use, find, recipe, refuse } = context;
    const minor = minorOf(use(kubernetesRelease).version);
    if (minor !== minorOf(version))
      refuse('version', `is not for Kubernetes ${minor}: CRI-O goes by the same minor version`);
    const { pauseImage, imageRepository } = use(kubernetesRelease);
    const lacking = [pauseImage, `${imageRepository}/kube-proxy`].find((name) => !takes(images, name));
    if (lacking) refuse('images', `leaves out ${lacking}, without which no node works`);
    for (const [key, what] of Object.entries(mistakes(settings, version))) refuse(`settings.${key}`, what);
    if (commit) refuseForeign(context, { commit: 'it calls C, so take a version that has a bundle' });
    const { name, config, ahead } = use(podNetwork);
    for (const [key, own] of Object.entries({ network_dir: config, cni_default_network: name })) {
      const path = `crio.network.${key}`;
      if (path in settings && settings[path] !== own)
        refuse(`settings.${path}`, `is not ${own}, as the plugin that sees to pods' network has it`);
    }
    const { steps, home, conmon, seccomp, copyimg } = commit
      ? fromSource(version, commit, suite, context)
      : fromBundle(version, context);
    const vm = find(vmRuntime);
    const runtime = use(ociRuntime).path;
    const client = use(criClient);
    const own = settingsFor({
      version,
      cgroupDriver,
      programs: { conmon, pinns: `${home}/pinns`, runtime: confined ? CONFINED : runtime },
      ...(vm ? { vm } : {}),
      untrusted: recipe.isolation === 'vm',
      storage: STORAGE,
      pauseImage,
      policy: POLICY,
      ...(seccomp === undefined ? {} : { seccomp }),
      cni: use(podNetwork),
    });
    const all = { ...own, ...settings };
    const proxies = proxied('crio', context);
    const files = [
      traces(),
      ...configured(toml(all), client.endpoint(SOCKET), images),
      written(crioUnit(home, proxies.lines), { name: 'unit', path: UNIT, needs: [] }),
      ...proxies.steps,
      ...(confined ? [confining(runtime)] : []),
      ...(atLeast(version, HOST_PORTS) ? [packages(['iptables'], { needs: [] })] : []),
      ...STATE.map((path) =>
        folder({ name: path.slice(1).replaceAll('/', '-'), path, mode: 0o700, needs: [] }),
      ),
    ];
    const placed = [...steps.filter(({ where }) => where !== 'controller'), ...files];
    const others = ['cri-client', 'oci-runtime', ...(ahead ?? []), ...(vm ? ['vm-runtime'] : [])];
    const service = running(SERVICE, {
      disturbs: true,
      restartOn: [CONFIG, POLICY, UNIT, `${home}/crio`, ...proxies.files],
      needs: [...placed.map(({ name }) => `crio/${name}`), ...others],
    });
    return {
      provides: [cri.of(offered(cgroupDriver, { crictl: client.crictl, copyimg, ends: vm?.ends }))],
      steps: [
        ...steps,
        ...files,
        ...(atLeast(version, DROP_INS)
          ? [dropIns({ 'crio.network.cni_default_network': name, ...all })]
          : []),
        service,
      ],
    };
  },
});

function configured(config: string, endpoint: string, images: Images): readonly Step[] {
  const crictl = `runtime-endpoint: ${endpoint}\nimage-endpoint: ${endpoint}\ntimeout: 30\n`;
  return [
    written(config, { name: 'config', path: CONFIG, needs: [] }),
    written(policy(images), { name: 'policy', path: POLICY, note: meaning(images), needs: [] }),
    written(crictl, { name: 'crictl-config', path: CRICTL, needs: [] }),
  ];
}

function confining(runtime: string): Step {
  return written(confinedRuntime(runtime), { name: 'confined', path: CONFINED, mode: 0o755, needs: [] });
}

interface Tools {
  readonly crictl: string;
  readonly copyimg: string | undefined;
  /** Virtual machines first: a pod whose machine is gone takes a moment to remove, and needs no machine that still answers. */
  readonly ends: Command | undefined;
}

const SERVICE = 'crio.service';

/** What others ask of CRI-O; it can take in images where its own tool for that was built with it. */
function offered(cgroupDriver: Cri['cgroupDriver'], { crictl, copyimg, ends }: Tools): Cri {
  const take = cmd`sh -c ${IMPORT} cc ${copyimg ?? ''} ${[STORAGE.root, STORAGE.runroot, POLICY]}`;
  return {
    unit: SERVICE,
    socket: SOCKET,
    cgroupDriver,
    ...(copyimg === undefined ? {} : { importImages: { ...take, title: 'a script that takes in images' } }),
    listImages: { ...cmd`sh -c ${LIST} cc ${crictl}`, title: 'crictl images' },
    removePods: [
      ...(ends === undefined ? [] : [ends]),
      { ...cmd`sh -c ${REMOVE_PODS} cc ${crictl}`, title: 'a script that removes all pods' },
    ],
  };
}
