/** Whatever a configuration exports is a recipe, or refused in a sentence. */
import assert from 'node:assert/strict';
import test from 'node:test';
import { asRecipe } from '../../../core/cli/config/shape.ts';
import { expand } from '../../../core/graph/expand.ts';
import { flattened } from '../../../core/graph/flatten.ts';
import { Failed, type Problem } from '../../../core/model/failure.ts';
import { plugin } from '../../../core/model/plugin.ts';
import type { Recipe } from '../../../core/model/recipe.ts';
import * as v from '../../../core/model/vocabulary.ts';
import { explained } from '../../../core/report/explain.ts';
import { EXPAND_CONTEXT, host, steps } from '../../graph/recipes.ts';

/** What is said of it, without the first line's name of the file; nothing when it can be used. */
function said(value: unknown, file = EXPAND_CONTEXT.file): string {
  const problems: Problem[] = [];
  try {
    expand(flattened([asRecipe(value, file)], problems), EXPAND_CONTEXT, problems);
    return '';
  } catch (error) {
    if (!(error instanceof Failed)) throw error;
    const [, ...lines] = explained(error.failure).map((line) => line.trim());
    return lines.filter((line) => !/^(at |\d* *\|)/.test(line)).join('\n');
  }
}

const thrower = (): never => {
  throw new RangeError('no luck');
};

function circle(): object {
  const value: Record<string, unknown> = { name: 'a' };
  value['extends'] = value;
  return value;
}

function deep(depth: number): object {
  return Array.from({ length: depth }).reduce<object>((inner) => ({ extends: inner }), {});
}

const all = (trap: string): ProxyHandler<object> => ({ [trap]: thrower });
const options = { a: {} as Record<string, unknown> };
options.a['b'] = options;

const revoked = Proxy.revocable({}, {});
revoked.revoke();

class Recipeish {
  name = 'a b';
}

const use = (spec: object, given: unknown = {}) => ({ plugins: [{ spec, given }] });
const schema = v.strictObject({});

const whole = { name: 'p', build: thrower, options: schema };
const P = 'plugins.0: is the plugin "p", whose';

