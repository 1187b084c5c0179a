/**
 * The network that is generated, given to the real CNI plugins of three releases of Debian: 0.9.0, 1.1.1 and 1.9.1. They are
 * called as a container runtime calls them, for a pod in namespaces of its own. Skipped where no archive of Debian answers.
 */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { runProcess } from '../../core/host/own-agent.ts';
import { cni } from '../../plugins/cni.ts';
import { ARCHIVE } from '../plugins/archive.ts';
import { type BenchSetup, benchOf } from '../plugins/bench.ts';
import { unpacked } from '../rig/debian.ts';

const SUITES = ['bullseye', 'bookworm', 'sid'];
const programs = await unpacked(...SUITES.map((suite) => [suite, ['containernetworking-plugins']] as const));
const skip = programs.kind === 'missing' && programs.why;

const APART = ['unshare', '--mount', '--net', '--pid', '--fork', '--kill-child', '--mount-proc'];
const may = (await runProcess([...APART, 'sh', '-c', 'ip link && iptables -S'])).code === 0;
const skipPods = skip || (!may && 'this user may make no namespaces, or ip and iptables are missing');

function binOf(suite: string): string {
  assert.ok(programs.kind === 'here'); // else it is skipped
  return join(programs.folder('containernetworking-plugins', suite), 'usr/lib/cni');
}

interface Link {
  readonly type: string;
  readonly capabilities?: unknown;
}

/** What the plugin writes. */
async function network(t: TestContext, given: Parameters<typeof cni>[0]) {
  const bare: BenchSetup['bare'] = (host) => {
    host.write('/run/x', '');
    host.disk.delete('/run/x');
  };
  const bench = await benchOf(t, { plugins: [ARCHIVE, cni({ from: 'debian', ...given })] }, { bare });
  await bench.run();
  const text = bench.hosts.get('node-1')!.read('/etc/cni/net.d/10-cc.conflist'); // every bench has this host
  return JSON.parse(text) as { cniVersion: string; name: string; plugins: readonly Link[] };
}

const PORTS = { portMappings: [{ hostPort: 8080, containerPort: 80, protocol: 'tcp' }] };

/**
 * Standard input of each plugin, without what the one before answered: CNI's specification, "Deriving request configuration".
 * The last one is for CHECK: of the two runtimes containerd asks for ports and never checks, CRI-O sees to ports itself, and
 * portmap 1.1.1 would look for those of IPv6 too, where there is none: containernetworking/plugins#819.
 */
function requests({ cniVersion, name, plugins }: Awaited<ReturnType<typeof network>>): readonly string[] {
  const request = ({ capabilities, ...plugin }: Link, runtimeConfig?: unknown) =>
    JSON.stringify({
      cniVersion,
      name,
      ...plugin,
      ...(capabilities && runtimeConfig ? { runtimeConfig } : {}),
    });
  return [
    ...plugins.flatMap((plugin) => [plugin.type, request(plugin, PORTS)]),
    ...plugins.slice(1).map((plugin) => request(plugin)),
  ];
}

/**
 * POD BIN TYPE REQUEST TYPE REQUEST CHECKED: one pod on a node of its own, added, checked and deleted as a runtime does: in the order of the
 * file, and backwards. Prints the result, what there is, and, after a line of dashes, what is left.
 */
