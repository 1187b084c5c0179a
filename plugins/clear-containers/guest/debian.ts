/** A guest from Debian's packages and the agent, made on the controller: a kernel, an initrd and an image. */
import { type Artifact, built, type Context, cmd, packages, placed, type Step } from '../../../core/mod.ts';
import { refuseForeign } from '../../capabilities.ts';
import { debianArchive } from '../../debian.ts';
import { agent } from '../programs.ts';
import type { Guest } from './guest.ts';
import { IMAGE_INIT, INITRD_INIT } from './init.ts';
import { IMAGE, INITRD, UNPACK_KERNEL } from './scripts.ts';

/** MiB; what is in it has a third of that. */
const SIZE = 40;

/**
 * What the kernel of Debian has as modules and a guest cannot do without: the image is an NVDIMM with ext4, folders are shared
 * by 9p, and the agent asks for the netlink families of the last two, or its network fails with "protocol not supported".
 */
const MODULES = [
  ...['virtio_pci', 'virtio_console', 'virtio_net'],
  ...['nfit', 'nd_pmem', 'ext4', 'crc32c_intel', 'crc32c_generic'],
  ...['9pnet_virtio', '9p', 'xfrm_user', 'nfnetlink'],
];

const FILES = { kernel: 'vmlinux', initrd: 'initrd', image: 'guest.img' } as const;
const PLACE = '/opt/cc/clear-containers/debian';

export function debianGuest(suite: string, context: Context): Guest {
  const { cache, use } = context;
  refuseForeign(context, { guest: 'take "release"' });
  const archive = use(debianArchive);
  const folder = `${cache}/clear-containers/guest`;
  const [program, compile] = agent(context, archive, suite);
  const part = (name: string) => archive.deb(name, { package: name, suite });
  const made = (name: keyof typeof FILES): Artifact => ({
    name: `guest-${name}`,
    source: { kind: 'built', by: 'clear-containers/guest', path: `${folder}/${FILES[name]}` },
  });
  const kernel = archive.deb('guest-linux', { package: 'linux-image-amd64', follow: 'linux-image-', suite });
  const at = (name: keyof typeof FILES) => `${PLACE}/${FILES[name]}`;
  return {
    kernel: at('kernel'),
    initrd: at('initrd'),
    image: at('image'),
    size: SIZE * 1024 ** 2,
    steps: [
      packages(['binutils', 'cpio', 'e2fsprogs', 'kmod', 'xz-utils'], {
        name: 'guest-tools',
        where: 'controller',
        needs: [],
      }),
      compile,
      assembled(folder, {
        kernel,
        busybox: part('busybox-static'),
        agent: program,
        system: ['libc6', 'libudev1'].map(part),
      }),
      ...(['kernel', 'initrd', 'image'] as const).map((name) =>
        placed(made(name), { path: at(name), mode: 0o644, needs: [] }),
      ),
    ],
  };
}

interface Parts {
  readonly kernel: Artifact;
  readonly busybox: Artifact;
  readonly agent: Artifact;
  readonly system: readonly Artifact[];
}

function assembled(folder: string, { kernel, busybox, agent, system }: Parts): Step {
  const unpacked = (name: string) => `${folder}/${name}`;
  const shell = `${unpacked('busybox')}/bin/busybox`;
  const script = (name: string, text: string, words: readonly (string | Artifact)[]) => ({
    ...cmd`sh -c ${text} cc ${words}`,
    title: `a script that makes ${name}`,
  });
  return built({
    name: 'guest',
    where: 'controller',
    root: false,
    needs: ['clear-containers/guest-tools'],
    artifacts: [kernel, busybox, agent, ...system],
    outputs: Object.values(FILES).map((name) => `${folder}/${name}`),
    make: [
      cmd`rm -rf ${folder}`,
      cmd`mkdir -p ${folder}`,
      cmd`dpkg-deb --extract ${kernel} ${unpacked('kernel')}`,
      cmd`dpkg-deb --extract ${busybox} ${unpacked('busybox')}`,
      ...system.map((part) => cmd`dpkg-deb --extract ${part} ${unpacked('system')}`),
      script('the kernel', UNPACK_KERNEL, [unpacked('kernel'), `${folder}/${FILES.kernel}`]),
      script('the initrd', INITRD, [
        ...[unpacked('kernel'), shell, INITRD_INIT, `${folder}/${FILES.initrd}`],
        ...MODULES,
      ]),
      script('the image', `SIZE=${SIZE}\n${IMAGE}`, [
        ...[agent, shell, unpacked('system'), IMAGE_INIT, `${folder}/${FILES.image}`],
      ]),
      cmd`sh -c ${TIDY} cc ${folder} ${Object.values(FILES)}`,
    ],
  });
}

/** TIDY FOLDER FILE...: only these stay. */
const TIDY = `cd "$1" && shift && for f in *; do case " $* " in *" $f "*) ;; *) rm -rf "$f" ;; esac; done`;
