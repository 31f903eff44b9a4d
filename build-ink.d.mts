import type {Plugin} from 'esbuild';

export function belowInk(): Plugin;
