/** More flags of kubelet, as a recipe gives them for all hosts or for one: which may be given, and how systemd is told of them. */
import { v } from '../../core/mod.ts';

/** What cc or kubeadm tells kubelet, and where else that is said. */
const TAKEN: Readonly<Record<string, string>> = {
  'node-ip': 'address of the host',
  'node-labels': 'labels of the host',
  'register-with-taints': 'taints of the host',
  'hostname-override': 'the name of the host itself: hostnamectl set-hostname NAME',
  'cgroup-driver': 'cgroupDriver of the container runtime',
  'fail-swap-on': 'cc, which has it false',
};
/** These make a node a node. */
const OWN =
  /^(config|kubeconfig|bootstrap-kubeconfig|pod-manifest-path|register-node|cert-dir|rotate-certificates|client-ca-file|authorization-mode|allow-privileged|cadvisor-port|network-plugin|cluster-(dns|domain)|(cni|container-runtime|image-service|runtime-request)-.*|container-runtime|tls-.*)$/;

const Name = v.pipe(
  v.string(),
  v.check(
    (name) => /^[a-z][a-z0-9-]*$/.test(name),
    ({ input }) => `expected the name of a flag of kubelet, as max-pods, found "${input}"`,
  ),
  v.check(
    (name) => !OWN.test(name) && TAKEN[name] === undefined,
    ({ input }) => `"${input}" is told by ${TAKEN[input] ?? 'kubeadm and cc'}`,
  ),
);

/** Nothing that systemd or a shell might read as something else. */
const Value = v.union([
  v.number(),
  v.boolean(),
  v.pipe(
    v.string(),
    v.check(
      (text) => /^[\w.,:;=<>/%+-]+$/.test(text),
      ({ input }) => `expected a word without spaces, quotes and $, found "${input}"`,
    ),
  ),
]);

/** By name, without the hyphens before it: `{ 'max-pods': 50 }`. */
export const KubeletFlags = v.record(Name, Value);
export type KubeletFlags = v.InferOutput<typeof KubeletFlags>;

/** Words of a command line of systemd, each with a space before it; a percent sign stands for itself. */
export function wordsOf(flags: KubeletFlags): string {
  return Object.entries(flags)
    .map(([name, value]) => ` --${name}=${String(value).replaceAll('%', '%%')}`)
    .join('');
}
