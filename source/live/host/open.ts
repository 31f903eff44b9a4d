// dmascope host: this Linux host, or the capture of another.

import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import {jsonLines, type Print, versioned} from '../../text/print.js';
import {UserError} from '../../user-error.js';
import {KernelLog, OWN_LOG} from '../kernel-log.js';
import {checkLog} from '../log-input.js';
import {parseInterval} from '../observation.js';
import {ownTree, treeAt} from './capture.js';
import {deviceLookup} from './device-lookup.js';
import type {Gap} from './host.js';
import {hostJson} from './json.js';
import {HostMachine} from './machine.js';
import {hostCache, readHost} from './read-host.js';
import {hostLines} from './report.js';
import {TraceLog} from './trace-log.js';
import {Tracing} from './tracing.js';
import {Tree} from './tree.js';

export type HostFlags = {root?: string; log?: string; every?: string; trace: boolean};

const EVERY_MS = 2000;
/** A large host takes long to read: reading takes at most one hundredth of the time. */
const SHARE = 100;

/** @throws UserError if there is no such tree, or no Linux */
export async function openHost({root, log, every, trace}: HostFlags): Promise<HostMachine> {
	const source = root === undefined ? ownTree : treeAt(root);
	if (log !== undefined) checkLog(log);
	const interval = every === undefined ? undefined : parseInterval(every);
	const pause = (took: number) => interval ?? Math.max(EVERY_MS, SHARE * took);
	const isCapture = root !== undefined && fs.statSync(root).isFile();
	const file = log ?? (root === undefined ? OWN_LOG : undefined);
	const now = () => performance.now();
	const cache = hostCache(now);
	const tree = () => new Tree(source());
	return HostMachine.open({
		title: `host ${root === undefined ? os.hostname() : path.basename(root)}`,
		read: async () => readHost(tree(), cache),
		pause: isCapture ? undefined : pause,
		now,
		clock: () => new Date().toTimeString().slice(0, 8),
		log: file === undefined ? undefined : new KernelLog(file, deviceLookup(true, tree)),
		gaps: [...(file === undefined ? [NO_LOG] : []), ...(root === undefined && !trace ? [NO_TRACE] : [])],
		...(trace ? {tracing: new TraceLog(openTracing(root), monotonic)} : {}),
	});
}

const NO_LOG: Gap = {
	what: 'faults: a capture has no kernel log',
	how: 'save that machine’s log too (dmesg >FILE), and add --log FILE',
};

const NO_TRACE: Gap = {
	what: 'the kernel’s maps and unmaps as they happen',
	how: 'sudo dmascope host --trace',
};

/** CLOCK_MONOTONIC in seconds, the clock of the events. */
const monotonic = (): number => Number(process.hrtime.bigint()) / 1e9;

/** @throws UserError if the kernel has no tracing, or does not allow it */
export function openTracing(root: string | undefined): Tracing {
	if (root !== undefined)
		throw new UserError('--trace works only on this machine’s own kernel; remove --root.');
	const tracing = Tracing.open();
	// Remove the tracing instance however the program ends: a closed pipe, a crash.
	process.once('exit', () => tracing.close());
	return tracing;
}

/** Prints the host once, as text or JSON. */
export async function printHost(machine: HostMachine, json: boolean, print: Print): Promise<void> {
	await machine.readLog();
	const {host: facts, logged} = machine.state();
	if (facts === undefined) return;
	print(json ? jsonLines(versioned(hostJson(machine.host, facts, logged))) : hostLines(facts, logged));
}
