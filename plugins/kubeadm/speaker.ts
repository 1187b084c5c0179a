/** Who answers for a cluster: the first of its control planes that can be reached and whose API answers. Any of them will do. */
import type { Command, Shell, View } from '../../core/mod.ts';
import { type Access, asked } from '../kubectl/api.ts';
import { ALL_NODES } from './nodes.ts';

/** What it answers, and who does; `none`: no control plane has a cluster; else why nobody answers. */
export type Spoken<At> =
  | { readonly kind: 'answered'; readonly text: string; readonly by: At }
  | { readonly kind: 'none' }
  | { readonly kind: 'unreached'; readonly why: string }
  | { readonly kind: 'silent'; readonly why: string };

/** Asks the cluster; `planes` are tried in their order. */
export function askedOf(
  view: View,
  planes: readonly string[],
  access: Access,
  command: Command,
): Promise<Spoken<View>> {
  const ask = (by: View) => asked(by, access, command);
  return spoken(planes, (name) => view.on(name), ask);
}

/** By whom a script has the cluster changed, and what nodes that has: an API reads them from etcd, which needs most of its members. */
export function speakerOf(shell: Shell, planes: readonly string[], access: Access): Promise<Spoken<Shell>> {
  const ask = ({ view }: Shell) => asked(view, access, ALL_NODES);
  return spoken(planes, (name) => shell.on(name), ask);
}

async function spoken<At>(
  planes: readonly string[],
  enter: (name: string) => Promise<At>,
  ask: (by: At) => ReturnType<typeof asked>,
): Promise<Spoken<At>> {
  const unreached: string[] = [];
  const silent: string[] = [];
  for (const name of planes) {
    const by = await enter(name).catch(() => undefined); // its own tasks say why
    if (by === undefined) {
      unreached.push(`${name} cannot be reached`);
      continue;
    }
    const answer = await ask(by);
    if (answer.kind === 'answered') return { ...answer, by };
    if (answer.kind === 'silent') silent.push(`the API on ${name} does not answer: ${answer.why}`);
  }
  const why = [...silent, ...unreached].join('; ');
  if (silent.length > 0) return { kind: 'silent', why };
  return unreached.length > 0 ? { kind: 'unreached', why } : { kind: 'none' };
}

/** Why nobody answers, for a reason that stands on a line. */
export function unspoken(answer: Exclude<Spoken<unknown>, { kind: 'answered' }>): string {
  return answer.kind === 'none' ? 'there is no cluster yet' : answer.why;
}
