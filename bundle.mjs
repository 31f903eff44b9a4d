// How esbuild makes one program of ours, Ink and the rest: for dist/, and for tests of what is put below Ink there.

import path from 'node:path';

/** @type {import('esbuild').BuildOptions} */
export const options = {
	bundle: true,
	splitting: true,
	format: 'esm',
	platform: 'node',
	target: 'node22.2',
	// Literals stay what they are: esbuild would make each of them anew whenever it is come by.
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

/** Modules as Ink and others import them, and what is in their place. That itself gets the module. */
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
 * Puts modules of ours in the place of some that Ink is made of, so that frames cost less. The app sees none of it, and
 * is as right without it: test/ui/terminal holds the two against each other.
 * @returns {import('esbuild').Plugin}
 */
export function belowInk() {
	return {
		name: 'below-ink',
		setup(build) {
			const unused = new Set(Object.keys(REPLACED));
			build.onResolve({filter: /^(\.\.?\/.*\.js|string-width)$/}, ({path: name, importer}) => {
				const module = path.basename(name);
				if (!Object.hasOwn(REPLACED, module)) return undefined;
				const file = path.join(HERE, REPLACED[module]);
				if (importer === file || (name.startsWith('.') && !INK.test(importer))) return undefined;
				unused.delete(module);
				return {path: file};
			});
			build.onEnd(() => ({
				errors: [...unused].map(name => ({text: `Ink has no ${name}: change bundle.mjs`})),
			}));
		},
	};
}
