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
const {messageOf, UserError} = await import('./source/user-error.js');

const HELP = `
	Usage
	  $ dmascope                    the dashboard; in a pipe, a snapshot as text
	  $ dmascope --json             the snapshot as JSON
	  $ dmascope run SCENARIO       a scenario file, or one that ships: pr-260178
	  $ dmascope host               this Linux host: its IOMMUs, groups, devices and who has them

	Options
	  --disk PATH         a disk image, partition or block device as ada0 (a sample is made without it)
	  --writable          let guests write to the disk; never to one that is in use
	  --host-memory SIZE  memory of the host, a quarter of it for each guest (256M)
	  --policy NAME       start under remove (before D34607), keep (D34607) or bounce (D34535)
	  --iommu FAMILY      vt-d, amd-vi or none (vt-d)
	  --hba WORD          what the disk's controller says where it cannot read memory: silent or error (silent)
	  --json              JSON instead of text or the dashboard

	This Linux host
	  --root PATH         look at a copy below a folder, or at a capture, instead
	  --capture FILE      keep what is read as a tar file, to look at it elsewhere

	The dashboard
	  --theme NAME        dark, light, colour-blind or plain; NO_COLOR is heeded
	  --ascii             signs and borders of ASCII alone
	  --mouse             click to focus, wheel to scroll
	  --large             fewer, larger panels, for a projector
	  --config FILE       settings and keys, if not from ~/.config/dmascope/config.yaml

	Exit codes
	  0  all well; with run, every expectation held
	  1  an expectation did not hold
	  2  the command line or a file is wrong
`;

const VALUED = /^--(disk|host-memory|policy|iommu|hba|theme|config|root|capture)=?$/;
const KNOWN = [
	'disk',
	'writable',
	'hostMemory',
	'policy',
	'iommu',
	'hba',
	'json',
	'theme',
	'ascii',
	'large',
	'mouse',
	'config',
	'root',
	'capture',
	'help',
	'version',
];

/** Flags and words of the command line. @throws UserError where they make no sense */
function parse() {
	const bare = process.argv.find(word => /^--(json|writable|ascii|large|mouse)=/.test(word));
	if (bare !== undefined)
		throw new UserError(`${bare.split('=')[0]} takes no value; leave out ${bare.slice(bare.indexOf('='))}.`);
	const valueless = process.argv.find(
		(word, i, words) => VALUED.test(word) && (words[i + 1] ?? '--').startsWith('--'),
	);
	if (valueless !== undefined) throw new UserError(`${valueless} needs a value; dmascope --help says which.`);
	const cli = meow(HELP, {
		importMeta: import.meta,
		flags: {
			disk: {type: 'string', isMultiple: true},
			writable: {type: 'boolean', default: false},
			hostMemory: {type: 'string', isMultiple: true},
			policy: {type: 'string', isMultiple: true},
			iommu: {type: 'string', isMultiple: true},
			hba: {type: 'string', isMultiple: true},
			json: {type: 'boolean', default: false},
			theme: {type: 'string', isMultiple: true},
			ascii: {type: 'boolean', default: false},
			large: {type: 'boolean', default: false},
			mouse: {type: 'boolean', default: false},
			config: {type: 'string', isMultiple: true},
			root: {type: 'string', isMultiple: true},
			capture: {type: 'string', isMultiple: true},
		},
	});
	const unknown = Object.keys(cli.flags).find(flag => !KNOWN.includes(flag));
	if (unknown !== undefined) {
		throw new UserError(`There is no flag ${dashed(unknown)}; dmascope --help lists those there are.`);
	}
	const once = (
		name: 'disk' | 'hostMemory' | 'policy' | 'iommu' | 'hba' | 'theme' | 'config' | 'root' | 'capture',
	): string | undefined => {
		const values = cli.flags[name] ?? [];
		if (values.length > 1)
			throw new UserError(`${dashed(name)} is given ${values.length} times; give it once.`);
		return values[0];
	};
	const {json, writable} = cli.flags;
	const lab = {
		disk: once('disk'),
		writable,
		hostMemory: once('hostMemory'),
		policy: once('policy'),
		iommu: once('iommu'),
		hba: once('hba'),
	};
	const look = {
		theme: once('theme'),
		config: once('config'),
		ascii: cli.flags.ascii || undefined,
		large: cli.flags.large || undefined,
		mouse: cli.flags.mouse || undefined,
	};
	const host = {root: once('root'), capture: once('capture'), json};
	return {input: cli.input, json, lab, look, host};
}

function dashed(flag: string): string {
	const name = flag.replace(/[A-Z]/g, letter => `-${letter.toLowerCase()}`);
	return `${name.length === 1 ? '-' : '--'}${name}`;
}

async function main(): Promise<number> {
	const {input, json, lab: flags, look, host} = parse();
	const [command, ...rest] = input;
	if (command !== 'host' && (host.root ?? host.capture) !== undefined)
		throw new UserError('--root and --capture are for dmascope host.');
	if (command === 'host') {
		if (rest.length > 0) throw new UserError('host takes no words; a capture is named with --root.');
		const {runHost} = await import('./source/live/host/command.js');
		return runHost(host);
	}
	if (command !== undefined && command !== 'run') {
		throw new UserError(`There is no command "${command}"; dmascope --help lists those there are.`);
	}
	if (command === 'run' && rest.length !== 1) {
		throw new UserError(
			'run takes one scenario, a file or the name of one that ships, such as: dmascope run pr-260178',
		);
	}

	if (command === 'run') {
		const {runScenario} = await import('./source/lab/run.js');
		return runScenario(flags, rest[0], json, printTo(process.stdout), printTo(process.stderr));
	}
	const {openLab} = await import('./source/lab/open.js');
	const lab = openLab(flags);
	try {
		const interactive = process.stdin.isTTY && process.stdout.isTTY && process.env.TERM !== 'dumb';
		if (interactive && !json) {
			lab.keepHistory(() => performance.now());
			const {dashboard} = await import('./source/ui/dashboard.js');
			return await dashboard(lab, look);
		}
		const {snapshotJson, snapshotText} = await import('./source/seam/snapshot.js');
		process.stdout.write(json ? `${JSON.stringify(snapshotJson(lab), undefined, 2)}\n` : snapshotText(lab));
		return 0;
	} finally {
		lab.close();
	}
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
