#!/usr/bin/env node
// The door: flags and commands, then a lazy import of what was asked for.

import module from 'node:module';

const NODE = 22;
if (Number.parseInt(process.versions.node, 10) < NODE) {
	process.stderr.write(
		`dmascope: it needs Node ${NODE} or later and this is ${process.versions.node}; upgrade Node.\n`,
	);
	process.exit(2);
}
// What is imported from here on is compiled once and then kept by Node: a third of the time to the first frame.
module.enableCompileCache?.();
const {default: meow} = await import('meow');

const HELP = `
	Where did that DMA land?

	Usage
	  $ dmascope                    the dashboard; in a pipe, a snapshot as text
	  $ dmascope --json             the snapshot as JSON
	  $ dmascope run SCENARIO       a scenario file, or one that ships: pr-260178

	Options
	  --disk PATH         a disk image, partition or block device as ada0 (a sample is made without it)
	  --writable          let guests write to the disk; never to one that is in use
	  --host-memory SIZE  memory of the host, a quarter of it for each guest (256M)
	  --policy NAME       start under remove (before D34607), keep (D34607) or bounce (D34535)
	  --json              JSON instead of text or the dashboard

	Exit codes
	  0  all well; with run, every expectation held
	  1  an expectation did not hold
	  2  the command line or a file is wrong
`;

const cli = meow(HELP, {
	importMeta: import.meta,
	flags: {
		disk: {type: 'string'},
		writable: {type: 'boolean', default: false},
		hostMemory: {type: 'string', default: '256M'},
		policy: {type: 'string', default: 'remove'},
		json: {type: 'boolean', default: false},
	},
});

const KNOWN = ['disk', 'writable', 'hostMemory', 'policy', 'json', 'help', 'version'];

async function main(): Promise<number> {
	const {UserError} = await import('./source/user-error.js');
	const unknown = Object.keys(cli.flags).find(flag => !KNOWN.includes(flag));
	if (unknown !== undefined) {
		const name = unknown.replace(/[A-Z]/g, letter => `-${letter.toLowerCase()}`);
		throw new UserError(
			`There is no flag ${name.length === 1 ? '-' : '--'}${name}; dmascope --help lists those there are.`,
		);
	}
	const [command, ...rest] = cli.input;
	if (command !== undefined && command !== 'run') {
		throw new UserError(`There is no command "${command}"; dmascope --help lists those there are.`);
	}
	if (command === 'run' && rest.length !== 1) {
		throw new UserError(
			'run takes one scenario, a file or the name of one that ships, such as: dmascope run pr-260178',
		);
	}

	const {openLab} = await import('./source/lab/open.js');
	const lab = openLab(cli.flags);
	try {
		if (command === 'run') {
			const {runScenario} = await import('./source/lab/run.js');
			return runScenario(lab, rest[0], cli.flags.json, printTo(process.stdout), printTo(process.stderr));
		}
		const interactive = process.stdin.isTTY && process.stdout.isTTY && process.env.TERM !== 'dumb';
		if (interactive && !cli.flags.json) {
			// chalk, which Ink brings, does not know NO_COLOR.
			if (process.env.NO_COLOR) process.env.FORCE_COLOR = '0';
			const {dashboard} = await import('./source/ui/dashboard.js');
			return await dashboard(lab);
		}
		const {snapshotJson, snapshotText} = await import('./source/seam/snapshot.js');
		process.stdout.write(
			cli.flags.json ? `${JSON.stringify(snapshotJson(lab), undefined, 2)}\n` : snapshotText(lab),
		);
		return 0;
	} finally {
		lab.close();
	}
}

const printTo = (stream: NodeJS.WriteStream) => (line: string) => {
	stream.write(`${line}\n`);
};

// A reader that has seen enough (head, less) closes the pipe; that is no error.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
	if (error.code !== 'EPIPE') throw error;
	process.exit();
});

try {
	process.exitCode = await main();
} catch (error) {
	const {UserError, messageOf} = await import('./source/user-error.js');
	const known = error instanceof UserError;
	process.stderr.write(`dmascope: ${known ? '' : 'a fault of its own: '}${messageOf(error)}\n`);
	process.exitCode = known ? 2 : 70;
}
