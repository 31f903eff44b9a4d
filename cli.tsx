#!/usr/bin/env node
// The door: what was asked for, and how it ended.

import module from 'node:module';

// Node 22.2 is the first with zlib.crc32, and an older one could not even load the modules below.
const [major, minor] = process.versions.node.split('.').map(Number);
if (major < 22 || (major === 22 && minor < 2)) {
	process.stderr.write(
		`dmascope: Node ${process.versions.node} is too old; upgrade to Node 22.2 or later.\n`,
	);
	process.exit(2);
}
// What is imported from here on is compiled once and then kept by Node: a third of the time to the first frame.
module.enableCompileCache?.();
const {checkAsked, parse} = await import('./source/cli/parse.js');
const {messageOf, UserError} = await import('./source/user-error.js');

async function main(): Promise<number> {
	const asked = parse(process.argv.slice(2), import.meta);
	const {command, words, given} = asked;
	const out = printTo(process.stdout);
	if (given.has('version')) out(asked.package.version ?? 'unknown');
	else if (given.has('help'))
		out((await import('./source/cli/help.js')).helpText(command, asked.package.description));
	else {
		checkAsked(asked);
		return await command.run(words, given, out, printTo(process.stderr));
	}
	return 0;
}

const printTo = (stream: NodeJS.WriteStream) => (line: string) => {
	stream.write(`${line}\n`);
};

process.stdout.on('error', (error: NodeJS.ErrnoException) => {
	// A reader that has seen enough (head, less) closes the pipe; that is no error.
	if (error.code === 'EPIPE') process.exit();
	process.stderr.write(`dmascope: the output cannot be written: ${error.message}\n`);
	process.exit(2);
});

try {
	process.exitCode = await main();
} catch (error) {
	const known = error instanceof UserError;
	process.stderr.write(`dmascope: ${known ? '' : 'a fault of its own: '}${messageOf(error)}\n`);
	process.exitCode = known ? 2 : 70;
}
