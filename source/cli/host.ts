// dmascope host: a dashboard on a terminal; in a pipe, text or JSON.

import path from 'node:path';
import {isFreebsd, readFreebsd} from '../live/freebsd/freebsd-host.js';
import {FreebsdMachine, freebsdJson} from '../live/freebsd/freebsd-machine.js';
import {captureHost, treeAt} from '../live/host/capture.js';
import {
	openHost,
	openTracing,
	printComparison,
	printHost,
	printPreflight,
	printRoute,
} from '../live/host/open.js';
import {hostLines} from '../live/host/report.js';
import {streamEvents} from '../live/host/trace-log.js';
import {jsonLines, type Print} from '../text/print.js';
import {UserError} from '../user-error.js';
import {checkDisplay, exitOnSignals, onTerminal} from './dashboard.js';
import {displayFlags, type Given} from './flags.js';

/** @returns the exit code @throws UserError */
export async function host(words: readonly string[], given: Given, out: Print, err: Print): Promise<number> {
	const old = given.text('compare');
	const first = given.text('between');
	const more = words.slice(old === undefined && first === undefined ? 0 : 1);
	if (more.length > 0) throw new UserError(`host takes no arguments; leave out "${more.join(' ')}".`);
	const [root, capture, json] = [given.text('root'), given.text('capture'), given.has('json')];
	if (first !== undefined) {
		if (words[0] === undefined)
			throw new UserError('--between needs two functions: dmascope host --between 01:00.0 02:00.0');
		checkLinux('between', [root]);
		await printRoute(root, [first, words[0]], json, out);
		return 0;
	}
	if (old !== undefined) {
		const now = words[0] ?? root;
		checkLinux('compare', [old, now]);
		return printComparison(old, now, json, out);
	}
	const device = given.text('device');
	if (device !== undefined) {
		checkLinux('device', [root]);
		return printPreflight(root, device, json, out);
	}
	const display = displayFlags(given);
	const freebsd = root === undefined || given.has('trace') ? undefined : freebsdAt(root);
	const interactive = onTerminal() && !json && capture === undefined;
	if (!interactive) await checkDisplay(display);
	if (freebsd !== undefined) return captured(freebsd, given, interactive, out);
	if (capture !== undefined) {
		await captureHost(root, capture, given.has('force'), out, given.has('tables'));
		return 0;
	}
	if (!interactive && given.has('trace')) return stream(root, json, out, err);
	const machine = await openHost({
		root,
		log: given.text('log'),
		every: given.text('every'),
		trace: given.has('trace'),
	});
	try {
		// By default a signal would leave the tracing instance behind.
		if (interactive && given.has('trace')) exitOnSignals();
		if (interactive) return await (await import('../ui/dashboard.js')).dashboard(machine, display);
		await printHost(machine, json, out);
		return 0;
	} finally {
		machine.close();
	}
}

/** @throws UserError if one of them is a capture of a FreeBSD host, which has no groups */
function checkLinux(flag: string, roots: readonly (string | undefined)[]): void {
	const other = roots.find(root => root !== undefined && isFreebsd(treeAt(root)()));
	if (other !== undefined)
		throw new UserError(`${other} is a capture of FreeBSD; --${flag} needs one of a Linux host.`);
}

/** A capture of a FreeBSD host, made by the script of capture-script. */
function freebsdAt(root: string): FreebsdMachine | undefined {
	const source = treeAt(root)();
	return isFreebsd(source)
		? new FreebsdMachine(readFreebsd(source), `host ${path.basename(root)}`)
		: undefined;
}

async function captured(
	machine: FreebsdMachine,
	given: Given,
	interactive: boolean,
	out: Print,
): Promise<number> {
	for (const flag of ['capture', 'log', 'every'] as const)
		if (given.has(flag))
			throw new UserError(
				`--${flag} is for Linux hosts; this is a capture of FreeBSD, made by capture-script.`,
			);
	if (interactive) return (await import('../ui/dashboard.js')).dashboard(machine, displayFlags(given));
	const {host: facts} = machine.state();
	if (facts) out(given.has('json') ? jsonLines(freebsdJson(machine.host)) : hostLines(facts, undefined));
	return 0;
}

/** Prints events until Ctrl-C, or until the reader closes the pipe. */
async function stream(root: string | undefined, json: boolean, out: Print, err: Print): Promise<number> {
	const tracing = openTracing(root);
	const stop = new AbortController();
	for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => stop.abort());
	try {
		await streamEvents(tracing, {json, stop: stop.signal}, out, err);
		return 0;
	} finally {
		tracing.close();
	}
}
