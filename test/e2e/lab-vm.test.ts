/**
 * Pods in virtual machines of their own, which emulate the processor: Clear Containers below CRI-O 1.20, from sources.
 * CC_UPSTREAM_MIRROR names a folder or an address that stands for https://github.com/ and holds the git repositories that
 * the recipe names.
 */
import assert from 'node:assert/strict';
import { after, before, type TestContext, test } from 'node:test';
import { hostPicture } from './host.ts';
import { kubectlFed } from './nodes.ts';
import { good } from './ran.ts';
import { type Machine, makeSite, type Site, UPSTREAM } from './site.ts';

const { skip, mirrors } = UPSTREAM;
const MACHINE: Machine = {
  name: 'cce2evm',
  address: '198.18.85.11',
  gateway: '198.18.85.1',
  bridge: 'cce2evm0',
};
const TOOLS = ['machine', 'images', 'crio', 'clear-containers'].map((plugin) => `${plugin}/tools`);

/** Seconds that a test waits for pods: far more than they need, so that only what never comes is missed. */
const PATIENCE = 600;
/** Seconds in which everything is taken back, with pods that run, and one without its machine. */
const BOUND = 60;

let site: Site;
let untouched: ReturnType<typeof hostPicture>;

if (skip === false) {
  before(async () => {
    site = makeSite({ base: 'lab-vm', machine: MACHINE, mirrors });
    good(await site.cc(['run', ...TOOLS, 'clear-containers/guest-tools']));
    untouched = hostPicture();
  });

  after(async () => {
    await site.cc(['run', 'cleanup']);
    site.remove();
  });
}

/** Does something, and tells how long it took. */
async function timed<Value>(
  t: TestContext,
  what: string,
  work: () => Value | Promise<Value>,
): Promise<Value> {
  const start = performance.now();
  const value = await work();
  t.diagnostic(`${what}: ${Math.round((performance.now() - start) / 1000)} s`);
  return value;
}

test('run all brings up a cluster whose pods are proven to run in virtual machines', { skip }, async (t) => {
  const ran = await timed(t, 'run all', () => site.cc(['run', 'all']));
  good(ran);
  assert.match(ran.stdout, /page fetched from/);
  assert.match(ran.stdout, /isolation declared vm, proven vm$/m);
});

test('a second run changes nothing', { skip }, async () => {
  const ran = good(await site.cc(['run', 'all']));
  assert.match(ran.stdout, /^0 changed/m);
});

const CLIENT = 'registry.lab/client:bookworm';

/** A pod that says its name and waits. */
function pod(name: string, namespace: string) {
  const command = ['sh', '-c', 'echo "$HOSTNAME is up"; exec sleep infinity'];
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace, labels: { app: name } },
    spec: {
      runtimeClassName: 'cc',
      terminationGracePeriodSeconds: 1,
      containers: [
        { name: 'main', image: CLIENT, command, volumeMounts: [{ name: 'own', mountPath: '/own' }] },
      ],
      volumes: [{ name: 'own', emptyDir: {} }],
    },
  };
}

/** The line of a shell that gives objects to the cluster. */
function apply(...objects: readonly object[]): string {
  const list = JSON.stringify({ apiVersion: 'v1', kind: 'List', items: objects });
  return kubectlFed(site, 'apply -f -', list);
}

function ready(name: string, namespace: string): void {
  site.kubectl(`-n ${namespace} wait --for=condition=Ready pod/${name} --timeout=${PATIENCE}s`);
}

function exec(name: string, namespace: string, script: string): string {
  return site.kubectl(`-n ${namespace} exec ${name} -- sh -c '${script}'`).trim();
}

/** The sandbox of a pod, as CRI-O calls it. */
function sandboxOf(name: string, namespace: string): string {
  return site.ssh(`crictl pods --quiet --state Ready --namespace ${namespace} --name "^${name}$"`).trim();
}

/** What is left of a sandbox: processes that name it, folders, mounts. Its name is never whole among the words of a shell. */
function leftOf(sandbox: string): string {
  return site.ssh(`a=${sandbox.slice(0, 32)} b=${sandbox.slice(32)}
pgrep -af -- "$a$b"
ls -d /run/virtcontainers/pods/$a$b /var/lib/virtcontainers/pods/$a$b /run/hyper/shared/pods/$a$b 2>/dev/null
grep $a$b /proc/mounts
:`);
}

function killMachineOf(sandbox: string): void {
  site.ssh(`pkill -KILL -f -- '[-]name pod-${sandbox} '`);
}

/** Waits on the machine until a script holds. */
function until(script: string): void {
  site.ssh(`timeout ${PATIENCE} sh -c 'until ${script}; do sleep 1; done'`);
}

const SPACES = ['one', 'two'];
const BOOT = 'cat /proc/sys/kernel/random/boot_id';

