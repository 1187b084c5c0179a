/** The proxies that a container runtime goes through to registries, told by a file that root alone reads. */
import { type Context, type Step, step, type View } from '../../core/mod.ts';
import { podNetwork, serviceNetwork } from '../capabilities.ts';

export interface Proxied {
  readonly steps: readonly Step[];
  /** What its unit says of it, as lines of `[Service]`. */
  readonly lines: string;
  /** Files that a running service has read. */
  readonly files: readonly string[];
}

/**
 * Not by `Environment=` of the unit, which systemd shows to everybody who asks. The file is left out on hosts that go
 * without, and a unit does without it there.
 */
export function proxied(name: string, context: Context): Proxied {
  const { proxy, hosts } = context;
  if (!proxy) return { steps: [], lines: '', files: [] };
  const path = `/etc/cc/${name}.env`;
  const direct = hosts.filter(({ proxy }) => proxy === false).map(({ name }) => name);
  const variables = {
    HTTP_PROXY: proxy.http,
    HTTPS_PROXY: proxy.https,
    NO_PROXY: [...proxy.no, ...inside(context)].join(','),
  };
  const text = Object.entries(variables)
    .map(([name, value]) => (value === undefined ? '' : `${name}=${quoted(value)}\n`))
    .join('');
  const shown = Object.fromEntries(
    Object.entries(variables).map(([name, value = '']) => [name, bare(value)]),
  );
  return {
    steps: [written(path, text, { direct, shown })],
    lines: `EnvironmentFile=-${path}\n`,
    files: [path],
  };
}

/** What is in the cluster is reached from inside. */
function inside({ use, find }: Context): readonly string[] {
  const services = find(serviceNetwork);
  return [use(podNetwork).subnet, ...(services ? [services.subnet, '.svc', `.${services.domain}`] : [])];
}

/** As systemd.exec has it of EnvironmentFile=. */
function quoted(value: string): string {
  return `"${value.replaceAll(/[\\"$`]/g, '\\$&')}"`;
}

/** An address without what may be a password, whatever signs are in it. */
function bare(value: string): string {
  return value.replace(/\/\/.*@/s, '//');
}

type Facts = { digest: string | null; wanted: string; mode: number | null; owned: boolean; direct: boolean };

interface Inputs {
  readonly direct: readonly string[];
  readonly shown: Readonly<Record<string, string>>;
}

/** No digest of the text is remembered that lets anybody guess a password in it. */
function written(path: string, text: string, { direct, shown }: Inputs): Step {
  const mode = 0o600;
  return step<Facts>({
    name: 'proxy',
    needs: [],
    claims: [path],
    inputs: { path, mode, direct, ...shown },
    probe: async (view) => ({
      ...(await found(view, path)),
      wanted: await view.sealed({ text }),
      direct: direct.includes(view.name),
    }),
    plan: (facts) => {
      if (facts.direct)
        return facts.owned ? [{ kind: 'remove', path, why: 'this host goes without a proxy' }] : [];
      if (facts.digest === facts.wanted && facts.mode === mode) return [];
      const why = facts.digest === null ? `${path} is not there` : `${path} is not as declared`;
      return [{ kind: 'write', path, text, mode, why }];
    },
    undo: ({ owned }) => (owned ? [{ kind: 'remove', path, why: `${path} was put there by cc` }] : []),
  });
}

async function found(view: View, path: string): Promise<Omit<Facts, 'direct' | 'wanted'>> {
  const [facts, owned] = await Promise.all([view.stat(path), view.owned(path)]);
  return facts?.kind === 'file'
    ? { digest: await view.sealed({ digest: facts.digest }), mode: facts.mode, owned }
    : { digest: null, mode: null, owned };
}
