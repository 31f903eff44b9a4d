// Builds dist/: the program and its packages in a few files. Ink alone is several hundred files in node_modules, and
// loading them would take longer than everything else up to the first frame.

import fs from 'node:fs';
import path from 'node:path';
import {build} from 'esbuild';
import {fastInk, options} from './bundle.mjs';

fs.rmSync('dist', {recursive: true, force: true});
const {metafile} = await build({
	...options,
	plugins: [fastInk()],
	// The thread that waits is a program of its own, beside the file that starts it.
	entryPoints: [
		{in: 'cli.tsx', out: 'cli'},
		{in: 'source/system/poll-worker.ts', out: 'poll-worker'},
	],
	outdir: 'dist',
	metafile: true,
});
fs.cpSync('source/lab/scenario/scenarios', 'dist/scenarios', {recursive: true});

// The licences of the bundled packages must be included.
const folders = Object.keys(metafile.inputs).map(file => /^node_modules\/(@[^/]+\/)?[^/]+/.exec(file)?.[0]);
const notices = [...new Set(folders)].filter(Boolean).map(folder => {
	const {name, version} = JSON.parse(fs.readFileSync(path.join(folder, 'package.json'), 'utf8'));
	const file = fs.readdirSync(folder).find(entry => /^licen[cs]e/i.test(entry));
	return `${name} ${version}\n\n${file ? fs.readFileSync(path.join(folder, file), 'utf8') : 'MIT'}`;
});
fs.writeFileSync('dist/third-party-licenses.txt', notices.join(`\n${'-'.repeat(72)}\n`));
