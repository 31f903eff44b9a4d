#!/usr/bin/env node
// The door: which Node this is, where text goes, and what to do when it goes nowhere.

import module from 'node:module';
import path from 'node:path';

// Else Node opens its debugger on a port.
process.on('SIGUSR1', () => {});

// Node 22.2 is the first with zlib.crc32, and an older one could not even load the modules below.
const [major, minor] = process.versions.node.split('.').map(Number);
if (major < 22 || (major === 22 && minor < 2)) {
	process.stderr.write(
		`dmascope: Node ${process.versions.node} is too old; upgrade to Node 22.2 or later.\n`,
	);
	process.exit(2);
}
// What is imported from here on is compiled once and then kept by Node: a third of the time to the first frame.
const {cacheFolder} = await import('./source/cache-folder.js');
const cache = cacheFolder();
// Node's own place for it is in the folder for temporary files, where others may have laid code to be run.
if (cache !== undefined) module.enableCompileCache?.(path.join(cache, 'compiled'));
const {main} = await import('./source/cli/main.js');
const {printTo} = await import('./source/text/print.js');
const {printable} = await import('./source/printable.js');

/** A reader that has seen enough (head, less) closes the pipe; that is no error. */
function failed(error: NodeJS.ErrnoException): never {
	if (error.code !== 'EPIPE' && !process.stderr.errored)
		err(`dmascope: the output cannot be written: ${error.message}`);
	process.exit(error.code === 'EPIPE' ? 0 : 2);
}
const out = printTo(process.stdout, failed);
const err = printTo(process.stderr, failed);
process.stdout.on('error', failed);
process.stderr.on('error', failed);
// Node prints an error that nobody catches as it is, with its stack.
process.on('uncaughtExceptionMonitor', error => {
	if (error instanceof Error) error.stack = error.stack?.split('\n').map(printable).join('\n');
});

process.exitCode = await main(process.argv.slice(2), import.meta, out, err);
