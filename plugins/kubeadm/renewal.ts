/** Renewing the certificates of a control plane, and having its pods start anew with them, so that the API goes on. */
import { cmd, type Script, type Shell, type View } from '../../core/mod.ts';
import { type Access, asked, unanswered } from '../kubectl/api.ts';
import { since } from '../kubernetes/versions.ts';
import { DIRECT } from './init.ts';
import { entered } from './nodes.ts';
import { signed } from './signing.ts';
import { annotated, annotating, manifestOf, PODS, restart, startedAnew } from './static-pods.ts';

/** By which a pod is another one to kubelet, and which says with which certificates it began. */
export const ANNOTATION = 'cc-kubernetes/certificates-until';

export const ANNOTATE = annotating(ANNOTATION);

export interface RenewalOptions {
  readonly version: string;
  readonly kubeadm: string;
  readonly access: Access;
  /** The hosts of the control plane. */
  readonly planes: readonly string[];
  /** The end of the certificate that ends first. */
  readonly until: (view: View) => Promise<string>;
  /** Whether kubelet's own, or one that kubeadm renews, counts no more. */
  readonly expired: (view: View, whose: 'kubelet' | 'kubeadm') => Promise<boolean>;
}

/** Renews them, or goes on after that. */
export function renewing(options: RenewalOptions, from: 'renew' | 'restart'): Script {
  const { access, until } = options;
  return async (shell) => {
    const isUp = (await asked(shell.view, access, cmd`get --raw ${pathOf(options)}`)).kind === 'answered';
    await renewed(shell, options, from);
    const value = await until(shell.view);
    if (isUp)
      for (const pod of await podsOn(shell.view))
        await restart(shell, access, { pod, annotation: ANNOTATION, value });
    else await revived(shell, value, options);
    await answering(shell, options, 180);
    return {
      until: value,
      lines: [`they count until ${value}; copies of admin.conf elsewhere end as before`],
    };
  };
}

function pathOf({ version }: RenewalOptions): string {
  return since('readyz', version) ? '/readyz' : '/healthz';
}

async function answering(shell: Shell, options: RenewalOptions, within: number): Promise<void> {
  await shell.until('the API is ready', within, async () => {
    const answer = await asked(shell.view, options.access, cmd`get --raw ${pathOf(options)}`);
    return answer.kind === 'answered' ? undefined : unanswered(answer);
  });
}

/** Those of one host. kubeadm leaves kubelet's alone, and kubelet cannot renew one that has expired. */
async function renewed(
  shell: Shell,
  options: RenewalOptions,
  from: 'renew' | 'restart' = 'renew',
): Promise<void> {
  const { version, kubeadm, expired } = options;
  const words = cmd`${kubeadm} ${since('certs', version) ? [] : ['alpha']} certs renew all`;
  if (from === 'renew') await shell.run({ ...words, env: DIRECT });
  if (await expired(shell.view, 'kubelet')) await signed(shell, options);
}

/**
 * Where no API answers, nobody is disturbed by pods that start at once; and etcd may need the other control planes, whose
 * certificates are as old.
 */
async function revived(shell: Shell, value: string, options: RenewalOptions): Promise<void> {
  const { planes, until, expired, access } = options;
  const names = planes.filter((name) => name !== shell.view.name);
  await shell.run(cmd`systemctl start kubelet.service`);
  const pods = await podsOn(shell.view);
  await Promise.all(pods.map((pod) => annotated(shell, { pod, annotation: ANNOTATION, value })));
  for (const name of names) {
    const other = await entered(shell, name);
    if (other === undefined || !(await expired(other.view, 'kubeadm'))) continue;
    await renewed(other, options);
    const end = await until(other.view);
    const theirs = await podsOn(other.view);
    await Promise.all(theirs.map((pod) => annotated(other, { pod, annotation: ANNOTATION, value: end })));
  }
  await answering(shell, options, 300);
  for (const pod of pods) await startedAnew(shell, access, { pod, annotation: ANNOTATION, value });
}

/** Those that a host has: with an etcd elsewhere it has none of its own. */
async function podsOn(view: View): Promise<readonly string[]> {
  const found = await Promise.all(PODS.map(async (pod) => [pod, await view.stat(manifestOf(pod))] as const));
  return found.flatMap(([pod, facts]) => (facts === undefined ? [] : [pod]));
}
