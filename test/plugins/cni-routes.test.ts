/** Pods of several nodes that reach each other by routes: who gets which part, which routes there are, and where none lead. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { describe } from '../../core/model/change.ts';
import type { Command } from '../../core/model/command.ts';
import { Failed } from '../../core/model/failure.ts';
import { plugin } from '../../core/model/plugin.ts';
import * as v from '../../core/model/vocabulary.ts';
import { awaited } from '../../core/steps/awaited.ts';
import { kubernetesRelease } from '../../plugins/capabilities.ts';
import { CONFIG, FOLDER } from '../../plugins/cni/config.ts';
import { link, waysTo } from '../../plugins/cni/link.ts';
import { routes, SCRIPT, scriptOf } from '../../plugins/cni/routes.ts';
import { cni } from '../../plugins/cni.ts';
import type { Paper } from '../rig/paper.ts';
import { type Lasting, tempFolder } from '../rig/temp.ts';
import { paperView } from '../rig/view.ts';
import { NEVER } from '../steps/last.ts';
import { benchOf, NODE } from './bench.ts';
import { BELOW } from './cluster.ts';
import { listing } from './tools.ts';

const SUBNET = '10.244.0.0/16';

/** The steps of a cluster that routes wait for; all is there. */
const CLUSTER = plugin({
  name: 'kubeadm',
  help: 'a cluster on paper',
  options: v.strictObject({}),
  build: () => ({
    steps: (['api', 'registered', 'ready'] as const).map((name) =>
      awaited({
        ...{ name, what: name, within: 1, look: async () => undefined, needs: [] },
        where: name === 'registered' ? { role: 'worker' } : { firstOf: 'control-plane' },
      }),
    ),
  }),
});
const WORKER = { name: 'w-1', roles: ['worker'], connection: { kind: 'ssh', address: 'w-1' } } as const;
const RECIPE = {
  hosts: [NODE, WORKER],
  plugins: [
    ...BELOW.filter(({ spec }) => spec.name === kubernetesRelease.name),
    CLUSTER(),
    cni({ network: 'routes' }),
  ],
};

const node = (name: string, podCIDR: string, address: string) => ({
  metadata: { name },
  spec: { podCIDR },
  status: { addresses: [{ type: 'InternalIP', address }] },
});
const NODES = [node('node-1', '10.244.0.0/24', '10.0.0.1'), node('w-1', '10.244.1.0/24', '10.0.0.7')];

interface Changing {
  nodes: readonly (typeof NODES)[number][];
  /** How a host reaches others. */
  way: string;
}

async function made(t: Lasting) {
  const state: Changing = { nodes: NODES, way: 'dev eth0 src 10.0.0.1' };
  const routes = new Map<string, readonly string[]>();
  const wanted = (host: Paper) =>
    [...host.read(SCRIPT).matchAll(/^route (\S+) (\S+)$/gm)].map(
      ([, part, via]) => `${part} via ${via} dev eth0`,
    );
  const bench = await benchOf(t, RECIPE, {
    bytes: { 'cni-plugins': JSON.stringify({ bridge: 'a program' }) },
    bare: (host) => {
      for (const path of ['admin.conf', 'kubelet.conf']) host.write(`/etc/kubernetes/${path}`, 'a key');
    },
    reads: (host) => [
      listing(host),
      [
        `find ${FOLDER} -mindepth 1`,
        () => [...host.disk.keys()].flatMap((path) => (path.startsWith(`${FOLDER}/8`) ? 'x' : [])).join(''),
      ],
      ['ip -o -4 address show', ''],
      ['uname -n', host.host],
      [
        '/usr/local/bin/kubectl --kubeconfig /etc/kubernetes/admin.conf',
        () => JSON.stringify({ items: state.nodes }),
      ],
      [
        '/usr/local/bin/kubectl --kubeconfig /etc/kubernetes/kubelet.conf',
        () => JSON.stringify(state.nodes.find(({ metadata }) => metadata.name === host.host)),
      ],
      [
        'ip -4 -o -force -batch -',
        (_, { input }) =>
          String(input).replaceAll(/^route get (.*)$/gm, (_, address) => `${address} ${state.way}`),
      ],
      [
        'ip -4 route show proto 204',
        () => {
          const own = host.units.get('cc-pod-routes.service')?.active === 'active' ? wanted(host) : [];
          return (routes.get(host.host) ?? own).map((route) => `${route}\n`).join('');
        },
      ],
    ],
    does: () => [[`sh -c systemctl daemon-reload && exec sh ${SCRIPT} up`, '']],
  });
  return { bench, state, routes, host: (name: string) => bench.hosts.get(name)! };
}

