/** Performs changes: the only code that alters a host. */
import type { Change } from '../model/change.ts';
import { digestOf } from '../model/digest.ts';
import type { Json } from '../model/json.ts';
import { run, type TaskContext } from './run.ts';

/** Performs one change; what a script learnt is answered. */
export async function perform(change: Change, context: TaskContext): Promise<Json | undefined> {
  const learnt = await PERFORMED[change.kind](change as never, context); // the table is typed by kind
  return change.kind === 'script' ? (learnt as Json | undefined) : undefined;
}

type Perform<K extends Change['kind']> = (
  change: Extract<Change, { kind: K }>,
  context: TaskContext,
) => Promise<unknown>;

const PERFORMED: { readonly [K in Change['kind']]: Perform<K> } = {
  run: ({ command }, context) => run(command, context),
  write: async ({ path, text, mode }, { transport, reveal, signal }) => {
    const source = await reveal(text);
    await transport.files.install(path, { source, digest: digestOf(source) }, { mode }, signal);
  },
  folder: ({ path, mode, owner }, { transport, signal }) =>
    transport.files.folder(path, { mode, owner }, signal),
  place: async ({ path, artifact, mode }, { transport, bytes, signal }) => {
    const { file, digest } = await bytes(artifact);
    await transport.files.install(path, { source: { file }, digest }, { mode }, signal);
  },
  unpack: async ({ kind: _, why: _why, path, artifact, ...how }, { transport, bytes, signal }) =>
    transport.files.unpack(path, { ...how, ...(await bytes(artifact)) }, signal),
  fetch: ({ artifact }, context) => context.fetch(artifact),
  remove: ({ path }, { transport, signal }) => transport.files.remove(path, signal),
  unit: async ({ unit, state }, context) => {
    for (const argv of UNIT[state](unit)) await run({ argv: ['systemctl', '--quiet', ...argv] }, context);
  },
  packages: async ({ names }, context) =>
    (await import('./apt.ts')).install(names, { ...context, env: { ...context.env, ...context.proxies } }),
  script: ({ script }, context) => script(context.shell()),
};

type UnitState = Extract<Change, { kind: 'unit' }>['state'];

const UNIT: { readonly [S in UnitState]: (unit: string) => readonly (readonly string[])[] } = {
  started: (unit) => [['daemon-reload'], ['enable', unit], ['start', unit]],
  restarted: (unit) => [['daemon-reload'], ['enable', unit], ['restart', unit]],
  stopped: (unit) => [['disable', '--now', unit]],
};
