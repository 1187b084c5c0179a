/** YAML, by the parser that cosmiconfig brings; loaded where a configuration is written in it. */
import { defaultLoaders } from 'cosmiconfig';

export function yaml(file: string, text: string): unknown {
  return defaultLoaders['.yaml'](file, text);
}
