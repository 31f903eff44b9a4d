import assert from 'node:assert/strict';
import {test} from 'node:test';
import {build} from 'esbuild';
import {belowInk, options} from '../../../bundle.mjs';

const bundle = (contents: string) =>
	build({
		...options,
		plugins: [belowInk()],
		stdin: {contents, resolveDir: import.meta.dirname},
		outdir: 'never-written',
		write: false,
		metafile: true,
		logLevel: 'silent',
	});

test('modules of ours are in the place of Ink’s, which are there only where ours use them', async () => {
	const {metafile} = await bundle("export * from 'ink'");
	const files = Object.keys(metafile.inputs);
	for (const name of ['output', 'log-update', 'squash-text-nodes', 'colorize', 'string-width'])
		assert.ok(files.includes(`source/ui/terminal/ink/${name}.ts`), name);
	for (const [name, importers] of [
		['ink/build/output.js', []],
		['ink/build/write-synchronized.js', []],
		['ink/build/log-update.js', ['log-update.ts']],
		['ink/build/squash-text-nodes.js', ['squash-text-nodes.ts']],
		['ink/build/colorize.js', ['colorize.ts']],
		['string-width/index.js', ['string-width.ts']],
	] as const) {
		const users = files.filter(file =>
			metafile.inputs[file].imports.some(({path}) => path === `node_modules/${name}`),
		);
		assert.deepEqual(
			users,
			importers.map(importer => `source/ui/terminal/ink/${importer}`),
			name,
		);
	}
});

test('a module that Ink has no longer stops the build', async () => {
	await assert.rejects(bundle("export * from 'chalk'"), /Ink has no output\.js: change bundle\.mjs/);
});
