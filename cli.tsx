#!/usr/bin/env node
// The entry point: checks the version of Node, and handles errors of the output.

import module from 'node:module';
import path from 'node:path';

// Otherwise Node opens its debugger on a port.
process.on('SIGUSR1', () => {});

// Node 22.2 is the first with zlib.crc32, and an older one could not even load the modules below.
const [major, minor] = process.versions.node.split('.').map(Number);
if (major < 22 || (major === 22 && minor < 2)) {
	process.stderr.write(
		`dmascope: Node ${process.versions.node} is too old; upgrade to Node 22.2 or later.\n`,
	);
	process.exit(2);
}
// Node caches the compiled code of all later imports, which saves a third of the time to the first frame.
const {cacheFolder} = await import('./source/cache-folder.js');
const cache = cacheFolder();
// Node's default is in the folder for temporary files, where other users could plant code.
if (cache !== undefined) module.enableCompileCache?.(path.join(cache, 'compiled'));
const {main} = await import('./source/cli/main.js');
const {printTo} = await import('./source/text/print.js');
const {printable} = await import('./source/printable.js');

/** A reader such as head may close the pipe early, which is not an error. */
function failed(error: NodeJS.ErrnoException): never {
	if (error.code !== 'EPIPE' && !process.stderr.errored)
		err(`dmascope: cannot write the output: ${error.message}`);
	process.exit(error.code === 'EPIPE' ? 0 : 2);
}
const out = printTo(process.stdout, failed);
const err = printTo(process.stderr, failed);
process.stdout.on('error', failed);
process.stderr.on('error', failed);
// Node prints uncaught errors unescaped, with their stacks.
process.on('uncaughtExceptionMonitor', error => {
	if (error instanceof Error) error.stack = error.stack?.split('\n').map(printable).join('\n');
});

process.exitCode = await main(process.argv.slice(2), import.meta, out, err);