test('each node gives out its own part, and has a route to that of each other one', async (t) => {
  const { bench, host } = await made(t);
  const { outcomes } = await bench.run();
  assert.deepEqual(
    [...outcomes.values()].filter(({ failure }) => failure).map(({ failure }) => failure),
    [],
  );
  const found = ['node-1', 'w-1'].map((name) => [
    /"subnet": "(.*)"/.exec(host(name).read(CONFIG))?.[1],
    host(name)
      .read(SCRIPT)
      .match(/^route \d.*$/gm),
    host(name).units.get('cc-pod-routes.service')?.enabled,
  ]);
  assert.deepEqual(found, [
    ['10.244.0.0/24', ['route 10.244.1.0/24 10.0.0.7'], 'enabled'],
    ['10.244.1.0/24', ['route 10.244.0.0/24 10.0.0.1'], 'enabled'],
  ]);
  assert.deepEqual((await bench.look()).failed, {});
  const again = await bench.run();
  assert.deepEqual([...new Set([...again.outcomes.values()].map(({ state }) => state))], ['verified']);
});

test('routes follow a node that comes and one that goes', async (t) => {
  const { bench, state, host } = await made(t);
  await bench.run();
  state.nodes = [NODES[0]!, node('w-2', '10.244.2.0/24', '10.0.0.8'), NODES[1]!];
  await bench.run();
  const both = ['route 10.244.1.0/24 10.0.0.7', 'route 10.244.2.0/24 10.0.0.8'];
  assert.deepEqual(
    host('node-1')
      .read(SCRIPT)
      .match(/^route \d.*$/gm),
    both,
  );
  state.nodes = NODES;
  const { id } = bench.tasks.find(({ step, host }) => step.name === 'routes' && host.name === 'node-1')!;
  assert.equal((await bench.run()).outcomes.get(id)?.state, 'applied');
  assert.deepEqual(
    host('node-1')
      .read(SCRIPT)
      .match(/^route \d.*$/gm),
    [both[0]],
  );
});

test('nodes behind a router are refused by name, and flannel is named', async (t) => {
  const { bench, state } = await made(t);
  state.way = 'via 192.0.2.1 dev eth0 src 10.0.0.1';
  const { outcomes } = await bench.run();
  const { id } = bench.tasks.find(({ step, host }) => step.name === 'routes' && host.name === 'node-1')!;
  assert.deepEqual(outcomes.get(id)?.failure, {
    kind: 'check-failed',
    host: 'node-1',
    what: '/etc/cc/pod-routes can be written',
    reasons: [
      "w-1 (10.0.0.7) is not on a link of this host but behind 192.0.2.1, so routes to its pods lead nowhere: take cni.network: 'flannel'",
    ],
  });
});

const AT = (name: string, address: string, more = {}) => ({
  ...{ name, roles: [name === 'node-1' ? 'control-plane' : 'worker'] },
  connection: { kind: 'ssh', address } as const,
  ...more,
});

/** What is asked of the ways to others by a host that has this address, and what it is told of them. */
async function linked(hosts: readonly ReturnType<typeof AT>[], own: string, ways: string) {
  const asked: string[] = [];
  const step = link(hosts);
  const paper = paperView({
    commands: { 'ip -o -4 address show': `2: eth0    inet ${own}/24 scope global eth0\n` },
  });
  const result = async ({ argv, input }: Command) => {
    assert.equal(argv.join(' '), 'ip -4 -o -force -batch -');
    asked.push(...String(input).trimEnd().split('\n'));
    return { code: 0, stdout: ways, stderr: '' };
  };
  const facts = await step.probe({ ...paper, name: 'node-1', result });
  try {
    assert.deepEqual(step.plan(facts, NEVER), []);
    return { asked, failure: undefined };
  } catch (error) {
    assert.ok(error instanceof Failed, `${error}`);
    return { asked, failure: error.failure };
  }
}

