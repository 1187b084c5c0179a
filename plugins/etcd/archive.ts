/** What a snapshot is kept as: one tar file with the data of etcd, the cluster's authorities and keys, and the sums of all of it. */
import { fail } from '../../core/mod.ts';

/** A folder on hosts, in which files with keys are for a moment. */
export const WORK = '/var/lib/cc/etcd';
export const ARCHIVE = `${WORK}/archive.tar`;
/** Makes it anew: it holds nothing yet, and nobody else may enter it. */
export const FRESH = `set -eu
rm -rf -- ${WORK}
mkdir -p -m 0700 -- ${WORK.slice(0, WORK.lastIndexOf('/'))}
mkdir -m 0700 -- ${WORK}`;

export const PKI = '/etc/kubernetes/pki';

/** What a snapshot says of itself. */
export interface Notes {
  /** Of Kubernetes. */
  readonly version: string;
  /** Of the etcd that it was taken from. */
  readonly etcd: string;
  readonly node: string;
  readonly revision: number;
  readonly keys: number;
}

/** undefined for what is none. */
export function notesOf(text: string): Notes | undefined {
  try {
    const { version, etcd, node, revision, keys } = JSON.parse(text) as Partial<Notes>;
    const whole =
      [version, etcd, node].every((each) => typeof each === 'string') &&
      [revision, keys].every((each) => Number.isSafeInteger(each));
    return whole ? ({ version, etcd, node, revision, keys } as Notes) : undefined; // each was looked at
  } catch {
    return undefined;
  }
}

/** `3.4` of `3.4.13-0`: data of one minor version are not for another. */
export function minorOf(version: string): string {
  return version.split('.').slice(0, 2).join('.');
}

/** Tells of a file of the controller, or of what is in it. */
export function unfit(what: string, ...reasons: readonly string[]): never {
  return fail({ kind: 'check-failed', host: 'controller', what, reasons });
}

/** Work with files of the controller: what their system says no to is told as it is. */
export async function onDisk<Value>(what: string, work: () => Promise<Value>): Promise<Value> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof Error && 'syscall' in error) unfit(what, error.message);
    throw error;
  }
}
