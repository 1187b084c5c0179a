/** Asks nginx of every node from every node, in each way, with more than one packet of full size in both directions. */
import { cmd, type Shell } from '../../core/mod.ts';
import { NAMESPACE, PAYLOAD, PAYLOAD_DIGEST } from './manifests.ts';
import type { Spot } from './spots.ts';

export const WAYS = {
  pod: 'by pod address',
  service: 'by Service address',
  port: 'by node port',
  name: 'by name',
} as const;
export type Way = keyof typeof WAYS;

/** From the client of one node to nginx of another one, or its own. */
export interface Target {
  readonly from: Spot;
  readonly to: Spot;
  readonly way: Way;
  readonly url: string;
}

/** Why nginx was not reached, in a word for a cell and in a sentence. */
export interface Fault {
  readonly word: 'dropped' | 'refused' | 'cut off' | 'other answer' | 'no name' | 'not asked';
  readonly why: string;
}

export interface Reached extends Target {
  readonly fault?: Fault;
}

/** Seconds that what has come up a moment ago may take, such as the rules of kube-proxy. */
const PATIENCE = 30;
/** Times that each is asked at least: on a slow host one time may take all of those seconds. */
const LEAST = 3;
/** Clients that are started at once: each is a kubectl on the control plane. */
const AT_ONCE = 8;

/** Seconds. */
const TO_CONNECT = 3;
const IN_ALL = 8;

/**
 * ASK DIGEST (KEY URL)...: fetches all at once, fifty at most, and prints for each how curl ended, the status of HTTP, how many bytes
 * came, when the name and the connection were there, and the digest. The header fills packets on the way there.
 */
export const ASK = `set -u
fill=0123456789abcdef
while [ \${#fill} -lt 16384 ]; do fill=$fill$fill; done
ask() {
  file=/tmp/cc-$1
  said=$(curl -s --noproxy '*' --connect-timeout ${TO_CONNECT} --max-time ${IN_ALL} -H "X-Fill: $fill" -o "$file" \\
    -w '%{http_code} %{size_download} %{time_namelookup} %{time_connect}' "$2")
  ended=$?
  echo "$1 $ended $said $({ sha256sum <"$file"; } 2>/dev/null)"
  rm -f "$file"
}
count=0
while [ $# -gt 0 ]; do
  ask "$1" "$2" &
  count=$((count + 1))
  [ $((count % 50)) -ne 0 ] || wait
  shift 2
done
wait`;

/** Asks all, and then those that failed, for a while and three times at least. */
export async function reached(
  shell: Shell,
  kubectl: readonly string[],
  targets: readonly Target[],
): Promise<readonly Reached[]> {
  const seconds = async () => Number(await shell.view.read(cmd`date +%s`));
  const begun = await seconds();
  const known = new Map<string, Reached>();
  let open = targets;
  let times = 0;
  // What is still open when that time is over is an answer, too: it is judged by whoever asks.
  await shell.until('every node reaches nginx on every node', 20 * PATIENCE, async () => {
    for (const each of await round(shell, kubectl, open)) known.set(keyOf(each), each);
    open = open.filter((each) => known.get(keyOf(each))?.fault);
    times++;
    if (open.length === 0) return undefined;
    const took = (await seconds()) - begun;
    if ((times >= LEAST && took >= PATIENCE) || took >= 10 * PATIENCE) return undefined;
    const pairs = new Set(open.map(({ from, to }) => `${from.node} → ${to.node}`));
    return `not yet ${[...pairs].join(', ')}`;
  });
  return [...known.values()];
}

function keyOf({ from, url }: Target): string {
  return `${from.node} ${url}`;
}

/** Every client is told all its targets at once. */
async function round(
  shell: Shell,
  kubectl: readonly string[],
  targets: readonly Target[],
): Promise<readonly Reached[]> {
  const clients = [...new Set(targets.map(({ from }) => from))];
  const all: Reached[] = [];
  for (let at = 0; at < clients.length; at += AT_ONCE) {
    const some = clients.slice(at, at + AT_ONCE);
    const answers = some.map((spot) => {
      const own = targets.filter(({ from }) => from === spot);
      return asked(shell, kubectl, spot, own);
    });
    all.push(...(await Promise.all(answers)).flat());
  }
  return all;
}

async function asked(
  shell: Shell,
  kubectl: readonly string[],
  { client }: Spot,
  targets: readonly Target[],
): Promise<readonly Reached[]> {
  const words = targets.flatMap(({ url }, index) => [`${index}`, url]);
  const exec = cmd`${kubectl} -n ${NAMESPACE} exec ${client} -- sh -c ${ASK} cc ${words}`;
  const title = `exec ${client}: curl to ${targets.length} addresses`;
  const { code, stdout, stderr } = await shell.view.result({ ...exec, title });
  const said = stderr.trim().split('\n').at(-1) || `kubectl exited ${code}`;
  return targets.map(({ from, to, way, url }, index) => {
    const line = stdout.split('\n').find((each) => each.startsWith(`${index} `));
    const fault = line === undefined ? unasked(said) : faultOf(line, way);
    return { from, to, way, url, ...(fault ? { fault } : {}) };
  });
}

function unasked(said: string): Fault {
  return { word: 'not asked', why: `the client there could not ask: ${said}` };
}

const ALL = `${PAYLOAD.length} bytes`;

/** What is wrong with an answer. Numbers are those of curl's manual, "exit codes". */
function faultOf(line: string, way: Way): Fault | undefined {
  const [, ended = '', http = '', size = '0', lookup = '0', connect = '0', digest = ''] = line.split(' ');
  const isConnected = Number(connect) > 0;
  if (ended === '0' && http === '200' && digest === PAYLOAD_DIGEST) return undefined;
  if (ended === '0') {
    const why = http === '200' ? `${size} bytes came that are not those of nginx` : `HTTP says ${http}`;
    return { word: 'other answer', why };
  }
  if (ended === '6' || (way === 'name' && ended === '28' && Number(lookup) === 0))
    return { word: 'no name', why: 'the cluster DNS gave no address for it' };
  if (ended === '7') return { word: 'refused', why: 'the connection is refused, or there is no route to it' };
  if (ended === '28' && !isConnected)
    return {
      word: 'dropped',
      why: `nobody answered within ${TO_CONNECT} s, so packets are dropped on the way`,
    };
  if (ended === '28') {
    // What connects has passed small packets both ways; the first packet of the request, or of the answer, is a full one.
    const because = size === '0' ? ': small packets pass and full ones do not, as where an MTU is wrong' : '';
    return {
      word: 'cut off',
      why: `it connected, and ${size} of ${ALL} came within ${IN_ALL} s${because}`,
    };
  }
  if (['18', '52', '55', '56'].includes(ended))
    return { word: 'cut off', why: `the connection broke when ${size} of ${ALL} had come` };
  return { word: 'not asked', why: `curl exited ${ended}` };
}
