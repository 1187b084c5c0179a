/** Pod networking by the reference CNI plugins: a bridge of its own on each node. */
import { placed, plugin, unpacked, v, written } from '../core/mod.ts';
import { From, podNetwork, release, Version } from './capabilities.ts';
import { debianArchive } from './debian.ts';

const RELEASES = 'https://github.com/containernetworking/plugins/releases/download';
/** Of cc's own where a whole archive is unpacked; else the usual folder, which others may share. */
const OWN = '/opt/cc/cni';
const SHARED = '/opt/cni/bin';
/** What the configuration below names, and what these call. */
const PROGRAMS = ['bridge', 'host-local', 'loopback', 'portmap'];

export const cni = plugin({
  name: 'cni',
  help: 'places the CNI plugins and a bridge network for pods',
  options: v.strictObject({
    from: From,
    version: v.optional(Version, '1.9.1'),
    suite: v.optional(v.string(), 'bookworm'),
    subnet: v.optional(v.string(), '10.244.0.0/24'),
    /** Not cni0: flannel brings a bridge of that name and another subnet. */
    bridge: v.optional(v.string(), 'cc0'),
  }),
  provides: [podNetwork],
  build: ({ from, version, suite, subnet, bridge }, { arch, use }) => {
    const member = (name: string) =>
      use(debianArchive).deb(`cni-${name}`, {
        package: 'containernetworking-plugins',
        suite,
        member: `usr/lib/cni/${name}`,
      });
    const archive = () =>
      release('cni-plugins', `${RELEASES}/v${version}/cni-plugins-linux-${arch}-v${version}.tgz`);
    const programs =
      from === 'debian'
        ? PROGRAMS.map((name) => placed(member(name), { name, path: `${SHARED}/${name}`, needs: [] }))
        : [unpacked(archive(), { name: 'plugins', path: OWN, witness: 'bridge', needs: [] })];
    const config = written(network(subnet, bridge), {
      name: 'network',
      path: '/etc/cni/net.d/10-cc.conflist',
      needs: [],
    });
    return {
      provides: [podNetwork.of({ subnet, bridge, bin: from === 'debian' ? SHARED : OWN })],
      steps: [...programs, config],
    };
  },
});

/** https://www.cni.dev/plugins/current/main/bridge/ */
function network(subnet: string, bridge: string): string {
  const ipam = { type: 'host-local', ranges: [[{ subnet }]], routes: [{ dst: '0.0.0.0/0' }] };
  const plugins = [
    { type: 'bridge', bridge, isGateway: true, ipMasq: true, hairpinMode: true, ipam },
    { type: 'portmap', capabilities: { portMappings: true } },
  ];
  return `${JSON.stringify({ cniVersion: '0.4.0', name: 'cc', plugins }, null, 2)}\n`;
}
