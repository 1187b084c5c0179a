/** Certificates of a control plane: until when each counts, renewed by kubeadm in time; kubelet's, which it renews by itself. */
import { type Change, cmd, fail, type Step, type StepSpec, step, type View } from '../../core/mod.ts';
import { since } from '../kubernetes/versions.ts';
import { FILES } from './config.ts';
import { CONFIG } from './init.ts';
import { ANNOTATION, type RenewalOptions, renewing } from './renewal.ts';
import { CURRENT, signed } from './signing.ts';
import { annotationIn, manifestOf, PODS } from './static-pods.ts';
import { bytesOf, type Validity, validities } from './validity.ts';

const FOLDER = '/etc/kubernetes';
const PKI = `${FOLDER}/pki`;
/** What signs the others; kubeadm has no way to renew one. */
const AUTHORITIES = ['ca', 'front-proxy-ca', 'etcd/ca'].map((name) => `${PKI}/${name}.crt`);
const RENEWED = [
  ...['admin', 'super-admin', 'controller-manager', 'scheduler'].map((name) => `${FOLDER}/${name}.conf`),
  ...[
    ...['apiserver', 'apiserver-kubelet-client', 'apiserver-etcd-client', 'front-proxy-client'],
    ...['etcd/server', 'etcd/peer', 'etcd/healthcheck-client'],
  ].map((name) => `${PKI}/${name}.crt`),
];
const KUBELET = CURRENT;

/** Prints the host's own time, and of each file that is there the certificates alone: beside some of them stands a key. */
export const LIST = `set -eu
date +%s
for file; do
  [ -e "$file" ] || continue
  printf '= %s\\n' "$file"
  sed -n 's/^ *client-certificate-data: *//p; /^-----BEGIN CERTIFICATE-----/,/^-----END CERTIFICATE-----/p' "$file"
done`;

const DAY = 24 * 60 * 60 * 1000;

type Found = {
  until: string;
  /** Whether it is within the limit; for kubelet's, whether kubelet is late with it. */
  due: boolean;
  expired: boolean;
};

type Facts = {
  host: string;
  certificates: { [file: string]: Found };
  /** Until when the certificates counted with which cc had each pod of the control plane start anew that is there. */
  started: { [pod: string]: string | null };
};

export interface CertificateOptions extends Omit<RenewalOptions, 'until' | 'expired'> {
  /** Days before its end in which a certificate is renewed. */
  readonly renewWithin: number;
}

type At = Pick<StepSpec<never>, 'name' | 'where' | 'needs' | 'oneByOne'>;

/** Those of a node; a worker has kubelet's and that of the authority. */
export function certificates(options: CertificateOptions, at: At): Step {
  const { version, renewWithin } = options;
  const files = [...AUTHORITIES, ...RENEWED, KUBELET, FILES.certFile];
  const until = async (view: View) => nearest(await look(view, RENEWED, 0))?.until ?? '';
  const expired: RenewalOptions['expired'] = async (view, whose) =>
    Object.values(await look(view, whose === 'kubelet' ? [KUBELET] : RENEWED, 0)).some(
      (each) => each.expired,
    );
  const script = (from: 'renew' | 'restart') => renewing({ ...options, until, expired }, from);
  return step<Facts>({
    ...at,
    inputs: { renewWithin },
    settles: 30,
    probe: async (view) => {
      const [found, started] = await Promise.all([look(view, files, renewWithin), startedOn(view)]);
      return { host: view.name, certificates: found, started };
    },
    plan: ({ host, certificates: all, started }, last) => {
      const due = RENEWED.filter((file) => all[file]?.due);
      const why = due.map((file) => ending(file, all[file]!)).join('; '); // they were found there
      if (due.length > 0 && !since('renews', version)) byHand(host, version, why);
      if (due.length > 0) return [{ kind: 'script', title: RENEW, why, script: script('renew') }];
      const first = nearest(all, RENEWED);
      const behind = Object.keys(started).filter((pod) => started[pod] !== first?.until);
      if (last.unfinished && first && behind.length > 0)
        return [
          {
            kind: 'script',
            title: RESTART,
            why: `${behind.join(', ')} may not have it`,
            script: script('restart'),
          },
        ];
      refuseEnding(host, all);
      return waitingFor(host, all, options);
    },
    tells: ({ certificates: all }) => tellingOf(all),
  });
}

const RENEW = 'have kubeadm renew the certificates, and the pods of the control plane start anew one by one';
const RESTART =
  'have the pods of the control plane start anew one by one with the certificates that were renewed';

