/** What plugins, recipes and sites write with: the model and the ready-made steps. */
export { type Arch, type Artifact, type Need, origin, type Sigstore, type Sums } from './model/artifact.ts';
export type { Change } from './model/change.ts';
export { type Command, cmd } from './model/command.ts';
export { type Digest, digestOf, sameData } from './model/digest.ts';
export { fail, isFailure } from './model/failure.ts';
export { type Each, type HostsSpec, hosts, ssh } from './model/hosts.ts';
export type { Json } from './model/json.ts';
export * as net from './model/network.ts';
export {
  type Context,
  capability,
  type Host,
  type MadeHere,
  type Offer,
  type OfferedHere,
  plugin,
} from './model/plugin.ts';
export { type Recipe, recipe } from './model/recipe.ts';
export { type Inputs, type Secret, type SecretSource, secret, type Text } from './model/secret.ts';
export type { Script, Shell } from './model/shell.ts';
export { type Last, type Step, type StepSpec, step, type Undoing } from './model/step.ts';
export type { Pending, Turn } from './model/turn.ts';
export type { UnitName, View } from './model/view.ts';
export * as v from './model/vocabulary.ts';
export { awaited } from './steps/awaited.ts';
export { built } from './steps/built.ts';
export { check } from './steps/check.ts';
export { fixed } from './steps/fixed.ts';
export { folder } from './steps/folder.ts';
export { packages } from './steps/packages.ts';
export { placed } from './steps/placed.ts';
export { running } from './steps/running.ts';
export { unpacked } from './steps/unpacked.ts';
export { type Composition, composed, written } from './steps/written.ts';
