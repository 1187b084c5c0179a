/** The file that configures pods' network on a node: that it is the one that is read, and that pods who live by it are not cut off. */
import { cmd, fail, fixed, step, type View } from '../../core/mod.ts';

/** Where container runtimes look, unless told otherwise; all of cc are told this. */
export const FOLDER = '/etc/cni/net.d';
/** Of several files, runtimes take the first by name. */
const FILE = '10-cc.conflist';
export const CONFIG = `${FOLDER}/${FILE}`;

/** Endings of files that are read: containerd/go-cni, opts.go, loadFromConfDir; cri-o/ocicni, pkg/ocicni/ocicni.go. */
const ENDINGS = ['.conf', '.conflist', '.json'];

/**
 * Refuses a host on which another file comes before cc's. Those that come after it are read by nobody, and are left alone: they
 * are for whoever takes cc's away.
 */
export function precedence() {
  return step<{ host: string; before: readonly string[] }>({
    name: 'precedence',
    first: true,
    needs: [],
    probe: async (view) => ({ host: view.name, before: (await names(view)).filter((name) => name < FILE) }),
    plan: ({ host, before }) => {
      if (before.length === 0) return [];
      const reasons = before.map((name) => {
        const path = `${FOLDER}/${name}`;
        return `${path} comes before ${FILE} by name, so pods would get its network; move it away: mv ${path} ${path}.disabled`;
      });
      return fail({ kind: 'check-failed', host, what: 'pods get the network that is declared', reasons });
    },
  });
}

/**
 * The folder, before a runtime makes it, which would be nobody's to take away: containerd/go-cni, and cri-o, pkg/config/config.go. It
 * goes when nobody else has put something there.
 */
export function confFolder() {
  return step<{ there: boolean; owned: boolean; shared: boolean }>({
    name: 'folder',
    needs: [],
    claims: [FOLDER],
    probe: async (view) => {
      const there = (await view.stat(FOLDER)) !== undefined;
      const others = cmd`find ${FOLDER} -mindepth 1 -maxdepth 1 ! -name ${FILE} -printf x`;
      const shared = there && (await view.read(others)) !== '';
      return { there, owned: await view.owned(FOLDER), shared };
    },
    plan: ({ there }) => {
      const why = `${FOLDER} is no folder yet`;
      return there ? [] : [{ kind: 'folder', path: FOLDER, mode: 0o755, why }];
    },
    undo: ({ owned, shared }) =>
      owned && !shared
        ? [{ kind: 'remove', path: FOLDER, folder: true, why: `${FOLDER} was made by cc` }]
        : [],
    leaves: ({ owned, shared }) =>
      owned && shared ? `left, because something stands in it: ${FOLDER}` : undefined,
  });
}

/** In the order of bytes, as runtimes sort them. */
async function names(view: View): Promise<readonly string[]> {
  if ((await view.stat(FOLDER)) === undefined) return [];
  const found = await view.read(cmd`find ${FOLDER}/ -mindepth 1 -maxdepth 1 ! -type d -printf ${'%f\\0'}`);
  return found
    .split('\0')
    .filter((name) => ENDINGS.some((ending) => name.endsWith(ending)))
    .toSorted((one, other) => Buffer.compare(Buffer.from(one), Buffer.from(other)));
}

export interface Network {
  readonly network: 'bridge' | 'flannel' | 'routes';
  readonly bridge: string;
  readonly subnet: string;
}

/** Refuses other addresses or another bridge for pods who have theirs: they would no longer reach those who come after. */
export function inUse({ network, bridge, subnet }: Network) {
  return fixed({
    name: 'in-use',
    needs: [],
    what: 'the network of pods',
    declared: told(network, bridge, subnet),
    look: async (view) => {
      const found = await before(view);
      const used = found && (await view.stat(`/sys/class/net/${found.bridge}`)) !== undefined;
      return used ? told(found.network, found.bridge, found.subnet) : {};
    },
    fix: 'declare what is there; or end all pods first: cc run cleanup before you change the recipe, cc run all after',
  });
}

/** As cc writes its file: the plugin that it names first, and what follows. */
const WRITTEN = /"plugins":\s*\[\s*\{\s*"type": "(bridge|flannel)",([\s\S]*)/;

/** What cc has written at an earlier time. */
export async function before(view: View) {
  const [, network = '', rest = ''] = WRITTEN.exec((await view.text(CONFIG)) ?? '') ?? [];
  const found = (key: string) => new RegExp(`"${key}": "([^"]+)"`).exec(rest)?.[1] ?? '';
  const shared = rest.includes('"ipMasq": false') ? 'routes' : network;
  return found('bridge') === ''
    ? undefined
    : { network: shared, bridge: found('bridge'), subnet: found('subnet') };
}

function told(network: string, bridge: string, subnet: string) {
  return {
    'who sees to it': network,
    'its bridge': bridge,
    // Where it is given out, the file has none, or that of the node.
    'its subnet': { bridge: subnet, flannel: "flannel's", routes: "its node's" }[network] ?? subnet,
  };
}
