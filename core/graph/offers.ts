/** The commands that plugins of a recipe offer beside those of cc, each on its host. */
import type { Problem } from '../model/failure.ts';
import type { Host, Offer } from '../model/plugin.ts';
import { isName, NAMING } from '../model/task.ts';
import type { Place } from '../model/view.ts';
import type { Built, Peopled } from './place.ts';

export interface Offered extends Way {
  readonly plugin: string;
  /** Where it goes, too, while those before cannot be reached. */
  readonly others: readonly Way[];
}

/** A host where its program may run. */
interface Way {
  readonly host: Host;
  /** As the plugin was built for the processor of that host. */
  readonly offer: Offer;
}

/** `taken` are names of commands that cc has itself. */
export function offersOf(
  built: readonly Built[],
  at: Peopled,
  taken: readonly string[],
  problems: Problem[],
): readonly Offered[] {
  const all = built.flatMap((one) => offersIn(one, at, problems));
  for (const [index, { plugin, offer }] of all.entries()) {
    const first = all.findIndex((other) => other.offer.name === offer.name);
    const fault = faultOf(offer.name, taken, first < index ? all[first]?.plugin : undefined);
    if (fault !== undefined) problems.push({ path: plugin, message: `offers "${offer.name}", ${fault}` });
  }
  return all;
}

function faultOf(name: string, taken: readonly string[], by: string | undefined): string | undefined {
  if (!isName(name)) return `which is no name: ${NAMING}`;
  if (taken.includes(name)) return 'which is a command of cc itself';
  return by && `which ${by} offers already`;
}

function offersIn(
  { use, bodies }: Built,
  { hosts, kindOf }: Peopled,
  problems: Problem[],
): readonly Offered[] {
  const plugin = use.spec.name;
  const [first] = bodies.values();
  return (first?.offers ?? []).flatMap(({ name, on }) => {
    const ways = hosts.flatMap((host): readonly Way[] => {
      if (!isAt(host, on)) return [];
      const offer = bodies.get(kindOf(host))?.offers?.find((each) => each.name === name);
      return offer ? [{ host, offer }] : [];
    });
    const [way, ...others] = ways;
    if (way) return [{ plugin, ...way, others }];
    problems.push({ path: plugin, message: `offers "${name}" on a host that the recipe does not have` });
    return [];
  });
}

function isAt({ name, roles }: Host, on: Place): boolean {
  return typeof on === 'string' ? name === on : roles.includes(on.firstOf);
}
