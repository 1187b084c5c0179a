/** A cluster that gets another version: whether kubeadm can bring it there, and how it does on each node. */
import {
  type Change,
  cmd,
  fail,
  type Json,
  type Shell,
  type StepSpec,
  step,
  type View,
} from '../../core/mod.ts';
import type { Access } from '../kubectl/api.ts';
import { since } from '../kubernetes/versions.ts';
import { imagesOf } from './existing.ts';
import { DIRECT } from './init.ts';
import { NODE_KUBECONFIG, nodes, PLANES } from './nodes.ts';
import { askedOf, unspoken } from './speaker.ts';

export interface Upgrading {
  readonly version: string;
  readonly kubeadm: string;
  readonly access: Access;
  readonly preflight: boolean;
  /** The hosts of the control plane. */
  readonly planes: readonly string[];
  /** On the controller: what the cluster was before, for each upgrade that began. Without it etcd is not cc's to save. */
  readonly snapshots?: string;
}

/** So many snapshots of upgrades stay. */
const KEPT = 5;

/** Which versions the control plane of a host is of: several while an upgrade is under way, none where there is none. */
async function versionsOn(view: View): Promise<readonly string[]> {
  const found = (await imagesOf(view)).map(({ tag }) => tag.replace(/^v/, ''));
  return [...new Set(found)].toSorted();
}

/** Major, minor and patch. */
function partsOf(version: string): readonly [number, number, number] {
  const [major = 0, minor = 0, patch = 0] = version.split(/[.-]/).map(Number);
  return [major, minor, patch];
}

/** Minor versions from one to another. */
function minorsFrom(from: string, to: string): number {
  return partsOf(to)[1] - partsOf(from)[1];
}

function isOlder(version: string, other: string): boolean {
  const [a, b] = [partsOf(version), partsOf(other)];
  const index = a.findIndex((part, index) => part !== b[index]);
  return index >= 0 && a[index]! < b[index]!; // of three parts each
}

/** Why kubeadm cannot bring a control plane from one version to another; undefined where it can. */
export function unreachable(from: string, to: string): string | undefined {
  if (isOlder(to, from))
    return `its control plane is of ${from}, and kubeadm knows no way back to ${to}: declare kubernetes.version '${from}'`;
  const minors = minorsFrom(from, to);
  if (minors <= 1) return undefined;
  const [major, minor] = partsOf(from);
  const between = Array.from({ length: minors - 1 }, (_, index) => `${major}.${minor + 1 + index}`);
  const first = `declare a version of ${between.join(' first, then of ')}${minors === 2 ? ' first, ' : ', each '}with cc run all`;
  return `its control plane is of ${from}, and ${to} skips ${between.join(', ')}: ${first}, then ${to}`;
}

/** Why a kubelet is too far from the version of its API; kubeadm takes one minor version. */
export function tooFar(name: string, kubelet: string, to: string): string | undefined {
  const is = kubelet.replace(/^v/, '');
  if (isOlder(to, is))
    return `${name} runs kubelet ${is}, which is newer than ${to}: declare that version, or remove the node`;
  if (minorsFrom(is, to) <= 1) return undefined;
  const [major, minor] = partsOf(to);
  return `${name} runs kubelet ${is}, which is too old beside ${to}: first declare a version of ${major}.${minor - 1}, and have the node upgraded: cc run all`;
}

/** Refuses a version that cannot be reached, before anything on the host is changed. */
export function reachable({ version, access }: Upgrading) {
  return step<{ host: string; faults: readonly string[] }>({
    name: 'version',
    where: PLANES,
    needs: [],
    first: true,
    inputs: { version },
    probe: async (view) => {
      const there = await versionsOn(view);
      const faults = there.flatMap((from) => unreachable(from, version) ?? []);
      if (faults.length > 0 || there.every((from) => from === version)) return { host: view.name, faults };
      const answer = await nodes(view, access);
      const all = answer.kind === 'answered' ? answer.items : [];
      const far = all.flatMap(({ metadata, status }) => {
        const kubelet = status.nodeInfo?.kubeletVersion;
        return (kubelet === undefined ? undefined : tooFar(metadata.name, kubelet, version)) ?? [];
      });
      return { host: view.name, faults: far };
    },
    plan: ({ host, faults }) =>
      faults.length === 0
        ? []
        : fail({
            kind: 'check-failed',
            host,
            what: `its cluster can be brought to Kubernetes ${version}`,
            reasons: faults,
          }),
  });
}

type Facts = {
  /** Whether it is a node. */
  joined: boolean;
  /** Of its control plane, where it has one. */
  planes: readonly string[];
  version: string;
};

