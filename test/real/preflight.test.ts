/** Hosts with networks of their own that do not fit each other: clones, a wrong clock, a firewall, another MTU. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import process from 'node:process';
import { after, type TestContext, test } from 'node:test';
import { promisify } from 'node:util';
import { folder, MOD, startCc } from '../rig/cc.ts';
import { hostRig, type RigHost } from '../rig/hosts.ts';
import type { Lasting } from '../rig/temp.ts';

const { skip, host } = await hostRig({ after });
const execute = promisify(execFile);

/** Beside what others do at the same time: names and addresses of this process. */
const OWN = process.pid % 250;
const NETWORK = `198.19.${OWN}`;

async function ip(words: string): Promise<void> {
  await execute('ip', words.split(' '));
}

/** Namespaces `p…-1` to `p…-COUNT` on one bridge of this machine, gone with the test. */
async function networks(t: Lasting, count: number): Promise<readonly string[]> {
  const bridge = `ccp${OWN}`;
  const all = Array.from({ length: count }, (_, index) => `${bridge}-${index + 1}`);
  t.after(async () => {
    // A link goes at once, and a namespace some time after it was told to.
    for (const link of [...all, bridge]) await ip(`link del ${link}`).catch(() => undefined);
    for (const name of all) await ip(`netns del ${name}`).catch(() => undefined);
  });
  await ip(`link add ${bridge} type bridge`);
  await ip(`addr add ${NETWORK}.254/24 dev ${bridge}`);
  await ip(`link set ${bridge} up`);
  for (const [index, name] of all.entries()) {
    await ip(`netns add ${name}`);
    await ip(`link add eth0 netns ${name} type veth peer name ${name}`);
    await ip(`link set ${name} master ${bridge} up`);
    await ip(`-n ${name} addr add ${NETWORK}.${index + 1}/24 dev eth0`);
    for (const link of ['eth0', 'lo']) await ip(`-n ${name} link set ${link} up`);
  }
  return all;
}

/** What each host is by itself. */
function setup(number: number): string {
  return `mkdir -p /run/systemd; echo rig >/run/systemd/container
printf '%032d\\n' ${number} >/etc/machine-id
`;
}

const DROP = `nft -f - <<'NFT'
table ip own { chain own { type filter hook input priority 0
  ip saddr ${NETWORK}.1 tcp dport 10250 drop
  ip saddr ${NETWORK}.3 tcp dport 10250 reject with tcp reset
  ip saddr ${NETWORK}.3 udp dport 8472 drop
  ip saddr ${NETWORK}.1 icmp type echo-request meta length > 1400 drop
}
}
NFT
`;
const LATE = `printf '#!/bin/sh\\necho $(($(/bin/date +%%s) - 90))\\n' >/usr/local/bin/date; chmod +x /usr/local/bin/date
`;

/** Hosts with these lines of setup beside their own, in a site that only compares them, or changes them afterwards. */
async function site(t: TestContext, lines: readonly string[], options = '{ ports: true }') {
  const names = await networks(t, lines.length);
  const hosts = await Promise.all(
    lines.map((more, index) =>
      host(t, `w-${index + 1}`, {
        setup: `${setup(index + 1)}${more}`,
        network: { namespace: names[index]!, address: `${NETWORK}.${index + 1}` }, // one for each
      }),
    ),
  );
  const cwd = await folder(t, {
    'package.json': '{ "type": "module" }\n',
    'cc.config.ts': config(hosts, options),
  });
  return { cwd, hosts, run: (...words: readonly string[]) => startCc({}, cwd, ...words).ended };
}

function config(hosts: readonly RigHost[], options: string): string {
  const places = hosts.map(({ name, target: connection }) => ({
    ...{ name, roles: ['control-plane'], connection, address: connection.address },
  }));
  return `import { plugin, recipe, v, written } from '${MOD}';
import { preflight } from '${MOD.replace('core/mod', 'plugins/preflight')}';
import { overlayNetwork } from '${MOD.replace('core/mod', 'plugins/capabilities')}';

const site = plugin({ name: 'site', help: 'writes', options: v.strictObject({}), build: () => ({
  steps: [written('text', { name: 'text', path: '/srv/text', needs: [] })] }) });

const overlay = plugin({ name: 'overlay', help: 'is vxlan', options: v.strictObject({}), provides: [overlayNetwork],
  build: () => ({ steps: [], provides: [overlayNetwork.of({ backend: 'vxlan' })] }) });

export default recipe({ name: 'apart', plugins: [preflight(${options}), overlay(), site()], hosts: ${JSON.stringify(places)} });
`;
}

async function changed(hosts: readonly RigHost[]): Promise<readonly string[]> {
  const all = await Promise.all(hosts.map(({ exec }) => exec(['cat', '/srv/text'])));
  return hosts.flatMap(({ name }, index) => (all[index]?.code === 0 ? [name] : []));
}

