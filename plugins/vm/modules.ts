/** Kernel modules that virtual machines need are loaded, and will be after the next boot. */
import { cmd, step, written } from '../../core/mod.ts';

/** A module and the device that shows it is there, whether built in or loaded. */
export interface Module {
  readonly name: string;
  readonly device: string;
}

export function modulesFile(plugin: string, modules: readonly Module[]) {
  const text = modules.map(({ name }) => `${name}\n`).join('');
  return written(text, { name: 'modules', path: `/etc/modules-load.d/90-cc-${plugin}.conf`, needs: [] });
}

/** A loaded module stays until the next boot: another may use it by then. */
export function loaded(modules: readonly Module[]) {
  return step<{ missing: readonly string[] }>({
    name: 'devices',
    needs: [],
    inputs: { modules: modules.map(({ name }) => name) },
    probe: async (view) => {
      const looks = modules.map(async ({ name, device }) =>
        (await view.stat(`/sys/class/misc/${device}`)) === undefined ? [name] : [],
      );
      return { missing: (await Promise.all(looks)).flat() };
    },
    plan: ({ missing }) =>
      missing.map((name) => ({
        kind: 'run',
        command: cmd`modprobe ${name}`,
        why: `${name} is not in the kernel`,
      })),
  });
}
