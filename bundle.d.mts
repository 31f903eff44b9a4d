import type {BuildOptions, Plugin} from 'esbuild';

export const options: BuildOptions;
export function fastInk(): Plugin;
