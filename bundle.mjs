// How esbuild bundles the program with Ink and its other packages: for dist/, and for tests of the faster Ink in it.

import path from 'node:path';

/** @type {import('esbuild').BuildOptions} */
export const options = {
	bundle: true,
	splitting: true,
	format: 'esm',
	platform: 'node',
	target: 'node22.2',
	// Node 22 has both. Otherwise esbuild turns /\p{…}/u into new RegExp(…), which runs at every character of a frame.
	supported: {'regexp-unicode-property-escapes': true, 'regexp-set-notation': true},
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
	logLevel: 'warning',
};

const HERE = path.join(import.meta.dirname, 'source/ui/terminal/ink');

/** Modules that make frames slow, and the files of ours that replace them. */
const REPLACED = {
	'output.js': 'output.ts',
	'log-update.js': 'log-update.ts',
	'write-synchronized.js': 'log-update.ts',
	'squash-text-nodes.js': 'squash-text-nodes.ts',
	'colorize.js': 'colorize.ts',
	'string-width': 'string-width.ts',
};
const INK = /\/node_modules\/ink\/build\//;

/**
 * Makes Ink faster: replaces modules of its own. The app does not notice: test/ui/terminal/same-cells.test.ts compares
 * the cells of terminals with and without it.
 * @returns {import('esbuild').Plugin}
 */
export function fastInk() {
	return {
		name: 'fast-ink',
		setup(build) {
			const unused = new Set(Object.keys(REPLACED));
			build.onResolve({filter: /^(\.\.?\/.*\.js|string-width)$/}, ({path: name, importer}) => {
				const module = path.basename(name);
				if (!Object.hasOwn(REPLACED, module)) return undefined;
				const file = path.join(HERE, REPLACED[module]);
				// The replacement may import the original.
				if (importer === file || (name.startsWith('.') && !INK.test(importer))) return undefined;
				unused.delete(module);
				return {path: file};
			});
			build.onEnd(() => ({
				errors: [...unused].map(name => ({text: `Ink does not import ${name}; update bundle.mjs.`})),
			}));
		},
	};
}
