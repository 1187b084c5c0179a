/** containerd as Kubernetes' container runtime. */
import { cmd, folder, placed, plugin, running, unpacked, v, written } from '../core/mod.ts';
import {
  cri,
  From,
  kubernetesRelease,
  ociRuntime,
  podNetwork,
  release,
  Version,
  type VmRuntime,
  vmRuntime,
} from './capabilities.ts';
import { debianArchive } from './debian.ts';

const RELEASES = 'https://github.com/containerd/containerd/releases/download';
const PROGRAMS = ['containerd', 'containerd-shim-runc-v2', 'ctr'];
/** What containerd keeps; Docker keeps the same, so they are cc's only where cc made them. */
const STATE = ['/var/lib/containerd', '/run/containerd'];
/** Where a release archive is unpacked, as a whole. */
const OWN = '/opt/cc/containerd';
const CONFIG = '/etc/containerd/config.toml';
const UNIT = '/etc/systemd/system/containerd.service';

/** It finds shims by name on its PATH alone: containerd#8207. */
const TOO_OLD = 'has a containerd that is too old for virtual machines: take it from its release';

export const containerd = plugin({
  name: 'containerd',
  help: 'places containerd, configures it for Kubernetes and keeps it running',
  options: v.strictObject({
    from: From,
    version: v.optional(Version, '1.7.27'),
    suite: v.optional(v.string(), 'bookworm'),
    cgroupDriver: v.optional(v.picklist(['cgroupfs', 'systemd']), 'systemd'),
    /** For machines whose root lacks CAP_SYS_RESOURCE and hugetlb cgroups, as containers do. */
    confined: v.optional(v.boolean(), false),
    /** For `from: 'debian'`; a release is unpacked into a folder of cc's own. */
    bin: v.optional(v.string(), '/usr/local/bin'),
  }),
  provides: [cri],
  build: ({ from, version, suite, cgroupDriver, confined, bin }, { arch, use, find, refuse }) => {
    const member = (name: string) =>
      use(debianArchive).deb(name, { package: 'containerd', suite, member: `usr/bin/${name}` });
    const archive = () =>
      release('containerd', `${RELEASES}/v${version}/containerd-${version}-linux-${arch}.tar.gz`);
    const programs =
      from === 'debian'
        ? PROGRAMS.map((name) => placed(member(name), { path: `${bin}/${name}`, needs: [] }))
        : [
            unpacked(archive(), {
              name: 'programs',
              path: OWN,
              witness: 'bin/containerd',
              needs: [],
            }),
          ];
    const home = from === 'debian' ? bin : `${OWN}/bin`;
    const ctr = cmd`${home}/ctr --namespace k8s.io`.argv;
    const vm = find(vmRuntime);
    // One with runc's command line is started through trust levels, which this plugin does not write.
    if (vm && from === 'debian') refuse('suite', TOO_OLD);
    if (vm?.type === 'oci') refuse('version', `cannot start ${vm.path}, which is no shim`);
    const config = configuration({
      cgroupDriver,
      confined,
      cni: use(podNetwork).bin,
      runc: use(ociRuntime).path,
      pause: use(kubernetesRelease).pauseImage,
      ...(vm ? { vm } : {}),
    });
    const folders = STATE.map((path) =>
      folder({ name: path.slice(1).replaceAll('/', '-'), path, needs: [] }),
    );
    const before = [
      ...[...folders, ...programs].map(({ name }) => `containerd/${name}`),
      'containerd/config',
      'containerd/unit',
      'oci-runtime',
      ...(vm ? ['vm-runtime'] : []),
    ];
    return {
      provides: [
        cri.of({
          socket: 'unix:///run/containerd/containerd.sock',
          cgroupDriver,
          importImages: cmd`${ctr} images import --all-platforms -`,
          listImages: cmd`${ctr} images list --quiet`,
          removePods: { ...cmd`sh -c ${REMOVE_PODS} cc ${home}/ctr`, title: 'a script that ends all pods' },
        }),
      ],
      steps: [
        ...programs,
        written(config, { name: 'config', path: CONFIG, needs: [] }),
        written(unit(home), { name: 'unit', path: UNIT, needs: [] }),
        ...folders,
        running('containerd.service', {
          restartOn: [CONFIG, UNIT, `${home}/containerd`],
          needs: before,
        }),
      ],
    };
  },
});

/** Kills tasks, then removes containers; a shim whose task is gone ends by itself. */
const REMOVE_PODS = `ctr="$1 --namespace k8s.io"
$ctr tasks list --quiet | xargs -r -n 1 $ctr tasks kill --signal KILL --all
for i in 1 2 3 4 5; do $ctr tasks list --quiet | xargs -r -n 1 $ctr tasks delete --force && break; sleep 0.2; done
$ctr containers list --quiet | xargs -r $ctr containers delete`;

interface Config {
  readonly cgroupDriver: 'cgroupfs' | 'systemd';
  readonly confined: boolean;
  readonly cni: string;
  readonly runc: string;
  readonly pause: string;
  readonly vm?: VmRuntime;
}

/** Keys of version 2 of the file: https://github.com/containerd/containerd/blob/v1.6.20/docs/cri/config.md */
function configuration({ cgroupDriver, confined, cni, runc, pause, vm }: Config): string {
  const limits = [
    'restrict_oom_score_adj',
    'disable_hugetlb_controller',
    'tolerate_missing_hugetlb_controller',
  ];
  return `version = 2

[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "${pause}"
${confined ? limits.map((key) => `  ${key} = true\n`).join('') : ''}
[plugins."io.containerd.grpc.v1.cri".cni]
  bin_dir = "${cni}"
  conf_dir = "/etc/cni/net.d"

[plugins."io.containerd.grpc.v1.cri".containerd]
  default_runtime_name = "runc"

[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
  runtime_type = "io.containerd.runc.v2"

[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
  BinaryName = "${runc}"
  NoNewKeyring = ${confined}
  SystemdCgroup = ${cgroupDriver === 'systemd'}
${vm ? handler(vm) : ''}`;
}

/** Privileged pods would else be given the devices of the host, which their machine does not have. */
function handler({ handler, path, config }: VmRuntime): string {
  const table = `plugins."io.containerd.grpc.v1.cri".containerd.runtimes.${handler}`;
  const own = config === undefined ? '' : `\n[${table}.options]\n  ConfigPath = "${config}"\n`;
  return `
[${table}]
  runtime_type = "io.containerd.${handler}.v2"
  runtime_path = "${path}"
  privileged_without_host_devices = true
${own}`;
}

/** As upstream ships it: https://github.com/containerd/containerd/blob/v1.6.20/containerd.service */
function unit(bin: string): string {
  return `[Unit]
Description=containerd container runtime
Documentation=https://containerd.io
After=network.target

[Service]
Environment=PATH=${bin}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
ExecStart=${bin}/containerd
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
