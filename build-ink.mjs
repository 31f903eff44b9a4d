// What esbuild puts in the place of modules of Ink, so that frames cost less. The app sees none of it, and is as right
// without it: test/ui/terminal holds the two against each other.

import path from 'node:path';

const HERE = path.join(import.meta.dirname, 'source/ui/terminal/ink');

/** Modules of Ink, and what is in their place. */
const REPLACED = {
	'./output.js': 'output.ts',
	'./log-update.js': 'log-update.ts',
	'./write-synchronized.js': 'log-update.ts',
};
/** Modules whose default export is a pure function of a text: it remembers what it said about the last texts. */
const MEMOISED = ['string-width', './sanitize-ansi.js'];

const INK = /\/node_modules\/ink\/build\//;

/** @returns {import('esbuild').Plugin} */
export function belowInk() {
	return {
		name: 'below-ink',
		setup(build) {
			const unused = new Set([...Object.keys(REPLACED), ...MEMOISED]);
			build.onResolve(
				{filter: /^(\.\/|string-width$)/},
				async ({path: name, importer, pluginData, ...from}) => {
					if (pluginData === belowInk || (name.startsWith('.') && !INK.test(importer))) return undefined;
					if (Object.hasOwn(REPLACED, name)) {
						unused.delete(name);
						return {path: path.join(HERE, REPLACED[name])};
					}
					if (!MEMOISED.includes(name)) return undefined;
					unused.delete(name);
					const {resolveDir, kind} = from;
					const {path: file} = await build.resolve(name, {importer, resolveDir, kind, pluginData: belowInk});
					return {path: file, namespace: 'memoised'};
				},
			);
			build.onLoad({filter: /.*/, namespace: 'memoised'}, ({path: file}) => ({
				resolveDir: HERE,
				contents: `
					import pure from ${JSON.stringify(file)};
					import {memoised} from './recent.ts';
					const ofText = memoised(text => pure(text));
					export default (text, options) =>
						options === undefined && typeof text === 'string' ? ofText(text) : pure(text, options);
				`,
			}));
			build.onEnd(() => ({
				errors: [...unused].map(name => ({text: `Ink has no ${name}: change build-ink.mjs`})),
			}));
		},
	};
}
