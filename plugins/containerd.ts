/** containerd as Kubernetes' container runtime. */
import { type Context, cmd, folder, placed, plugin, running, unpacked, v, written } from '../core/mod.ts';
import {
  cri,
  From,
  kubernetesRelease,
  ociRuntime,
  podNetwork,
  refuseForeign,
  release,
  Version,
  type VmRuntime,
  vmRuntime,
} from './capabilities.ts';
import { tables, toml } from './containerd/config.ts';
import { type Era, eraOf, SUITES, startsByPath } from './containerd/eras.ts';
import { proxied } from './cri/proxied.ts';
import { debianArchive } from './debian.ts';
import { minorOf } from './kubernetes/versions.ts';

const RELEASES = 'https://github.com/containerd/containerd/releases/download';
const PROGRAMS = ['containerd', 'containerd-shim-runc-v2', 'ctr'];
/** What containerd keeps; Docker keeps the same, so they are cc's only where cc made them. */
const STATE = ['/var/lib/containerd', '/run/containerd', '/opt/containerd'];
/** Where a release archive is unpacked, as a whole. */
const OWN = '/opt/cc/containerd';
const CONFIG = '/etc/containerd/config.toml';
const SERVICE = 'containerd.service';
const UNIT = `/etc/systemd/system/${SERVICE}`;

/** Of releases, where the recipe names none: it answers every kubelet from 1.10 on. */
const RELEASE = '1.7.27';

export const containerd = plugin({
  name: 'containerd',
  help: 'places containerd, configures it for Kubernetes and keeps it running',
  byHost: ['confined'],
  options: v.strictObject({
    from: From,
    /** Default: a release that fits; with `from: 'debian'` the one of the suite, as far as cc knows it. */
    version: v.optional(Version),
    suite: v.optional(v.string(), 'bookworm'),
    cgroupDriver: v.optional(v.picklist(['cgroupfs', 'systemd']), 'systemd'),
    /** For machines whose root lacks CAP_SYS_RESOURCE and hugetlb cgroups, as containers do. */
    confined: v.optional(v.boolean(), false),
    /** For `from: 'debian'`; a release is unpacked into a folder of cc's own. */
    bin: v.optional(v.string(), '/usr/local/bin'),
  }),
  provides: [cri],
  build: (options, context) => {
    const { arch, use, find, refuse } = context;
    const { from, suite, cgroupDriver, confined, bin } = options;
    if (from === 'debian') refuseForeign(context, { from: 'take a release' });
    const vm = find(vmRuntime);
    const { version, era } = chosen(options, { kubernetes: use(kubernetesRelease).version, vm, refuse });
    const member = (name: string) =>
      use(debianArchive).deb(name, { package: 'containerd', suite, member: `usr/bin/${name}` });
    const url = `${RELEASES}/v${version}/containerd-${version}-linux-${arch}.tar.gz`;
    // The file beside it is of the same name: docs/getting-started.md of containerd.
    const archive = () => release('containerd', url, `${url}.sha256sum`);
    const programs =
      from === 'debian'
        ? PROGRAMS.map((name) => placed(member(name), { path: `${bin}/${name}`, needs: [] }))
        : [
            unpacked(archive(), {
              name: 'programs',
              path: OWN,
              marker: 'bin/containerd',
              needs: [],
            }),
          ];
    const home = from === 'debian' ? bin : `${OWN}/bin`;
    const ctr = cmd`${home}/ctr --namespace k8s.io`.argv;
    const wanted = {
      cgroupDriver,
      confined,
      cni: use(podNetwork),
      runc: use(ociRuntime).path,
      pause: use(kubernetesRelease).pauseImage,
      ...(vm ? { vm } : {}),
    };
    const proxies = proxied('containerd', context);
    const config = toml(tables(wanted, era), era);
    const folders = STATE.map((path) =>
      folder({ name: path.slice(1).replaceAll('/', '-'), path, mode: 0o700, needs: [] }),
    );
    const before = [
      ...[...folders, ...programs, ...proxies.steps].map(({ name }) => `containerd/${name}`),
      'containerd/config',
      'containerd/unit',
      'oci-runtime',
      ...(wanted.cni.ahead ?? []),
      ...(vm ? ['vm-runtime'] : []),
    ];
    return {
      provides: [
        cri.of({
          unit: SERVICE,
          socket: 'unix:///run/containerd/containerd.sock',
          cgroupDriver,
          importImages: cmd`${ctr} images import --all-platforms -`,
          listImages: cmd`${ctr} images list --quiet`,
          removePods: [
            { ...cmd`sh -c ${REMOVE_PODS} cc ${home}/ctr`, title: 'a script that ends all pods' },
            // Its CRI holds in memory what ctr has removed: it would list it to kubelet, which could never end such a pod.
            cmd`systemctl try-restart ${SERVICE}`,
          ],
        }),
      ],
      steps: [
        ...programs,
        written(config, { name: 'config', path: CONFIG, needs: [] }),
        ...proxies.steps,
        written(unit(home, proxies.lines), { name: 'unit', path: UNIT, needs: [] }),
        ...folders,
        running(SERVICE, {
          disturbs: true,
          restartOn: [CONFIG, UNIT, `${home}/containerd`, ...proxies.files],
          needs: before,
        }),
      ],
    };
  },
});