test('pods of two namespaces have a kernel each, with exec, logs and volumes', { skip }, async (t) => {
  const spaces = SPACES.map((name) => ({ apiVersion: 'v1', kind: 'Namespace', metadata: { name } }));
  apply(...spaces, ...SPACES.map((name) => pod('alone', name)));
  await timed(t, 'two pods until they are ready', () => {
    for (const name of SPACES) ready('alone', name);
  });
  const boots = [...SPACES.map((name) => exec('alone', name, BOOT)), site.ssh(BOOT).trim()];
  assert.equal(new Set(boots).size, 3, boots.join(' '));
  for (const name of SPACES) {
    assert.equal(site.kubectl(`-n ${name} logs alone`), 'alone is up\n');
    assert.equal(exec('alone', name, `echo ${name} >/own/file; cat /own/file`), name);
    assert.match(exec('alone', name, 'cat /proc/cmdline'), /init=\/usr\/lib\/systemd\/systemd/);
    // The guest's processes are none of the machine's.
    assert.match(exec('alone', name, 'cat /proc/1/cmdline | tr "\\0" " "'), /^sleep infinity/);
  }
  assert.equal(site.ssh('pgrep -x sleep -a | grep infinity; :'), '');
});

test('a pod that is deleted takes its machine with it, and leaves nothing', { skip }, async (t) => {
  const sandbox = sandboxOf('alone', 'two');
  assert.match(sandbox, /^[0-9a-f]{64}$/);
  assert.match(leftOf(sandbox), /-name pod-/);
  await timed(t, 'a pod until it is gone', () =>
    site.kubectl(`-n two delete pod alone --timeout=${PATIENCE}s`),
  );
  until(`! crictl pods --quiet --no-trunc | grep -q ${sandbox}`);
  assert.equal(leftOf(sandbox), '');
});

test('a pod whose hypervisor is killed comes back, the others stay, and nothing of it is left', {
  skip,
}, async (t) => {
  apply(pod('killed', 'two'));
  ready('killed', 'two');
  const [before, other] = [sandboxOf('killed', 'two'), sandboxOf('alone', 'one')];
  killMachineOf(before);
  await timed(t, 'a pod whose hypervisor was killed until it is another', () =>
    until(
      `now=$(crictl pods --quiet --no-trunc --state Ready --namespace two --name killed); [ -n "$now" ] && [ "$now" != ${before} ]`,
    ),
  );
  ready('killed', 'two');
  assert.notEqual(sandboxOf('killed', 'two'), before);
  assert.equal(exec('killed', 'two', 'echo works'), 'works');
  assert.equal(sandboxOf('alone', 'one'), other);
  // kubelet lets CRI-O remember it until the pod itself goes.
  assert.equal(leftOf(before), '');
});

test('ten pods at once are ready, and CRI-O is late with none of them', { skip }, async (t) => {
  const { spec } = pod('many', 'one');
  const labels = { app: 'many' };
  apply({
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'many', namespace: 'one' },
    spec: { replicas: 10, selector: { matchLabels: labels }, template: { metadata: { labels }, spec } },
  });
  await timed(t, 'ten pods until they are ready', () =>
    site.kubectl(`-n one rollout status deployment many --timeout=${PATIENCE}s`),
  );
  const names = site
    .kubectl("-n one get pods -l app=many -o jsonpath='{.items[*].metadata.name}'")
    .split(' ');
  assert.equal(new Set(names.map((name) => exec(name, 'one', BOOT))).size, 10);
  const events = JSON.parse(site.kubectl('-n one get events -o json')).items as readonly {
    readonly reason: string;
    readonly message: string;
  }[];
  const told = events.filter(({ reason }) => /^Failed|BackOff/.test(reason)).map(({ message }) => message);
  // On a busy host an agent may give a container up, which kubelet then starts again; that is told and no fault.
  for (const message of told) t.diagnostic(message);
  assert.deepEqual(
    told.filter((message) => /deadline ?exceeded/i.test(message)),
    [],
  );
  await timed(t, 'ten pods until they are gone', () =>
    site.kubectl(`-n one delete deployment many --cascade=foreground --timeout=${PATIENCE}s`),
  );
});

test('what a machine takes beside its containers is counted', { skip }, () => {
  const { spec } = JSON.parse(site.kubectl('-n one get pod alone -o json'));
  assert.deepEqual(spec.overhead, { cpu: '100m', memory: '608Mi' });
});

test('cleanup leaves the host as it was, with pods that run and one that lost its hypervisor', {
  skip,
}, async (t) => {
  apply(pod('third', 'one'));
  ready('third', 'one');
  killMachineOf(sandboxOf('third', 'one'));
  const start = performance.now();
  const ran = await timed(t, 'cleanup', () => site.cc(['run', 'cleanup']));
  good(ran);
  assert.ok(performance.now() - start < BOUND * 1000, ran.stdout);
  assert.deepEqual(hostPicture(), untouched);
});
