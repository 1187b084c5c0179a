/** Pod networking by the reference CNI plugins: a bridge of its own on each node, alone or handed its subnet by flannel. */
import { type Artifact, type Json, net, placed, plugin, unpacked, v, written } from '../core/mod.ts';
import { atLeast, From, podNetwork, refuseForeign, release, Version } from './capabilities.ts';
import { CONFIG, FOLDER, inUse, type Network, precedence } from './cni/config.ts';
import { debianArchive } from './debian.ts';
import { state } from './flannel/state.ts';

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
    /** `flannel` needs that plugin too: it gives each node its part of the subnet. */
    network: v.optional(v.picklist(['bridge', 'flannel']), 'bridge'),
    /** Default: `10.244.0.0/24`, with flannel `10.244.0.0/16`. Kubernetes gives each node a /24 of it, of 65536 at most. */
    subnet: v.optional(net.subnet(8, 24)),
    /** Not cni0: a flannel that is set up by hand brings a bridge of that name and another subnet. */
    bridge: v.optional(net.Interface, 'cc0'),
    /** flannel's own CNI plugin, which releases from 1.0 on leave out. */
    flannelPlugin: v.optional(Version, '1.9.1-flannel3'),
  }),
  provides: [podNetwork],
  build: (options, context) => {
    const { arch, use } = context;
    const { from, version, suite, network, bridge, flannelPlugin } = options;
    const subnet = options.subnet ?? (network === 'flannel' ? '10.244.0.0/16' : '10.244.0.0/24');
    const bin = from === 'debian' ? SHARED : OWN;
    if (from === 'debian') refuseForeign(context, { from: 'take a release' });
    const member = (name: string) =>
      use(debianArchive).deb(`cni-${name}`, {
        package: 'containernetworking-plugins',
        suite,
        member: `usr/lib/cni/${name}`,
      });
    const programs =
      from === 'debian'
        ? PROGRAMS.map((name) => placed(member(name), { name, path: `${bin}/${name}`, needs: [] }))
        : [unpacked(archive(version, arch), { name: 'plugins', path: bin, marker: 'bridge', needs: [] })];
    const apart = network === 'flannel' && (from === 'debian' || atLeast(version, '1.0.0'));
    const flannel = release('cni-flannel', `${FLANNEL}/v${flannelPlugin}/flannel-${arch}`);
    // A folder that is unpacked is replaced as a whole, and then needs this again.
    const after = programs.map(({ name }) => `cni/${name}`);
    const extra = apart ? [placed(flannel, { name: 'flannel', path: `${bin}/flannel`, needs: after })] : [];
    const given = { network, subnet, bridge };
    const config = written(conflist(given, from === 'release' ? version : '1.0.0'), {
      name: 'network',
      path: CONFIG,
      needs: [],
    });
    const overlay = network === 'flannel' ? ({ overlay: network } as const) : {};
    return {
      provides: [podNetwork.of({ name: NAME, subnet, bridge, bin, config: FOLDER, ...overlay })],
      steps: [
        ...[precedence(), inUse(given)],
        ...programs,
        ...extra,
        ...(network === 'flannel' ? [state(subnet)] : []),
        config,
      ],
    };
  },
});

/** Archives are named by system since 0.8.0, and each has a file with its digest beside it. */
function archive(version: string, arch: string): Artifact {
  const system = atLeast(version, '0.8.0') ? `linux-${arch}` : arch;
  const url = `${RELEASES}/v${version}/cni-plugins-${system}-v${version}.tgz`;
  return release('cni-plugins', url, `${url}.sha256`);
}

/** https://www.cni.dev/plugins/current/main/bridge/ */
function bridged(bridge: string, subnet: string): Json {
  const ipam = { type: 'host-local', ranges: [[{ subnet }]], routes: [{ dst: '0.0.0.0/0' }] };
  return { type: 'bridge', bridge, isGateway: true, ipMasq: true, hairpinMode: true, ipam };
}

/** https://github.com/flannel-io/cni-plugin: calls the bridge plugin with the node's part of the subnet. */
function delegated(bridge: string): Json {
  return { type: 'flannel', delegate: { bridge, isDefaultGateway: true, hairpinMode: true } };
}

/** Plugins before 0.8 know the specification up to 0.3.1. */
function conflist({ network, bridge, subnet }: Network, version: string): string {
  const first = network === 'flannel' ? delegated(bridge) : bridged(bridge, subnet);
  const cniVersion = atLeast(version, '0.8.0') ? '0.4.0' : '0.3.1';
  const plugins = [first, { type: 'portmap', capabilities: { portMappings: true } }];
  return `${JSON.stringify({ cniVersion, name: NAME, plugins }, null, 2)}\n`;
}
