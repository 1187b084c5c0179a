/** A store in a folder of its own, and what is told while something is fetched into it. */
import assert from 'node:assert/strict';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Artifact } from '../../core/model/artifact.ts';
import { type Digest, digestOf } from '../../core/model/digest.ts';
import { type Attempt, Failed, type Failure } from '../../core/model/failure.ts';
import { openStore } from '../../core/store/bytes.ts';
import type { Fetching } from '../../core/store/download.ts';
import { fetchArtifact } from '../../core/store/fetch.ts';
import { type Network, networkOf } from '../../core/store/network.ts';
import { type Lasting, tempFolder } from '../rig/temp.ts';

export const DIRECT: Network = networkOf([], {}, {});

export function listening(network: Network = DIRECT, signal = new AbortController().signal) {
  const said: string[] = [];
  const attempts: Attempt[] = [];
  const steps: number[] = [];
  const fetching: Fetching = {
    network,
    signal,
    reporter: {
      log: (text) => void said.push(text),
      attempt: (attempt) => void attempts.push(attempt),
      progress: (done) => void steps.push(done),
    },
  };
  return { fetching, said, attempts, steps };
}

/** Fetches one artifact, `runc`, again and again, into one store. */
export async function place(t: Lasting, bytes: string, locked: { sha256?: Digest; size?: number } = {}) {
  const cache = await tempFolder(t);
  const entry = { sha256: digestOf(bytes), size: bytes.length, trust: 'sums', ...locked } as const;
  const store = (url: string) => openStore({ cache, state: cache }, [new Map([['runc', { url, ...entry }]])]);
  const artifact = (url: string): Artifact => ({ name: 'runc', source: { kind: 'url', url } });
  const get = (url: string, fetching: Fetching = listening().fetching) =>
    fetchArtifact(store(url), artifact(url), fetching);
  const left = async () => ({
    arriving: (await readdir(join(cache, 'arriving'))).toSorted(),
    bytes: await readdir(join(cache, 'bytes')),
  });
  const path = (url: string) => store(url).place(entry.sha256);
  return { cache, get, left, path, part: join(cache, 'arriving', entry.sha256) };
}

/** What a fetch fails with. */
export async function failure(fetched: Promise<void>): Promise<Failure> {
  const error: unknown = await fetched.then(
    () => assert.fail('it was fetched'),
    (reason: unknown) => reason,
  );
  assert.ok(error instanceof Failed, String(error));
  return error.failure;
}
