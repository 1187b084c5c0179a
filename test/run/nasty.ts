/** Values that nobody expects, made anew for each use: what JavaScript may answer where types promise something else. */
const thrower = (): never => {
  throw new RangeError('nasty');
};

class Thrower {
  toString = thrower;
  toJSON = thrower;
  [Symbol.toPrimitive] = thrower;
}

/** Answers well once, and throws from then on. */
function moody(): object {
  let reads = 0;
  const get = () => {
    reads += 1;
    return reads > 1 ? thrower() : 'x';
  };
  const fields = ['name', 'kind', 'why', 'path', 'capability', 'message'];
  return Object.defineProperties(
    {},
    Object.fromEntries(fields.map((key) => [key, { get, enumerable: true }])),
  );
}

const TRAPS = ['get', 'has', 'ownKeys', 'getPrototypeOf', 'getOwnPropertyDescriptor'] as const;

function proxied(target: object): object {
  return new Proxy(target, Object.fromEntries(TRAPS.map((trap) => [trap, thrower])));
}

function revoked(target: object): object {
  const { proxy, revoke } = Proxy.revocable(target, {});
  revoke();
  return proxy;
}

function circular(): object {
  const circle: { self?: object } = {};
  circle.self = circle;
  return circle;
}

export const NASTY: Readonly<Record<string, () => unknown>> = {
  undefined: () => undefined,
  null: () => null,
  NaN: () => Number.NaN,
  'a negative number': () => -1.5,
  'an empty text': () => '',
  'a long text': () => 'x'.repeat(2 ** 20),
  'a text with a line end': () => 'x\n✔ y',
  'a symbol': () => Symbol('nasty'),
  'a bigint': () => 7n,
  'a function': () => () => 5,
  'a function that throws': () => thrower,
  'a promise': () => Promise.resolve(5),
  'a list with holes': () => new Array(3),
  'the longest list': () => new Array(2 ** 32 - 1),
  'a list of anything': () => [null, 5, Symbol('nasty')],
  'an object without a prototype': () => Object.create(null),
  'an object of nothing': () => ({}),
  'an object that throws when it is shown': () => new Thrower(),
  'data that has no text': () => ({ toString: 5, valueOf: 5 }),
  'a getter that throws the second time': moody,
  'a list of such getters': () => [moody()],
  'a proxy that throws': () => proxied({}),
  'a proxy of a list that throws': () => proxied([]),
  'a proxy of a function that throws': () => proxied(() => 5),
  'a revoked proxy': () => revoked({}),
  'a revoked proxy of a list': () => revoked([]),
  'a circle': circular,
  'a date': () => new Date(Number.NaN),
  'an error without words': () => Object.defineProperty(new Error('x'), 'message', { get: thrower }),
  'an error with a stack of its own': () =>
    Object.assign(new Error('x'), { stack: ' at file:///%2f:1:1\n at 5' }),
};