test('ways are asked for to addresses alone, whatever nodes say of themselves, and told as ip tells them', async () => {
  const asked: unknown[] = [];
  const stdout = [
    '10.0.0.7 dev eth0 src 10.0.0.1 uid 0 \\    cache ',
    'local 10.0.0.1 dev lo src 10.0.0.1 uid 0 \\    cache <local> ',
    '10.9.0.8 via 10.0.0.254 dev eth0 src 10.0.0.1 uid 0 \\    cache ',
    '10.9.0.9 via inet6 fe80::1 dev eth0 src 10.0.0.1 uid 0 \\    cache ',
    '10.9.0.10 encap mpls 100 via 10.0.0.253 dev eth0 src 10.0.0.1 uid 0 \\    cache ',
  ].join('\n');
  const result = async ({ input }: Command) => {
    asked.push(input);
    return { code: 2, stdout, stderr: 'RTNETLINK answers: Network is unreachable\n' };
  };
  const ways = await waysTo({ ...paperView({}), result }, [
    ...['10.0.0.7', '10.0.0.1\nnetns add x', 'fe80::7', 'w-3.example', ''],
    '10.0.0.1',
  ]);
  assert.deepEqual(asked, ['route get 10.0.0.7\nroute get 10.0.0.1\n']);
  assert.deepEqual(
    [...ways].map(([address, { router }]) => [address, router]),
    [
      ['10.0.0.7', undefined],
      ['10.0.0.1', undefined],
      ['10.9.0.8', '10.0.0.254'],
      ['10.9.0.9', 'fe80::1'],
      ['10.9.0.10', '10.0.0.253'],
    ],
  );
});

test('host that does not share a link with others is refused before anything on it is changed', async () => {
  const hosts = [AT('node-1', '10.0.0.1'), AT('w-1', '10.0.0.7'), AT('w-2', '10.9.0.8')];
  const ways = '10.0.0.7 dev eth0 src 10.0.0.1 uid 0\n10.9.0.8 via 10.0.0.254 dev eth0 src 10.0.0.1 uid 0\n';
  assert.deepEqual(await linked(hosts, '10.0.0.1', ways), {
    asked: ['route get 10.0.0.7', 'route get 10.9.0.8'],
    failure: {
      kind: 'check-failed',
      host: 'node-1',
      what: 'all hosts share a link with it',
      reasons: [
        'w-2 (10.9.0.8) is behind the router 10.0.0.254',
        "routes to its pods would lead nowhere; a network that crosses routers: cni.network: 'flannel'",
      ],
    },
  });
  assert.equal(link(hosts).first, true);
});

test('addresses by which cc reaches hosts are no addresses of nodes where a host has another', async () => {
  const hosts = [
    AT('node-1', '192.0.2.1'),
    AT('w-1', '192.0.2.7'),
    AT('w-2', '192.0.2.8', { address: '10.0.0.8' }),
  ];
  const ways = '10.0.0.8 dev eth0 src 10.0.0.1 uid 0\n';
  assert.deepEqual(await linked(hosts, '10.0.0.1', ways), {
    asked: ['route get 10.0.0.8'],
    failure: undefined,
  });
  const named = [AT('node-1', 'node-1.example'), AT('w-1', 'w-1.example')];
  assert.deepEqual(await linked(named, '10.0.0.1', ''), { asked: [], failure: undefined });
});

test('folder that a runtime would make is there first, and goes with the last file in it', async (t) => {
  const { bench, host } = await made(t);
  const { outcomes } = await bench.run();
  const { id } = bench.tasks.find(({ step, host }) => step.name === 'folder' && host.name === 'w-1')!;
  assert.equal(outcomes.get(id)?.state, 'applied');
  const other = `${FOLDER}/87-podman.conflist`;
  host('node-1').write(other, 'theirs');
  const undone = await bench.run('undo');
  assert.equal(host('w-1').disk.has(FOLDER), false);
  assert.equal(host('node-1').read(other), 'theirs');
  const notices = undone.events.flatMap((event) => (event.kind === 'notice' ? [event.text] : []));
  assert.deepEqual(notices, [`left, because something stands in it: ${FOLDER}`]);
});

