// A module with Ink in one bundle, made as for dist/: with what is below Ink there, or with Ink as it is.

import path from 'node:path';
import {build} from 'esbuild';
import {belowInk, options} from '../../bundle.mjs';

/** What there is below Ink. */
export type Below = 'ours' | 'nothing';

/** Bundles a module, which is named from the root of the project. @returns the file, in `folder` */
export async function bundled(entry: string, folder: string, below: Below): Promise<string> {
	await build({
		...options,
		...(below === 'ours' ? {plugins: [belowInk()]} : {}),
		entryPoints: {entry: path.resolve(import.meta.dirname, '../..', entry)},
		outdir: folder,
		outExtension: {'.js': '.mjs'},
	});
	return path.join(folder, 'entry.mjs');
}
