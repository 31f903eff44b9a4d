// Bundles a module with Ink as dist/ is bundled, with the faster Ink or with Ink as published.

import path from 'node:path';
import {build} from 'esbuild';
import {fastInk, options} from '../../bundle.mjs';

export type InkKind = 'stock' | 'fast';

/** @param entry a module, from the root of the project. @returns the bundle, a file in `folder` */
export async function bundled(entry: string, folder: string, kind: InkKind): Promise<string> {
	await build({
		...options,
		plugins: kind === 'fast' ? [fastInk()] : [],
		entryPoints: {entry: path.resolve(import.meta.dirname, '../..', entry)},
		outdir: folder,
		outExtension: {'.js': '.mjs'},
	});
	return path.join(folder, 'entry.mjs');
}
