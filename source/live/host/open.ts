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
import {compareHosts} from './compare.js';
import {hostFacts} from './describe.js';
import {deviceLookup} from './device-lookup.js';
import {isBridge} from './devices.js';
import type {Gap} from './host.js';
import {hostJson, portJson} from './json.js';
import {HostTables} from './kcore/host-tables.js';
import {openTables, savedIn} from './kcore/open-tables.js';
import {isListing} from './listing.js';
import {HostMachine} from './machine.js';
import {deviceNamed, preflight} from './preflight/preflight.js';
import {preflightJson, preflightLines} from './preflight/report.js';
import {hostCache, readHost} from './read-host.js';
import {comparisonLines, hostLines, routeLines} from './report.js';
import {routeBetween} from './topology.js';
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
	// Without an IOMMU there are no tables, and nobody misses any.
	const hasUnit = tree().list('/sys/class/iommu').length > 0;
	const tables = !hasUnit ? undefined : root === undefined ? await openTables(now) : savedIn(tree(), now);
	const noTables = tables === undefined ? NO_TABLES : 'what' in tables ? tables : undefined;
	const withoutTables = hasUnit && noTables !== undefined ? [noTables] : [];
	return HostMachine.open({
		title: `host ${root === undefined ? os.hostname() : path.basename(root)}`,
		read: async () => readHost(tree(), cache),
		pause: isCapture ? undefined : pause,
		now,
		clock: () => new Date().toTimeString().slice(0, 8),
		log: file === undefined ? undefined : new KernelLog(file, deviceLookup(true, tree)),
		gaps: [
			...withoutTables,
			...(file === undefined ? [NO_LOG] : []),
			...(root === undefined && !trace ? [NO_TRACE] : []),
		],
		preflight: (host, device) => preflight(tree(), host, device),
		...(tables instanceof HostTables ? {tables} : {}),
		...(trace ? {tracing: new TraceLog(openTracing(root), monotonic)} : {}),
	});
}

const NO_LOG: Gap = {
	what: 'faults: a capture has no kernel log',
	how: 'save that machine’s log too (dmesg >FILE), and add --log FILE',
};

const NO_TABLES: Gap = {
	what: 'page tables: a capture has them only if asked',
	how: 'capture that machine again: sudo dmascope host --capture FILE.tar --tables',
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

/** Prints which way two functions reach each other. @throws UserError */
export async function printRoute(
	root: string | undefined,
	[a, b]: readonly [string, string],
	json: boolean,
	print: Print,
): Promise<void> {
	const host = await readHost(new Tree(root === undefined ? ownTree() : treeAt(root)()));
	const [one, other] = [a, b].map(name => deviceNamed(host.devices, name));
	if (one === other) throw new UserError(`--between needs two functions, and both are ${a}.`);
	const bridge = [one, other].find(isBridge);
	if (bridge !== undefined)
		throw new UserError(`${bridge.id} is a bridge; name the devices behind it, as dmascope host lists them.`);
	const {through, words, ports} = routeBetween(host.topology, one.id, other.id);
	if (json) {
		const way = ports.map(port => ({id: port.device.id, ...portJson(port)}));
		print(jsonLines({between: [one.id, other.id], through, words, ports: way}));
	} else print(routeLines(one, other, words, ports));
}

/** Prints what differs between two hosts, or a host and this machine. @returns the exit code @throws UserError */
export async function printComparison(
	old: string,
	now: string | undefined,
	json: boolean,
	print: Print,
): Promise<number> {
	const read = (root: string | undefined) =>
		readHost(new Tree(root === undefined ? ownTree() : treeAt(root)()));
	const changes = compareHosts(await read(old), await read(now));
	const name = now ?? 'this machine';
	print(json ? jsonLines({old, now: now ?? null, changes}) : comparisonLines(changes, old, name));
	return changes.length === 0 ? 0 : 1;
}

/** Whether a file is a listing of groups, such as forum scripts print; a pipe is not looked into. */
export function isListingFile(file: string): boolean {
	try {
		if (!fs.statSync(file).isFile()) return false;
		const descriptor = fs.openSync(file, fs.constants.O_RDONLY);
		try {
			const bytes = Buffer.alloc(4096);
			return isListing(bytes.toString('utf8', 0, fs.readSync(descriptor, bytes)));
		} finally {
			fs.closeSync(descriptor);
		}
	} catch {
		return false;
	}
}

/** Prints the host of a listing. @throws UserError */
export async function printListing(file: string, json: boolean, print: Print): Promise<void> {
	const host = await readHost(new Tree(treeAt(file)()));
	const facts = hostFacts(host);
	print(json ? jsonLines(hostJson(host, facts)) : hostLines(facts, undefined));
}

/** Prints whether a function can be given to a VM. @returns the exit code @throws UserError */
export async function printPreflight(
	root: string | undefined,
	device: string,
	json: boolean,
	print: Print,
): Promise<number> {
	const source = root === undefined ? ownTree : treeAt(root);
	const tree = new Tree(source());
	const found = preflight(tree, await readHost(tree), device);
	print(json ? jsonLines(preflightJson(found)) : preflightLines(found));
	return found.ready ? 0 : 1;
}

/** Prints the host once, as text or JSON. */
export async function printHost(machine: HostMachine, json: boolean, print: Print): Promise<void> {
	await machine.readLog();
	const state = machine.state();
	const {host: facts, logged} = state;
	if (facts === undefined) return;
	const found = hostJson(machine.host, facts, machine.memory, state);
	print(json ? jsonLines(versioned(found)) : hostLines(facts, logged));
}
