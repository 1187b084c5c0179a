/** How a version of Kubernetes names its container images, as far as somebody else has to know. */
import { eraOf, since } from './versions.ts';

/** The registry of upstream today; what the older ones held is in it too, below the same names. */
export const UPSTREAM = 'registry.k8s.io';

/** cmd/kubeadm/app/images/images.go: the processor was part of a name before there were lists of manifests. */
export function pauseImage(version: string, repository: string, arch: string): string {
  const name = since('manifestLists', version) ? 'pause' : `pause-${arch}`;
  return `${repository}/${name}:${eraOf(version).pause}`;
}

/** Where kubeadm must be told to find CoreDNS, since it knows the folder of CoreDNS in its own default registry only. */
export function dnsRepository(version: string, repository: string): string | undefined {
  const moved = repository === UPSTREAM && eraOf(version).registry !== UPSTREAM;
  return moved && since('dnsFolder', version) ? `${repository}/coredns` : undefined;
}
