/** An etcd that others keep: where the control planes ask it, with which files, and whether it answers them. */
import {
  cmd,
  type Secret,
  type Shell,
  type Step,
  secret,
  step,
  type View,
  v,
  written,
} from '../../core/mod.ts';
import { type Access, asked, unanswered } from '../kubectl/api.ts';
import { since } from '../kubernetes/versions.ts';
import { type ExternalEtcd, FILES } from './config.ts';
import { PLANE, PLANES } from './nodes.ts';
import { annotationIn, manifestOf, restart } from './static-pods.ts';

const Endpoint = v.pipe(
  v.string(),
  v.check(
    (text) => /^https:\/\/[a-z0-9.-]+:\d{1,5}$/.test(text) && URL.canParse(text),
    ({ input }) => `expected an address as https://10.0.0.5:2379, found "${input}"`,
  ),
);
const File = v.absolutePath();

export const Etcd = v.strictObject({
  external: v.strictObject({
    /** Where its members answer clients. */
    endpoints: v.pipe(
      v.array(Endpoint),
      v.minLength(1, 'names none'),
      v.check((all) => new Set(all).size === all.length, 'names one twice'),
    ),
    /** On the controller, in PEM: the authority of its members, and the certificate and key that it lets in. */
    ca: File,
    certificate: File,
    key: File,
  }),
});
type External = v.InferOutput<typeof Etcd>['external'];

/** As kubeadm is told of it. */
export function externalEtcd({ endpoints }: External): ExternalEtcd {
  return { endpoints, ...FILES };
}

/** The steps that come before a host is made a control plane; `whole` has it start anew where its files are others. */
export interface ExternalOptions {
  readonly external: External;
  readonly access: Access;
  /** Of Kubernetes. */
  readonly version: string;
}

export function etcdFiles(options: ExternalOptions): readonly Step[] {
  const { ca, certificate, key } = options.external;
  const file = (name: string, path: string, from: Secret) =>
    // None of them can be guessed, and all are told in one way.
    written([from, '\n'], { name, path, mode: 0o600, where: PLANES, needs: [] });
  const files = [
    file('etcd-ca', FILES.caFile, secret('authority of etcd', { file: ca, readable: true })),
    file(
      'etcd-certificate',
      FILES.certFile,
      secret('certificate for etcd', { file: certificate, readable: true }),
    ),
    file('etcd-key', FILES.keyFile, secret('key for etcd', { file: key })),
  ];
  const needs = files.map(({ name }) => `kubeadm/${name}`);
  return [...files, answers(options, needs), renewed(options)];
}

const WITHIN = 30;
const SERVER = 'kube-apiserver';

/** Why a cluster cannot be with these endpoints; null where it can, or `unasked` says why nobody can tell. */
type Answers = { host: string; reason: string | null; unasked: string | null };

/** Nothing of a single member stands in its facts: one that goes and comes is no reason to look at all that follows anew. */
function answers({ external }: ExternalOptions, needs: readonly string[]): Step {
  const { endpoints } = external;
  return step<Answers>({
    name: 'etcd-answers',
    where: PLANES,
    needs,
    inputs: { endpoints },
    timeout: WITHIN + 60,
    probe: async (view) => {
      const curl = await view.stat(ASK);
      const [reason, unasked] =
        curl === undefined ? [null, `${view.name} has no curl`] : [await missed(view, endpoints), null];
      return { host: view.name, reason, unasked };
    },
    plan: ({ reason }) => {
      if (reason === null) return [];
      const what = `etcd answers at ${endpoints.join(', ')}`;
      return [
        {
          kind: 'script',
          title: `wait until ${what}`,
          why: reason,
          script: async (shell) => {
            await shell.until(what, WITHIN, async () => (await missed(shell.view, endpoints)) ?? undefined);
            return undefined;
          },
        },
      ];
    },
    tells: ({ unasked }) => (unasked === null ? [] : [`could not tell whether etcd answers: ${unasked}`]),
  });
}

const ASK = '/usr/bin/curl';

/** A member that answers this has a leader. One that is silent is no reason to stop, once there is a cluster. */
async function missed(view: View, endpoints: readonly string[]): Promise<string | null> {
  const quiet = ['-q', '--silent', '--show-error', '--fail', '--noproxy', '*', '--max-time', '5'];
  const files = ['--cacert', FILES.caFile, '--cert', FILES.certFile, '--key', FILES.keyFile];
  const words = [ASK, ...quiet, ...files, '--output', '/dev/null'];
  const all = endpoints.map(async (url) => {
    const { code, stderr } = await view.result(cmd`${words} ${url}/health`);
    return code === 0 ? [] : [`${url}: ${stderr.trim().split('\n').at(-1) || `curl exited ${code}`}`];
  });
  const silent = (await Promise.all(all)).flat();
  const begun = (await view.stat(manifestOf(SERVER))) !== undefined;
  return silent.length === 0 || (begun && silent.length < endpoints.length) ? null : silent.join('; ');
}

type Renewed = {
  /** What the files are, as a digest that tells nobody more. */
  files: string;
  /** With which of them cc had the API server start anew, as its manifest says. */
  started: string | null;
};

export const ANNOTATION = 'cc-kubernetes/etcd-files';

/** kubeadm starts an API server with the files as they are then; after that it has to start anew with others. */
function renewed({ access, version }: ExternalOptions): Step {
  return step<Renewed>({
    name: 'etcd-renewed',
    where: PLANES,
    needs: ['kubeadm/etcd-answers'],
    oneByOne: PLANE.firstOf,
    timeout: 900,
    probe: async (view) => ({
      files: await digestOn(view),
      started: annotationIn(await view.text(manifestOf(SERVER)), ANNOTATION),
    }),
    plan: ({ files, started }, last) => {
      const before = (last.facts as Renewed | undefined)?.files; // what this step's own probe found
      const isSame = before === undefined || before === files;
      if (started === files || (isSame && !last.unfinished)) return [];
      const why = last.unfinished
        ? 'it may have the files of before'
        : 'its files for etcd are others than those it began with';
      const title = 'have the API server, if there is one, start anew with its files for etcd';
      return [{ kind: 'script', title, why, script: (shell) => anew(shell, { access, version }) }];
    },
  });
}

/** Of its files, so that nobody can tell what they are. */
async function digestOn(view: View): Promise<string> {
  const all = await Promise.all(Object.values(FILES).map((path) => view.stat(path)));
  const digests = all.map((facts) => (facts?.kind === 'file' ? facts.digest : 'none'));
  return view.sealed({ text: digests.join(' ') });
}

async function anew(
  shell: Shell,
  { access, version }: Pick<ExternalOptions, 'access' | 'version'>,
): Promise<undefined> {
  if ((await shell.view.stat(manifestOf(SERVER))) === undefined) return undefined;
  await restart(shell, access, { pod: SERVER, annotation: ANNOTATION, value: await digestOn(shell.view) });
  const path = since('readyz', version) ? '/readyz' : '/healthz';
  await shell.until('the API is ready', 180, async () => {
    const answer = await asked(shell.view, access, cmd`get --raw ${path}`);
    return answer.kind === 'answered' ? undefined : unanswered(answer);
  });
  return undefined;
}
