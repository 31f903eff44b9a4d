// Builds dist/: the program and its packages in a few files. Ink alone is several hundred files in node_modules, and
// loading them would take longer than everything else up to the first frame.

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
	target: 'node22.2',
	// Node 22 has these, but esbuild's table does not know it. Without them a regular expression would become a
	// `new RegExp` at each use.
	supported: {'regexp-unicode-property-escapes': true, 'regexp-set-notation': true},
	jsx: 'automatic',
	define: {
		// React's development build leaks memory as it runs.
		'process.env.NODE_ENV': '"production"',
		// The program uses no network. If there is a fetch, yoga decodes its WebAssembly with it, and Node loads its
		// whole HTTP client: 60 ms.
		fetch: 'undefined',
	},
	// CommonJS packages load Node's modules with require.
	banner: {
		js: "import {createRequire as requireFrom} from 'node:module'; const require = requireFrom(import.meta.url);",
	},
	// koffi is optional, and has native code.
	external: ['react-devtools-core', 'koffi'],
	metafile: true,
	logLevel: 'warning',
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