interface Choosing {
  readonly kubernetes: string;
  readonly vm: VmRuntime | undefined;
  readonly refuse: Context['refuse'];
}

/** Which containerd it is, and what that reads; refuses one that would not do what the recipe asks. */
function chosen(
  given: { readonly from: string; readonly version?: string | undefined; readonly suite: string },
  { kubernetes, vm, refuse }: Choosing,
): { readonly version: string; readonly era: Era } {
  const { from, suite } = given;
  const version = given.version ?? (from === 'debian' ? SUITES[suite] : RELEASE);
  if (version === undefined)
    return refuse('version', `is needed: the one of ${suite} is not known, as that of ${SUITED} is`);
  const option = from === 'debian' && given.version === undefined ? 'suite' : 'version';
  const era = eraOf(version);
  if (!era) return refuse(option, `is containerd ${version}, and cc knows 1.4 to 2.x`);
  const [first, last] = era.kubernetes;
  const minor = minorOf(kubernetes);
  const speaks = Number(minor.split('.')[1]);
  if (speaks < first || speaks > last)
    return refuse(option, `is containerd ${version}, which does not speak with Kubernetes ${minor}`);
  // One with runc's command line is started through trust levels, which this plugin does not write.
  if (vm?.type === 'oci') return refuse('version', `cannot start ${vm.path}, which is no shim`);
  if (vm && !startsByPath(version))
    return refuse(option, `is containerd ${version}, which cannot start ${vm.path}: ${BY_PATH}`);
  return { version, era };
}

const SUITED = Object.keys(SUITES).join(', ');
const BY_PATH = '1.6.21, 1.7.1 and later take a path';

/** Kills tasks, then removes containers; a shim whose task is gone ends by itself. ctr 1.4 knows signals by their whole names. */
export const REMOVE_PODS = `ctr="$1 --namespace k8s.io"
$ctr tasks list --quiet | xargs -r -n 1 $ctr tasks kill --signal SIGKILL --all
for i in 1 2 3 4 5; do $ctr tasks list --quiet | xargs -r -n 1 $ctr tasks delete --force && break; sleep 0.2; done
$ctr containers list --quiet | xargs -r $ctr containers delete`;

/** As upstream ships it: https://github.com/containerd/containerd/blob/v1.6.20/containerd.service */
function unit(bin: string, proxies: string): string {
  return `[Unit]
Description=containerd container runtime
Documentation=https://containerd.io
After=network.target

[Service]
Environment=PATH=${bin}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
${proxies}ExecStart=${bin}/containerd
Type=notify
Delegate=yes
KillMode=process
Restart=always
RestartSec=1
LimitNPROC=infinity
LimitCORE=infinity
TasksMax=infinity
OOMScoreAdjust=-999

[Install]
WantedBy=multi-user.target
`;
}