const ODD: readonly (readonly [what: string, value: unknown, text: string])[] = [
  ['nothing', undefined, 'its default export is missing'],
  ['null', null, 'its default export is null, not a recipe'],
  ['a number', 7, 'its default export is 7, not a recipe'],
  ['a symbol', Symbol('x'), 'its default export is Symbol(x), not a recipe'],
  ['text', 'kata', 'its default export is text, not a recipe'],
  ['a list', [], 'its default export is a list, not a recipe'],
  ['a function', () => ({}), 'its default export is a function, not a recipe: export what it answers'],
  ['a class', Recipeish, 'its default export is a function, not a recipe: export what it answers'],
  ['a promise', Promise.resolve({}), 'its default export is a promise, not a recipe: write await before it'],
  [
    'a thenable',
    Object.fromEntries([['then', () => {}]]),
    'its default export is a promise, not a recipe: write await before it',
  ],
  [
    'an empty object',
    {},
    "plugins: the recipe has none: nothing to do\nwrite: plugins: [...], or extends: 'lab'",
  ],
  [
    'an object of a class',
    new Recipeish(),
    'name: expected at most 64 letters, digits, ".", "_" and "-", with a letter or a digit first and last, found "a b"',
  ],
  [
    'a map',
    new Map([['name', 'a']]),
    "plugins: the recipe has none: nothing to do\nwrite: plugins: [...], or extends: 'lab'",
  ],
  [
    'a getter that throws',
    Object.defineProperty({}, 'name', { get: thrower, enumerable: true }),
    'name: cannot be read: RangeError: no luck',
  ],
  [
    'a getter that throws, deep down',
    { hosts: [Object.defineProperty({}, 'name', { get: thrower, enumerable: true })] },
    'hosts.0.name: cannot be read: RangeError: no luck',
  ],
  ['a proxy that shows no keys', new Proxy({}, all('ownKeys')), 'it: cannot be read: RangeError: no luck'],
  [
    'a proxy that shows no values',
    new Proxy({ name: 'a' }, all('get')),
    'name: cannot be read: RangeError: no luck',
  ],
  [
    'a proxy that is over',
    revoked.proxy,
    "it: cannot be read: TypeError: Cannot perform 'IsArray' on a proxy that has been revoked",
  ],
  ['a circle', circle(), 'extends: goes round in a circle, back to the whole'],
  ['a circle of options', { options }, 'options.a.b: goes round in a circle, back to options'],
  ['what has no end', deep(10_000), 'extends.extends.extends.…: is nested without an end'],
  ['more hosts than there are', { hosts: new Array(2 ** 32 - 1) }, 'hosts: has too many entries'],
  ['a hole for a host', { hosts: new Array(1) }, 'hosts.0: expected Object, it is missing'],
  [
    'hosts that are a function',
    { hosts: () => [] },
    'hosts: expected a list of hosts, the path of a file, or { command: [...] }, found a function',
  ],
  [
    'hosts that are a map',
    { hosts: { 'cp-1': {} } },
    'hosts: expected a list of hosts, the path of a file, or { command: [...] }, found an object',
  ],
  [
    'hosts that are a promise',
    { hosts: Promise.resolve([]) },
    'hosts: expected a list of hosts, the path of a file, or { command: [...] }, found a promise: write await before it',
  ],
  [
    'hosts within hosts',
    { hosts: [[]] },
    'hosts.0: is a list of hosts in a list of hosts: write ... before it, as ...hosts(…)',
  ],
  [
    'hosts that are a proxy of one',
    { hosts: new Proxy(() => [], all('getPrototypeOf')) },
    'it: cannot be read: RangeError: no luck',
  ],
  [
    'a plugin that is text',
    { plugins: ['runc'] },
    'plugins.0: is no plugin: expected what a function made by plugin() answers',
  ],
  [
    'a plugin that is not called',
    { plugins: [plugin({ name: 'p', help: '', options: schema, build: thrower })] },
    'plugins.0: is a function: call it with the options of the plugin',
  ],
  ['a plugin without a name', use({}), 'plugins.0: is a plugin without a name'],
  ['a plugin without a build', use({ name: 'p' }), 'plugins.0: is the plugin "p", which has no build'],
  [
    'a plugin without options',
    use({ name: 'p', build: thrower }),
    'plugins.0: is the plugin "p", whose options are no schema',
  ],
  [
    'a plugin given text',
    use({ name: 'p', build: thrower, options: schema }, 'x'),
    'plugins.0: is the plugin "p", whose options are none: expected an object',
  ],
  [
    'a plugin whose name throws',
    use(Object.defineProperty({}, 'name', { get: thrower })),
    'plugins.0.spec: cannot be read: RangeError: no luck',
  ],
  [
    'a plugin with an odd epoch',
    use({ ...whole, epoch: 'x' }),
    `${P} epoch: expected a whole number, 0 or more, found "x"`,
  ],
  [
    'a plugin with odd capabilities',
    use({ ...whole, provides: [5] }),
    `${P} provides[0]: expected a capability, found 5`,
  ],
  [
    'a plugin with odd declares',
    use({ ...whole, declares: 5 }),
    `${P} declares: expected a function, found 5`,
  ],
  [
    'a plugin whose build throws',
    use({ name: 'p', build: thrower, options: schema }),
    'p: its build failed: RangeError: no luck',
  ],
];

for (const [what, value, text] of ODD)
  test(`a configuration is refused in a sentence that exports ${what}`, () =>
    assert.equal(said(value), text));

test('data that is no recipe is told without a word of exports', () => {
  assert.equal(said([], '/site/cc.config.yaml'), 'what it holds is a list, not a recipe');
});

test('a getter is asked once', () => {
  let asked = 0;
  const recipe = asRecipe(
    {
      get name() {
        asked += 1;
        return 'a';
      },
    },
    'f',
  );
  assert.deepEqual([recipe.name, recipe.name, asked], ['a', 'a', 1]);
});

test('what options hold of a class of its own reaches the plugin as it is', () => {
  const own = new Recipeish();
  const given = { own, list: [{ own }] };
  const spec = steps('p').spec;
  const { plugins } = asRecipe({ plugins: [{ spec, given }] }, 'f') as Required<Recipe>;
  assert.equal(plugins[0]?.spec.name, 'p');
  assert.deepEqual(plugins[0]?.given, given);
  assert.equal(plugins[0]?.given['own'], own);
});

test('keys of Object.prototype are keys like others', () => {
  assert.equal(
    said(JSON.parse('{"options":{"__proto__":{}}}')),
    "options.__proto__: the recipe has no such plugin\nplugins: the recipe has none: nothing to do\nwrite: plugins: [...], or extends: 'lab'",
  );
});

test('a recipe that is right can be used', () => {
  assert.equal(said({ hosts: [host('a')], plugins: [steps('p')] }), '');
});
