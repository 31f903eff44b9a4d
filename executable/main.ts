// What a single executable of Node 24 starts with. It has to be CommonJS and can import nothing but Node's own modules,
// so the program, an ES module, is handed to Node's usual loader.
// https://nodejs.org/docs/latest-v24.x/api/single-executable-applications.html

import {enableCompileCache, registerHooks} from 'node:module';
import path from 'node:path';
import {getAsset} from 'node:sea';
import {pathToFileURL} from 'node:url';
import vm from 'node:vm';
import {cacheFolder} from '../source/cache-folder.js';

// Compiled once and then kept by Node, as cli.tsx has it.
const cache = cacheFolder();
if (cache !== undefined) enableCompileCache(path.join(cache, 'compiled'));

/** As if it lay beside the executable: there koffi may be, in node_modules. */
const program = pathToFileURL(path.join(path.dirname(process.execPath), 'dmascope.mjs')).href;
registerHooks({
	resolve: (name, context, next) =>
		name === program ? {url: name, format: 'module', shortCircuit: true} : next(name, context),
	load: (url, context, next) =>
		url === program
			? {format: 'module', source: getAsset('dmascope.mjs', 'utf8'), shortCircuit: true}
			: next(url, context),
});

// Node warns that the way to its loader is experimental; this Node comes with the program, and will not change.
const {emitWarning} = process;
process.emitWarning = () => {};
const load: unknown = new vm.Script('url => import(url)', {
	importModuleDynamically: vm.constants.USE_MAIN_CONTEXT_DEFAULT_LOADER,
}).runInThisContext();
if (typeof load === 'function') load(program);
process.emitWarning = emitWarning;
