import assert from 'node:assert/strict';
import {test} from 'node:test';
import {build} from 'esbuild';
import {fastInk, options} from '../../../bundle.mjs';

const bundle = (contents: string) =>
	build({
		...options,
		plugins: [fastInk()],
		stdin: {contents, resolveDir: import.meta.dirname},
		outdir: 'never-written',
		write: false,
		metafile: true,
		logLevel: 'silent',
	});

test('our modules replace those of Ink, which only ours import', async () => {
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

test('the build fails if Ink no longer imports a replaced module', async () => {
	await assert.rejects(
		bundle("export * from 'chalk'"),
		/Ink does not import output\.js; update bundle\.mjs\./,
	);
});
