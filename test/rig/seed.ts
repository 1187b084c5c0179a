/** Chance that can be had again: each run takes another seed, says it where a test fails, and takes the one it is given. */
import process from 'node:process';

/** Of this run; `CC_SEED=… node --test FILE` repeats one. */
const SEED = Number(process.env['CC_SEED'] ?? Date.now() % 2 ** 31);

/** Tries a claim with the seed of this run; a failure says which it was. */
export async function withSeed(claim: (seed: number) => Promise<void>): Promise<void> {
  process.stdout.write(`# CC_SEED=${SEED}\n`);
  try {
    await claim(SEED);
  } catch (error) {
    throw new Error(`it fails with CC_SEED=${SEED}`, { cause: error });
  }
}