/** What a host was refused for, without what differs from run to run. */
function reasons(stdout: string): readonly string[] {
  const own = /^ +(?:names|machine-ids|product-uuids|macs|clocks|mtu|segment|ports): .*$/gm;
  const lines = (stdout.match(own) ?? []).map((line) => line.trim());
  return [...new Set(lines)]
    .map((line) => line.replace(/\d+\.\d+ s/g, 'N s').replaceAll(NETWORK, 'NET'))
    .toSorted();
}

test('hosts that fit are compared for real once, ports included, and then changed', { skip }, async (t) => {
  const { hosts, run } = await site(t, ['', '', '']);
  const first = await run('run', 'all');
  assert.deepEqual(
    [first.code, await changed(hosts)],
    [0, ['w-1', 'w-2', 'w-3']],
    first.stdout + first.stderr,
  );
  const { stdout: log } = await run('logs', 'w-2/preflight');
  assert.match(log, /ports: 2379, 2380, 6443, 8472\/udp, 10250 can be reached from w-1 and w-3\n/);
  assert.match(log, /packets of a full MTU: arrive in one piece at w-1 and w-3\n/);
  assert.match(log, /product_uuid: not applicable: a container has that of the machine it runs on\n/);
  assert.match(log, /clock: within \d\.\d+ s of the others\n/);
  const second = await run('run', 'all');
  assert.match(second.stdout + second.stderr, /0 changed/);
  const left = await hosts[0]!.exec(['ss', '-Hltn', 'sport', '=', ':6443']); // there are three
  assert.deepEqual([left.code, left.stdout], [0, '']);
});

test('host that alone is meant asks the others, which are neither noted nor changed', {
  skip,
}, async (t) => {
  const { cwd, hosts, run } = await site(t, ['', '']);
  const { code, stdout, stderr } = await run('run', 'all', '--limit', 'w-1');
  assert.deepEqual([code, await changed(hosts)], [0, ['w-1']], stdout + stderr);
  const { stdout: log } = await run('logs', 'w-1/preflight');
  assert.match(log, /ports: 2379, 2380, 6443, 8472\/udp, 10250 can be reached from w-2\n/);
  const { stdout: file } = await execute('find', [join(cwd, 'state'), '-name', 'hosts.json']);
  const noted = JSON.parse(await readFile(file.trim(), 'utf8'));
  assert.deepEqual(
    [JSON.stringify(noted).includes('w-1'), JSON.stringify(noted).includes('w-2')],
    [true, false],
  );
});

test('firewall between two hosts is found by their own connections, and the host behind it is not changed', {
  skip,
}, async (t) => {
  const { hosts, run } = await site(t, ['', DROP, '']);
  const { code, stdout, stderr } = await run('run', 'all');
  assert.equal(code, 1);
  const fix = 'let it in on w-2: nft list ruleset shows what does not';
  const way = 'cannot reach w-2 at NET.2, TCP port 10250 (kubelet)';
  assert.deepEqual(reasons(stdout + stderr), [
    `mtu: packets of 1500 bytes, the MTU of eth0, do not get from w-1 to w-2, and small ones do: no answer; on all hosts: ip link set LINK mtu SIZE, as ping -M do -s finds it`,
    `ports: w-1 ${way}: no answer, so a firewall drops it; ${fix}`,
    `ports: w-3 ${way}: refused although somebody listens, so a firewall rejects it; ${fix}`,
    `ports: w-3 cannot reach w-2 at NET.2, UDP port 8472 (flannel, VXLAN): no answer, so a firewall drops it; ${fix}`,
  ]);
  assert.deepEqual(await changed(hosts), ['w-3']);
});

test('clone, wrong clock and odd MTU are told by doctor, which leaves nothing on the hosts', {
  skip,
}, async (t) => {
  const { hosts, run } = await site(t, [setup(3), LATE, 'ip link set eth0 mtu 1400\n', '', ''], '{}');
  const { code, stdout } = await run('doctor');
  assert.equal(code, 1);
  const same = '0'.repeat(31);
  assert.deepEqual(reasons(stdout), [
    'clocks: the clock of w-2 is N s behind that of w-1, give or take N s; on both: apt-get install systemd-timesyncd; timedatectl set-ntp true',
    `machine-ids: w-1 and w-3 have the same machine-id, ${same}3; on all but one: rm -f /etc/machine-id /var/lib/dbus/machine-id; systemd-machine-id-setup; reboot`,
    'mtu: the MTU of the links that hosts reach each other by is not the same: 1500 on w-1 (eth0), w-2 (eth0), w-4 (eth0) and w-5 (eth0), 1400 on w-3 (eth0); ip link set LINK mtu 1500',
  ]);
  const kept = await Promise.all(hosts.map(({ exec }) => exec(['ls', '/var/lib/cc'])));
  assert.deepEqual(
    kept.map(({ code: found }) => found),
    hosts.map(() => 2),
  );
});