const POD = `set -eu
mount --bind "$1" /mnt
shift
for folder in /run /var/lib; do mount -t tmpfs tmpfs $folder; done
mkdir /run/flannel
printf 'FLANNEL_%s\\n' NETWORK=10.244.0.0/16 SUBNET=10.244.3.1/24 MTU=1450 IPMASQ=true >/run/flannel/subnet.env
ip link set lo up
touch /run/pod
unshare --net=/run/pod true
export CNI_CONTAINERID=pod CNI_NETNS=/run/pod CNI_IFNAME=eth0 CNI_PATH=/mnt
call() {
  request=$2
  [ -z "$result" ] || request="\${2%?},\\"prevResult\\":$result}"
  printf %s "$request" | "/mnt/$1" || { printf '%s: %s\\n' "$CNI_COMMAND" "$1" >&2; exit 1; }
}
seen() {
  ip -oneline -4 address show
  ip -oneline -details link show
  iptables -t nat -S
  nsenter --net=/run/pod sh -c 'ip -oneline -4 address show; ip route'
  ls -R /var/lib/cni
}
result=
CNI_COMMAND=ADD
export CNI_COMMAND
first=$1 one=$2 second=$3 two=$4 checked=$5
result=$(call "$first" "$one")
result=$(call "$second" "$two")
echo "$result" | tr -d '\\n\\t'
echo
seen
CNI_COMMAND=CHECK
call "$first" "$one"
call "$second" "$checked"
CNI_COMMAND=DEL
call "$second" "$two"
call "$first" "$one"
echo ---
seen`;

async function pod(suite: string, asked: readonly string[]) {
  const { code, stdout, stderr } = await runProcess([
    ...APART,
    'sh',
    '-c',
    POD,
    'cc',
    binOf(suite),
    ...asked,
  ]);
  assert.equal(code, 0, `${stdout}\n${stderr}`);
  const [before = '', after = ''] = stdout.split('\n---\n');
  const [result = '', ...there] = before.split('\n');
  return { result: JSON.parse(result), there: there.join('\n'), left: after };
}

for (const suite of SUITES) {
  test(`CNI plugins of Debian ${suite} know the version that is written for them`, { skip }, async (t) => {
    const { cniVersion, plugins } = await network(t, { suite });
    for (const { type } of [...plugins, { type: 'host-local' }, { type: 'loopback' }]) {
      const { stdout } = await runProcess(['env', 'CNI_COMMAND=VERSION', join(binOf(suite), type)], {
        input: JSON.stringify({ cniVersion }),
      });
      assert.ok(JSON.parse(stdout).supportedVersions.includes(cniVersion), `${type}: ${stdout}`);
    }
  });

  test(`pod gets an address and a port by those of ${suite}, and leaves nothing`, {
    skip: skipPods,
  }, async (t) => {
    const { result, there, left } = await pod(suite, requests(await network(t, { suite })));
    assert.equal(result.cniVersion, '0.4.0');
    assert.deepEqual(
      result.ips.map(({ address, gateway }: Record<string, string>) => [address, gateway]),
      [['10.244.0.2/24', '10.244.0.1']],
    );
    for (const expected of [
      /cc0 +inet 10\.244\.0\.1\/24/,
      /veth.*master cc0.*hairpin on/,
      /eth0 +inet 10\.244\.0\.2\/24/,
      /^default via 10\.244\.0\.1 dev eth0/m,
      /MASQUERADE/,
      /--dport 8080 -j DNAT --to-destination 10\.244\.0\.2:80/,
    ])
      assert.match(there, expected);
    for (const gone of [/veth/, /eth0/, /DNAT --to/, /MASQUERADE$/m, /^10\.244\.0\.2$/m])
      assert.doesNotMatch(left.replace(/^-A CNI-HOSTPORT-MASQ .*$/m, ''), gone);
  });
}

// Releases of the plugins have flannel's among them until 1.0.0, and later ones of Debian none.
test('pod that is handed over to flannel gets an address of what flannel gave the node', {
  skip: skipPods,
}, async (t) => {
  const asked = requests(await network(t, { suite: 'bullseye', network: 'flannel' }));
  const { result, there, left } = await pod('bullseye', asked);
  assert.equal(result.ips[0].address, '10.244.3.2/24');
  assert.match(there, /cc0.* mtu 1450 .*/);
  assert.match(there, /cc0 +inet 10\.244\.3\.1\/24/);
  assert.doesNotMatch(left, /veth|eth0|^10\.244\.3\.2$/m);
});
