/** A site with hosts of two processors: each host gets what is for its own, and what is shared is there once. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Arch, Artifact } from '../../core/model/artifact.ts';
import { type Context, capability, type Host } from '../../core/model/plugin.ts';
import { bare, expanded, host, needsOf, part } from './recipes.ts';

const SMALL: Host = { ...host('small'), arch: 'arm64' };
const HOSTS = [host('big'), SMALL];

const program = (arch: string): Artifact => ({
  name: 'program',
  source: { kind: 'url', url: `https://x.example/program-${arch}` },
});
const placing = part('p', ({ arch }) => ({ steps: [bare('s', { artifacts: [program(arch)] })] }));

/** Where the artifacts of each task come from. */
function sourcesOf(tasks: ReturnType<typeof expanded>['tasks']) {
  return Object.fromEntries(
    tasks.map(({ id, step }) => [
      id,
      (step.artifacts ?? []).map(({ source }) => (source.kind === 'url' ? source.url : source.kind)),
    ]),
  );
}

test('each host gets the artifact for its processor, which it alone waits for', () => {
  const all = expanded({ hosts: HOSTS, plugins: [placing] });
  assert.deepEqual(needsOf(all), {
    'controller/fetch/program-amd64': [],
    'controller/fetch/program-arm64': [],
    'big/p/s': ['controller/fetch/program-amd64'],
    'small/p/s': ['controller/fetch/program-arm64'],
  });
  assert.deepEqual(sourcesOf(all.tasks), {
    'controller/fetch/program-amd64': [],
    'controller/fetch/program-arm64': [],
    'big/p/s': ['https://x.example/program-amd64'],
    'small/p/s': ['https://x.example/program-arm64'],
  });
  assert.deepEqual(
    all.tasks.map(({ arch }) => arch),
    ['amd64', 'arm64', 'amd64', 'arm64'],
  );
});

test('names of tasks are as ever where all hosts have one processor, also another than the controller has', () => {
  const all = expanded({ hosts: [SMALL], plugins: [placing] });
  assert.deepEqual(needsOf(all), {
    'controller/fetch/program': [],
    'small/p/s': ['controller/fetch/program'],
  });
  assert.deepEqual(sourcesOf(all.tasks)['small/p/s'], ['https://x.example/program-arm64']);
});

test('what is the same for every processor is fetched once', () => {
  const same = part('p', () => ({ steps: [bare('s', { artifacts: [program('any')] })] }));
  assert.deepEqual(needsOf(expanded({ hosts: HOSTS, plugins: [same] })), {
    'controller/fetch/program': [],
    'big/p/s': ['controller/fetch/program'],
    'small/p/s': ['controller/fetch/program'],
  });
});

test('what the controller makes is made for each processor where it differs, and once where it does not', () => {
  const tools = capability<string>('tools');
  const go = part(
    'go',
    ({ controllerArch }) => ({
      steps: [bare('tools', { where: 'controller', artifacts: [program(controllerArch)] })],
      provides: [tools.of(`/tools/${controllerArch}`)],
    }),
    { provides: [tools] },
  );
  const made = (arch: Arch): Artifact => ({
    name: 'made',
    source: { kind: 'built', by: 'p/compile', path: `/made/${arch}` },
  });
  const p = part('p', ({ arch, use }) => ({
    steps: [
      bare('compile', { where: 'controller', needs: ['tools'], inputs: { with: use(tools), arch } }),
      bare('placed', { needs: [], artifacts: [made(arch)] }),
    ],
  }));
  assert.deepEqual(needsOf(expanded({ hosts: HOSTS, plugins: [go, p] })), {
    'controller/fetch/program': [],
    'controller/go/tools': ['controller/fetch/program'],
    'controller/p/compile-amd64': ['controller/go/tools'],
    'controller/p/compile-arm64': ['controller/go/tools'],
    'big/p/placed': ['controller/p/compile-amd64'],
    'small/p/placed': ['controller/p/compile-arm64'],
  });
});

test('a plugin is given what others offer for the processor that it is built for', () => {
  const pause = capability<string>('pause');
  const seen: string[] = [];
  const user = part('user', ({ use, arch }) => {
    seen.push(`${arch} ${use(pause)}`);
    return { steps: [] };
  });
  const images = part('images', ({ arch }) => ({ steps: [], provides: [pause.of(`pause-${arch}`)] }), {
    provides: [pause],
  });
  expanded({ hosts: HOSTS, plugins: [user, images] });
  assert.deepEqual(seen, ['amd64 pause-amd64', 'arm64 pause-arm64']);
});

test('a plugin that has nothing for a processor is asked only where a host has it', () => {
  const asked: Arch[] = [];
  const p = part('p', ({ arch }: Context) => {
    asked.push(arch);
    return { steps: [bare('s', { where: 'controller' })] };
  });
  expanded({ hosts: [SMALL], plugins: [p] });
  assert.deepEqual(asked, ['arm64']);
});

test('a host that a plugin brings is of the controller, unless it says otherwise', () => {
  const machine = part('machine', () => ({
    steps: [bare('boot', { where: 'controller' })],
    hosts: [{ ...host('vm'), madeBy: 'machine/boot' }],
  }));
  const all = expanded({ hosts: [SMALL], plugins: [machine, placing] });
  assert.deepEqual(
    all.hosts.map(({ name, arch }) => `${name} ${arch}`),
    ['controller amd64', 'small arm64', 'vm amd64'],
  );
  assert.deepEqual(needsOf(all)['vm/p/s'], ['controller/fetch/program-amd64', 'controller/machine/boot']);
});

test('a step that only one processor asks for is there for its hosts', () => {
  const p = part('p', ({ arch }) => ({
    steps: [bare('all'), ...(arch === 'arm64' ? [bare('more')] : [])],
  }));
  assert.deepEqual(needsOf(expanded({ hosts: HOSTS, plugins: [p] })), {
    'big/p/all': [],
    'small/p/all': [],
    'small/p/more': ['small/p/all'],
  });
});