/** The end of those that are there, by the clock of the host. */
async function look(
  view: View,
  files: readonly string[],
  renewWithin: number,
): Promise<Facts['certificates']> {
  const [time = '', ...parts] = (await view.read(cmd`sh -c ${LIST} cc ${files}`)).split(/^= /m);
  const now = Number(time) * 1000;
  return Object.fromEntries(
    parts.map((part) => {
      const [file = '', ...lines] = part.split('\n');
      const all = validities(file.endsWith('.conf') ? unwrapped(lines.join('')) : lines.join('\n'));
      if (all === undefined)
        return fail({
          kind: 'cannot-tell',
          host: view.name,
          what: `tell when ${file} expires`,
          why: 'it holds no certificate that can be read',
        });
      const { from, until } = all.toSorted((a, b) => a.until - b.until)[0]!; // there is one
      const due = file === KUBELET ? isLate({ from, until }, now) : until - now < renewWithin * DAY;
      return [file, { until: new Date(until).toISOString().replace('.000', ''), due, expired: until <= now }];
    }),
  );
}

/** A kubeconfig has the PEM in base64. */
function unwrapped(base64: string): string {
  return String.fromCharCode(...(bytesOf(base64.trim()) ?? []));
}

/**
 * kubelet asks for a new one when 70 to 90 % of the old one's time are over: kubernetes/kubernetes,
 * staging/src/k8s.io/client-go/util/certificate/certificate_manager.go, nextRotationDeadline.
 */
function isLate({ from, until }: Validity, now: number): boolean {
  return until - now < (until - from) / 10;
}

async function startedOn(view: View): Promise<Facts['started']> {
  const all = PODS.map(async (pod) => [pod, await view.text(manifestOf(pod))] as const);
  const there = (await Promise.all(all)).filter(([, text]) => text !== undefined);
  return Object.fromEntries(there.map(([pod, text]) => [pod, annotationIn(text, ANNOTATION)]));
}

function ending(file: string, { until, expired }: Found): string {
  return `${file} ${expired ? 'expired' : 'expires'} on ${until}`;
}

function nearest(all: Facts['certificates'], files: readonly string[] = Object.keys(all)) {
  const found = files.flatMap((file) => (all[file] ? [{ file, ...all[file] }] : []));
  return found.toSorted((a, b) => a.until.localeCompare(b.until))[0];
}

function tellingOf(all: Facts['certificates']): readonly string[] {
  const first = nearest(all);
  return first === undefined ? [] : [`the first certificate to expire: ${ending(first.file, first)}`];
}

/** Whether kubelet gets one by itself, in the time that it takes after it was away; one that has expired it cannot renew. */
function waitingFor(
  host: string,
  all: Facts['certificates'],
  options: CertificateOptions,
): readonly Change[] {
  const found = all[KUBELET];
  if (!found?.due) return [];
  const why = ending(KUBELET, found);
  if (found.expired) return [signing(host, why, options)];
  const what = 'kubelet has renewed its certificate';
  return [
    {
      kind: 'script',
      title: `wait until ${what}`,
      why: `${why}, and kubelet has not renewed it`,
      script: async (shell) => {
        await shell.until(what, 120, async () => {
          const now = (await look(shell.view, [KUBELET], 0))[KUBELET];
          return now?.due ? `${why}; see on ${host}: journalctl -u kubelet; kubectl get csr` : undefined;
        });
        return undefined;
      },
    },
  ];
}

function signing(host: string, why: string, options: CertificateOptions): Change {
  if (!since('phases', options.version)) kubeletExpired(host, why);
  return {
    kind: 'script',
    title: 'have a control plane sign a certificate for kubelet, and start kubelet anew',
    why: `${why}, and the API lets kubelet renew it no more`,
    script: async (shell) => {
      await signed(shell, options);
      return undefined;
    },
  };
}

function kubeletExpired(host: string, why: string): never {
  const reasons = [
    `${why}, and the API lets kubelet renew it no more`,
    `have the host join anew: cc run cleanup --limit ${host}, then cc run all`,
  ];
  return fail({ kind: 'check-failed', host, what: 'kubelet has a certificate that counts', reasons });
}

function byHand(host: string, version: string, why: string): never {
  const phase = since('phases', version) ? 'kubeadm init phase' : 'kubeadm alpha phase';
  const reasons = [
    `${why}; kubeadm ${version} does not renew those in kubeconfigs, as 1.15 does`,
    `on ${host}: move ${RENEWED.join(' ')} away, those of ${PKI} with their keys`,
    `then: ${phase} certs all --config ${CONFIG}; ${phase} kubeconfig all --config ${CONFIG}; and reboot it`,
  ];
  return fail({ kind: 'check-failed', host, what: 'its certificates last', reasons });
}

function refuseEnding(host: string, all: Facts['certificates']): void {
  const due = AUTHORITIES.filter((file) => all[file]?.due);
  if (due.length === 0) return;
  const reasons = [
    ...due.map((file) => ending(file, all[file]!)), // they were found there
    'kubeadm renews no authority: https://kubernetes.io/docs/tasks/tls/manual-rotation-of-ca-certificates/',
  ];
  fail({ kind: 'check-failed', host, what: 'the authorities of the cluster last', reasons });
}
