// Makes dist/: the program and the packages it uses in a few files. Loaded from node_modules, Ink alone is
// several hundred files and takes longer than everything else up to the first frame.

import fs from 'node:fs';
import path from 'node:path';
import {build} from 'esbuild';

fs.rmSync('dist', {recursive: true, force: true});
const {metafile} = await build({
	entryPoints: ['cli.tsx'],
	outdir: 'dist',
	bundle: true,
	splitting: true,
	format: 'esm',
	platform: 'node',
	target: 'node22',
	jsx: 'automatic',
	define: {
		// React's development build leaks memory as it runs.
		'process.env.NODE_ENV': '"production"',
		// Nothing here goes to a network. Where there is a fetch, yoga decodes its own WebAssembly with it, and Node
		// loads its whole HTTP client for that: 60 ms.
		fetch: 'undefined',
	},
	// Packages in CommonJS ask for Node's own modules by require.
	banner: {
		js: "import {createRequire as requireFrom} from 'node:module'; const require = requireFrom(import.meta.url);",
	},
	// koffi is optional, and has native code.
	external: ['react-devtools-core', 'koffi'],
	metafile: true,
	logLevel: 'warning',
});
fs.cpSync('source/lab/scenario/scenarios', 'dist/scenarios', {recursive: true});

// The licences of what is inside ask to be passed on.
const folders = Object.keys(metafile.inputs).map(file => /^node_modules\/(@[^/]+\/)?[^/]+/.exec(file)?.[0]);
const notices = [...new Set(folders)].filter(Boolean).map(folder => {
	const {name, version} = JSON.parse(fs.readFileSync(path.join(folder, 'package.json'), 'utf8'));
	const file = fs.readdirSync(folder).find(entry => /^licen[cs]e/i.test(entry));
	return `${name} ${version}\n\n${file ? fs.readFileSync(path.join(folder, file), 'utf8') : 'MIT'}`;
});
fs.writeFileSync('dist/third-party-licenses.txt', notices.join(`\n${'-'.repeat(72)}\n`));
