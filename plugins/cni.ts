/** Pod networking by the reference CNI plugins: a bridge on each node, alone, by flannel, or with routes to those of the others. */
import {
  type Artifact,
  type Context,
  type Json,
  net,
  placed,
  plugin,
  type Step,
  unpacked,
  v,
  written,
} from '../core/mod.ts';
import {
  atLeast,
  From,
  kubernetesRelease,
  madeHosts,
  podNetwork,
  refuseForeign,
  release,
  Version,
} from './capabilities.ts';
import { CONFIG, confFolder, FOLDER, inUse, type Network, precedence } from './cni/config.ts';
import { link } from './cni/link.ts';
import { routes } from './cni/routes.ts';
import { debianArchive } from './debian.ts';
import { state } from './flannel/state.ts';
import { KUBECONFIG, planesOf } from './kubeadm/nodes.ts';

const RELEASES = 'https://github.com/containernetworking/plugins/releases/download';
const FLANNEL = 'https://github.com/flannel-io/cni-plugin/releases/download';
/** Of cc's own where a whole archive is unpacked; else the usual folder, which others may share. */
const OWN = '/opt/cc/cni';
const SHARED = '/opt/cni/bin';
/** What the configuration below names, and what these call. */
const PROGRAMS = ['bridge', 'host-local', 'loopback', 'portmap'];

const NAME = 'cc';

export const cni = plugin({
  name: 'cni',
  help: 'places the CNI plugins and a bridge network for pods',
  options: v.strictObject({
    from: From,
    version: v.optional(Version, '1.9.1'),
    suite: v.optional(v.string(), 'bookworm'),
    /** Over several nodes: `routes` where they share a link, or `flannel`, which needs that plugin too. */
    network: v.optional(v.picklist(['bridge', 'flannel', 'routes']), 'bridge'),
    /** Default: `10.244.0.0/24`, over several nodes `10.244.0.0/16`. Kubernetes gives each node a /24 of it, of 65536 at most. */
    subnet: v.optional(net.subnet(8, 24)),
    /** Not cni0: a flannel that is set up by hand brings a bridge of that name and another subnet. */
    bridge: v.optional(net.Interface, 'cc0'),
    /** flannel's own CNI plugin, which releases from 1.0 on leave out. */
    flannelPlugin: v.optional(Version, '1.9.1-flannel3'),
  }),
  provides: [podNetwork],
  build: (options, context) => {
    const { arch, hosts, find } = context;
    const { from, version, suite, network, bridge, flannelPlugin } = options;
    const subnet = options.subnet ?? (network === 'bridge' ? '10.244.0.0/24' : '10.244.0.0/16');
    const bin = from === 'debian' ? SHARED : OWN;
    if (from === 'debian') refuseForeign(context, { from: 'take a release' });
    const programs = programsOf({ from, version, suite, bin }, context);
    const apart = network === 'flannel' && (from === 'debian' || atLeast(version, '1.0.0'));
    const flannel = release('cni-flannel', `${FLANNEL}/v${flannelPlugin}/flannel-${arch}`);
    // A folder that is unpacked is replaced as a whole, and then needs this again.
    const after = programs.map(({ name }) => `cni/${name}`);
    const extra = apart ? [placed(flannel, { name: 'flannel', path: `${bin}/flannel`, needs: after })] : [];
    const given = { network, subnet, bridge };
    const specified = from === 'release' ? version : '1.0.0';
    const config = (part: string) => conflist({ ...given, subnet: part }, specified);
    const own = { name: NAME, subnet, bridge, bin, config: FOLDER };
    const shared = network === 'routes' ? [link([...hosts, ...(find(madeHosts) ?? [])]), confFolder()] : [];
    const before = [precedence(), ...shared, inUse(given), ...programs, ...extra];
    const files = configured({ network, subnet, config }, context);
    return {
      provides: [podNetwork.of({ ...own, ...reaching(network, before) })],
      steps: [...before, ...(network === 'flannel' ? [state(subnet)] : []), ...files],
    };
  },
});

interface Programs {
  readonly from: 'release' | 'debian';
  readonly version: string;
  readonly suite: string;
  readonly bin: string;
}

function programsOf({ from, version, suite, bin }: Programs, { arch, use }: Context): readonly Step[] {
  if (from === 'release')
    return [unpacked(archive(version, arch), { name: 'plugins', path: bin, marker: 'bridge', needs: [] })];
  const member = (name: string) =>
    use(debianArchive).deb(`cni-${name}`, {
      package: 'containernetworking-plugins',
      suite,
      member: `usr/lib/cni/${name}`,
    });
  return PROGRAMS.map((name) => placed(member(name), { name, path: `${bin}/${name}`, needs: [] }));
}

/** How nodes reach the pods of others; with routes the file that says so waits for a cluster, and the rest goes ahead. */
function reaching(network: Network['network'], before: readonly Step[]) {
  if (network === 'bridge') return {};
  if (network === 'flannel') return { overlay: network };
  return { overlay: network, ahead: before.map(({ name }) => `cni/${name}`) };
}

interface Configured {
  readonly network: Network['network'];
  readonly subnet: string;
  readonly config: (part: string) => string;
}

function configured({ network, subnet, config }: Configured, context: Context): readonly Step[] {
  if (network !== 'routes') return [written(config(subnet), { name: 'network', path: CONFIG, needs: [] })];
  const kubectl = `${context.use(kubernetesRelease).bin}/kubectl`;
  return routes({ kubectl, kubeconfig: KUBECONFIG, subnet, config, planes: planesIn(context) });
}

function planesIn({ hosts, find }: Context): readonly string[] {
  return planesOf([...hosts, ...(find(madeHosts) ?? [])]).map(({ name }) => name);
}

/** Archives are named by system since 0.8.0, and each has a file with its digest beside it. */
function archive(version: string, arch: string): Artifact {
  const system = atLeast(version, '0.8.0') ? `linux-${arch}` : arch;
  const url = `${RELEASES}/v${version}/cni-plugins-${system}-v${version}.tgz`;
  return release('cni-plugins', url, `${url}.sha256`);
}

/** https://www.cni.dev/plugins/current/main/bridge/ */
function bridged({ network, bridge, subnet }: Network): Json {
  const ipam = { type: 'host-local', ranges: [[{ subnet }]], routes: [{ dst: '0.0.0.0/0' }] };
  return { type: 'bridge', bridge, isGateway: true, ipMasq: network === 'bridge', hairpinMode: true, ipam };
}

/** https://github.com/flannel-io/cni-plugin: calls the bridge plugin with the node's part of the subnet. */
function delegated(bridge: string): Json {
  return { type: 'flannel', delegate: { bridge, isDefaultGateway: true, hairpinMode: true } };
}

/** Plugins before 0.8 know the specification up to 0.3.1. */
function conflist(given: Network, version: string): string {
  const first = given.network === 'flannel' ? delegated(given.bridge) : bridged(given);
  const cniVersion = atLeast(version, '0.8.0') ? '0.4.0' : '0.3.1';
  const plugins = [first, { type: 'portmap', capabilities: { portMappings: true } }];
  return `${JSON.stringify({ cniVersion, name: NAME, plugins }, null, 2)}\n`;
}
