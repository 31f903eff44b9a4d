// What esbuild puts in the place of modules that Ink is made of, so that frames cost less. The app sees none of it, and
// is as right without it: test/ui/terminal holds the two against each other.

import path from 'node:path';

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

/** @returns {import('esbuild').Plugin} */
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
				errors: [...unused].map(name => ({text: `Ink has no ${name}: change build-ink.mjs`})),
			}));
		},
	};
}
