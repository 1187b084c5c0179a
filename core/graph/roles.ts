/** Whether there are hosts for what the steps are for; one mistake for each cause, however many steps it stops. */
import type { Problem } from '../model/failure.ts';
import type { Host } from '../model/plugin.ts';
import { isOptional, type Where } from '../model/step.ts';
import { nearest } from './near.ts';
import { type Built, CONTROLLER } from './place.ts';

/** What is missing or mistyped among hosts and their roles. */
export function unpeopled(built: readonly Built[], all: readonly Host[]): readonly Problem[] {
  const hosts = all.filter(({ name }) => name !== CONTROLLER);
  const wanted = wantedRoles(built);
  const needed = [...wanted].filter(([, steps]) => steps.length > 0);
  if (hosts.length === 0)
    return withoutHosts(
      built,
      needed.map(([role]) => role),
    );
  const odd = hosts.flatMap((host) => mistyped(host, [...wanted.keys()]));
  const meant = odd.map(({ near }) => near);
  const missing = needed.filter(
    ([role]) => !meant.includes(role) && !hosts.some(({ roles }) => roles.includes(role)),
  );
  return [...odd, ...missing.map(([role, steps]) => withoutRole(role, steps, hosts))];
}

/** The roles that steps are for, with those of the steps that must have a host. */
function wantedRoles(built: readonly Built[]): ReadonlyMap<string, readonly string[]> {
  const wanted = new Map<string, readonly string[]>();
  for (const { id, where } of stepsOf(built)) {
    const role = roleOf(where);
    if (role === undefined) continue;
    wanted.set(role, [...(wanted.get(role) ?? []), ...(isOptional(where) ? [] : [id])]);
  }
  return wanted;
}

/** Each once, of however many processors it is for. */
function stepsOf(built: readonly Built[]): readonly { readonly id: string; readonly where?: Where }[] {
  const all = built.flatMap(({ use, bodies }) =>
    [...bodies.values()].flatMap(({ steps }) =>
      steps.map((step) => [`${use.spec.name}/${step.name}`, step.where] as const),
    ),
  );
  return [...new Map(all)].map(([id, where]) => ({ id, ...(where === undefined ? {} : { where }) }));
}

function roleOf(where: Where | undefined): string | undefined {
  if (typeof where !== 'object') return undefined;
  if ('role' in where) return where.role;
  return 'firstOf' in where ? where.firstOf : where.butFirstOf;
}

function withoutHosts(built: readonly Built[], roles: readonly string[]): readonly Problem[] {
  const steps = stepsOf(built).filter(({ where }) => where !== 'controller');
  if (steps.length === 0) return [];
  const named = roles.map((role) => `'${role}'`).join(', ');
  const hint = `hosts: [{ name: 'node-1', roles: [${named}], connection: { kind: 'ssh', address: '192.0.2.11' } }]`;
  return [{ path: 'hosts', message: `the recipe has none, and ${stepsLine(steps.length)} for hosts`, hint }];
}

/**
 * A role that no step is for is a mistake where it is nearly one that steps are for. Any other may be for another recipe with
 * the same hosts.
 */
function mistyped({ name, roles }: Host, wanted: readonly string[]): readonly Problem[] {
  return roles
    .filter((role) => !wanted.includes(role))
    .flatMap((role) => {
      const near = nearest(role, wanted);
      const message = `has the role "${role}", which no step is for`;
      return near === undefined ? [] : [{ path: `hosts.${name}`, message, near }];
    });
}

/** As many as a line has room for. */
const SHOWN = 3;

function withoutRole(role: string, steps: readonly string[], hosts: readonly Host[]): Problem {
  const names = [...steps.slice(0, SHOWN), ...(steps.length > SHOWN ? ['…'] : [])].join(', ');
  const others = [...new Set(hosts.flatMap(({ roles }) => roles))].map((each) => `"${each}"`);
  const found = others.length === 0 ? 'its hosts have no roles' : `its hosts have ${others.join(', ')}`;
  return {
    path: 'hosts',
    message: `none has the role "${role}", and ${stepsLine(steps.length)} for it (${names}); ${found}`,
    hint: `roles: ['${role}'] at the host that is meant`,
  };
}

function stepsLine(count: number): string {
  return count === 1 ? '1 step is' : `${count} steps are`;
}