/** Brings a node to the declared version, but for kubelet itself, which starts anew after it. */
export function upgrade(
  upgrading: Upgrading,
  at: Pick<StepSpec<never>, 'where' | 'needs'> & { readonly name: string; readonly first: boolean },
) {
  const { version } = upgrading;
  const { first, ...base } = at;
  const commands = (isPlane: boolean) => commandsOf(upgrading, { first, isPlane });
  return step<Facts>({
    ...base,
    turn: { kind: 'disturbs' },
    inputs: { version, commands: commands(true) as Json },
    timeout: 1800,
    settles: 120,
    probe: async (view) => {
      const [conf, planes] = await Promise.all([view.stat(NODE_KUBECONFIG), versionsOn(view)]);
      return { joined: conf !== undefined, planes, version };
    },
    plan: ({ joined, planes }, last) => {
      const why = joined ? behind(planes, version, last) : undefined;
      if (why === undefined) return [];
      return [
        ...(first ? saving(planes, upgrading, why) : []),
        ...commands(planes.length > 0).map(
          (argv): Change => ({
            kind: 'script',
            title: argv.join(' '),
            why,
            script: (shell) => upgraded(shell, argv, upgrading),
          }),
        ),
      ];
    },
  });
}

/** A worker keeps no record of what kubeadm has told it; what it was brought to is known by the stamp alone. */
function behind(
  planes: readonly string[],
  version: string,
  last: { readonly unfinished: boolean; readonly facts: Json | undefined },
): string | undefined {
  const old = planes.filter((each) => each !== version);
  if (old.length > 0) return `its control plane is of ${old.join(' and ')}, declared ${version}`;
  // kubeadm changes the manifests first, and after them what it tells the cluster.
  if (last.unfinished) return 'its upgrade did not finish';
  if (planes.length > 0) return undefined;
  const before = (last.facts as Facts | undefined)?.version; // what this step's own probe found
  return before === undefined || before === version
    ? undefined
    : `its node is of ${before}, declared ${version}`;
}

/**
 * The first control plane changes what the cluster is told, the others follow. `upgrade node` is for all of them from 1.15 on:
 * kubernetes/kubernetes#78408. Before, control planes had a command of their own (#66973), and kubelet's configuration another one
 * from 1.11 on (#64624).
 */
export function commandsOf(
  { version, kubeadm, preflight }: Pick<Upgrading, 'version' | 'kubeadm' | 'preflight'>,
  { first, isPlane }: { readonly first: boolean; readonly isPlane: boolean },
): readonly (readonly string[])[] {
  const words = (...all: readonly string[]) => [kubeadm, 'upgrade', ...all];
  const unchecked = preflight ? [] : ['--ignore-preflight-errors=all'];
  if (first) return [words('apply', `v${version}`, '--yes', ...unchecked)];
  if (since('upgradeNode', version))
    return [words('node', ...(since('nodeChecks', version) ? unchecked : []))];
  return [
    ...(isPlane ? [words('node', 'experimental-control-plane')] : []),
    ...(since('kubeletConfig', version) ? [words('node', 'config', '--kubelet-version', `v${version}`)] : []),
  ];
}

/** A new version may write what the one before does not read, and kubeadm knows no way back. Snapshots are made from 1.13 on. */
function saving(planes: readonly string[], upgrading: Upgrading, why: string): readonly Change[] {
  const [version] = planes;
  const { access, snapshots } = upgrading;
  if (version === undefined || snapshots === undefined || !since('phases', version)) return [];
  const script = async (shell: Shell) => {
    await answered(shell, upgrading);
    const { snapshot } = await import('../etcd/snapshot.ts'); // only upgrades need it
    const { file, revision } = await snapshot(shell, { version, access, folder: snapshots, keep: KEPT });
    shell.log(`${file}: revision ${revision}\n`);
    return undefined;
  };
  return [{ kind: 'script', title: `save a snapshot of etcd to ${snapshots}`, why, script }];
}

async function upgraded(shell: Shell, argv: readonly string[], upgrading: Upgrading): Promise<undefined> {
  await answered(shell, upgrading);
  const unchecked = { ...cmd`sh -c ${UNCHECKED} cc ${argv}`, title: argv.join(' ') };
  await shell.run({ ...(upgrading.preflight ? cmd`${argv}` : unchecked), env: DIRECT });
  return undefined;
}

/**
 * kubeadm asks crictl for the images first. It ignores whatever that says with `--ignore-preflight-errors=all`, but not that there
 * is none: RunPullImagesCheck in cmd/kubeadm/app/preflight/checks.go.
 */
export const UNCHECKED = `command -v crictl >/dev/null || {
  none=$(mktemp -d) || exit
  trap 'rm -rf "$none"' EXIT
  ln -s /bin/false "$none/crictl" && PATH=$none:$PATH
}
"$@"`;

/** The runtime may have been restarted just now. */
async function answered(shell: Shell, { planes, access }: Upgrading): Promise<void> {
  await shell.until('the API answers', 120, async () => {
    const answer = await askedOf(shell.view, planes, access, cmd`get --raw /healthz`);
    return answer.kind === 'answered' ? undefined : unspoken(answer);
  });
}