test('routes are taken back although no control plane can be reached', async () => {
  const routed = {
    ...{ kubectl: '/k', kubeconfig: '/c', subnet: SUBNET, planes: ['node-1'] },
    config: (part: string) => part,
  };
  const step = routes(routed).find(({ name }) => name === 'routes')!; // the plugin has it
  const paper = paperView({ stat: { [SCRIPT]: null }, owned: { [SCRIPT]: true }, text: { [SCRIPT]: null } });
  // The paper host reaches no other.
  const facts = await step.probe(paper);
  assert.deepEqual(step.undo?.(facts, { staying: [] }).map(describe), [`remove ${SCRIPT}`]);
});

test('route that somebody took away is seen, and comes back', async (t) => {
  const { bench, routes, host } = await made(t);
  await bench.run();
  routes.set('w-1', []);
  const { id } = bench.tasks.find(({ step, host }) => step.name === 'routed' && host.name === 'w-1')!;
  const { looked } = await bench.look();
  assert.deepEqual(
    looked.get(id)?.changes.map((change) => [describe(change), change.why]),
    [['run sh /etc/cc/pod-routes up', 'there is no route 10.244.0.0/24 via 10.0.0.1']],
  );
  const before = host('w-1').units.get('cc-pod-routes.service')?.starts;
  assert.equal(before, 1);
});

test('script changes what differs and nothing else, and takes all of it back', async (t) => {
  const folder = await tempFolder(t);
  const bin = join(folder, 'bin');
  await mkdir(bin);
  const programs = {
    ip: `case "$*" in *' show '*) cat ${folder}/routes ;; *) echo ip "$@" >>${folder}/ran ;; esac`,
    iptables: `echo iptables "$@" >>${folder}/ran\ncase "$*" in *' -C '*) [ -e ${folder}/rule ] ;; esac`,
  };
  for (const [name, text] of Object.entries(programs)) {
    await writeFile(join(bin, name), `#!/bin/sh\n${text}\n`);
    await chmod(join(bin, name), 0o755);
  }
  const lines = ['route 10.244.1.0/24 10.0.0.7', 'route 10.244.2.0/24 10.0.0.8'];
  await writeFile(join(folder, 'script'), scriptOf(SUBNET, lines));
  const run = async (verb: string, routes: readonly string[] = []) => {
    await writeFile(join(folder, 'ran'), '');
    await writeFile(
      join(folder, 'routes'),
      routes.map((part) => `${part} via 10.0.0.7 dev eth0 \n`).join(''),
    );
    await promisify(execFile)('sh', [join(folder, 'script'), verb], {
      env: { PATH: `${bin}:/usr/bin:/bin` },
    });
    return (await readFile(join(folder, 'ran'), 'utf8')).trimEnd().split('\n');
  };
  const rule = `POSTROUTING -s ${SUBNET} ! -d ${SUBNET} -m comment --comment cc-pod-routes -j MASQUERADE`;
  const both = [
    'ip -4 route replace 10.244.1.0/24 via 10.0.0.7 proto 204',
    'ip -4 route replace 10.244.2.0/24 via 10.0.0.8 proto 204',
  ];
  const asked = `iptables -w -t nat -C ${rule}`;
  assert.deepEqual(await run('up'), [...both, asked, `iptables -w -t nat -A ${rule}`]);
  await writeFile(join(folder, 'rule'), '');
  assert.deepEqual(await run('up', ['10.244.1.0/24', '10.244.11.0/24', '10.244.2.0/24']), [
    ...both,
    'ip -4 route delete 10.244.11.0/24 proto 204',
    asked,
  ]);
  assert.deepEqual(await run('down'), ['ip -4 route flush proto 204', `iptables -w -t nat -D ${rule}`]);
});

test('routes that change are changed beside those that stay, and their unit goes on', async (t) => {
  const { bench, state, host } = await made(t);
  await bench.run();
  state.nodes = [...NODES, node('w-2', '10.244.2.0/24', '10.0.0.8')];
  bench.ran.length = 0;
  await bench.run();
  const told = bench.ran.map(({ argv }) => argv.join(' ')).filter((line) => line.includes(SCRIPT));
  assert.deepEqual(new Set(told), new Set([`sh -c systemctl daemon-reload && exec sh ${SCRIPT} up`]));
  assert.equal(host('w-1').units.get('cc-pod-routes.service')?.starts, 1);
});
