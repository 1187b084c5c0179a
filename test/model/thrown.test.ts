/** What was thrown, in words, and the place that it came from. */
import assert from 'node:assert/strict';
import test from 'node:test';
import { fileURLToPath } from 'node:url';
import { digestOfData } from '../../core/model/digest.ts';
import type { Json } from '../../core/model/json.ts';
import { noteImported } from '../../core/model/source.ts';
import { messageOf, placeOf } from '../../core/model/thrown.ts';

const HERE = fileURLToPath(import.meta.url);
noteImported(HERE);

function caught(call: () => unknown): unknown {
  try {
    call();
  } catch (error) {
    return error;
  }
  return assert.fail('nothing was thrown');
}

test('anything that can be thrown has words', () => {
  const words = [new TypeError('no'), 'a "text"', undefined, null, 7n, { a: [1] }, Object.create(null)].map(
    messageOf,
  );
  assert.deepEqual(words, [
    'TypeError: no',
    'threw "a \\"text\\""',
    'threw undefined',
    'threw null',
    'threw 7',
    'threw {"a":[1]}',
    'threw something that cannot be shown',
  ]);
});

test('place of an error is the line that threw it, and the source of that', () => {
  const error = caught(() => {
    throw new Error('here'); // this line
  });
  const place = placeOf(error);
  assert.equal(place?.file, HERE);
  assert.equal(place?.source, "    throw new Error('here'); // this line");
});

test('place of an error out of cc is where cc was called', () => {
  const none = undefined as unknown as Json;
  const place = placeOf(caught(() => digestOfData(none))); // called here
  assert.equal(place?.file, HERE);
  assert.match(place?.source ?? '', /called here/);
});

test('place of what is no error is unknown', () => {
  assert.equal(placeOf('text'), undefined);
  assert.equal(placeOf(undefined), undefined);
});
