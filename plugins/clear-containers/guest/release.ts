/** What guests of Clear Containers 3.0.21 booted in 2018: the kernel and the image that its versions.txt names. */
import { unpacked } from '../../../core/mod.ts';
import { release } from '../../capabilities.ts';
import type { Guest } from './guest.ts';

const PROJECT = 'https://github.com/clearcontainers';
const HOME = '/opt/cc/clear-containers';

const KERNEL = 'v4.14.22-86.container';
/** The release of the guest's system, and the commit of the agent in it. */
const IMAGE = 'cc-20640-agent-6f6e9e';

/** Archives hold one folder: kernel/update_kernel_fork.sh and release-tools/release_image_github.sh of its packaging. */
export function releasedGuest(): Guest {
  const asset = (name: string, folder: string, file: string) =>
    release(name, `${folder}/${file}.tar.gz`, `${folder}/SHA512SUMS`);
  const kernel = asset('cc-kernel', `${PROJECT}/linux/releases/download/${KERNEL}`, `${KERNEL}-binaries`);
  const image = asset(
    'cc-image',
    `${PROJECT}/osbuilder/releases/download/${IMAGE}`,
    `image-${IMAGE}-binaries`,
  );
  const vmlinuz = `vmlinuz-${KERNEL.slice(1)}`;
  return {
    kernel: `${HOME}/kernel/${vmlinuz}`,
    image: `${HOME}/image/${IMAGE}.img`,
    steps: [
      unpacked(kernel, { name: 'kernel', path: `${HOME}/kernel`, strip: 1, marker: vmlinuz, needs: [] }),
      // The image itself is too large to be read at each look; what describes it comes in the same archive.
      unpacked(image, { name: 'image', path: `${HOME}/image`, strip: 1, marker: `${IMAGE}.info`, needs: [] }),
    ],
  };
}
