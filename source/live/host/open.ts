// dmascope host: this Linux host, or another's capture.

import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import {
	checkNew,
	compressionOf,
	createNew,
	type FileKind,
	type NewOptions,
	readRegular,
} from '../../files.js';
import {jsonLines, type Print} from '../../print.js';
import {errnoOf, messageOf, UserError} from '../../user-error.js';
import {plural, sizeText} from '../../words.js';
import {milliseconds} from '../every.js';
import {asking} from '../host-devices.js';
import {KernelLog, OWN_LOG} from '../kernel-log.js';
import {checkLog} from '../log-input.js';
import {Capture} from './capture.js';
import {type Gap, readHost, readingHost, remembering} from './host.js';
import {hostJson} from './json.js';
import {HostMachine} from './machine.js';
import {Disk} from './own-files.js';
import {hostLines} from './report.js';
import {entriesOf, isCapture} from './tar.js';
import {TraceLog} from './trace-log.js';
import {Tracing} from './tracing.js';
import {Files, type Source, Tree} from './tree.js';

export type HostFlags = {root?: string; log?: string; every?: string; trace: boolean};

const EVERY_MS = 2000;
/** Of a large host a look takes long: it is a hundredth of the time at most. */
const SHARE = 100;
const seldom = (took: number): number => Math.max(EVERY_MS, SHARE * took);

/** @throws UserError where there is no such tree, or no Linux */
export function openHost({root, log, every, trace}: HostFlags): HostMachine {
	const source = root === undefined ? ownTree : treeAt(root);
	if (log !== undefined) checkLog(log);
	const interval = every === undefined ? undefined : milliseconds(every);
	const file = log ?? (root === undefined ? OWN_LOG : undefined);
	const now = () => performance.now();
	const remembered = remembering(now);
	return new HostMachine({
		title: `host ${root === undefined ? os.hostname() : path.basename(root)}`,
		read: () => readingHost(new Tree(source()), remembered),
		// A capture stays as it is.
		pace: root !== undefined && fs.statSync(root).isFile() ? undefined : took => interval ?? seldom(took),
		now,
		clock: () => new Date().toTimeString().slice(0, 8),
		log:
			file === undefined
				? undefined
				: new KernelLog(
						file,
						asking(true, () => new Tree(source())),
					),
		gaps: [...(file === undefined ? [NO_LOG] : []), ...(root === undefined && !trace ? [NO_TRACE] : [])],
		...(trace ? {tracing: new TraceLog(openTracing(root), monotonic)} : {}),
	});
}

const NO_LOG: Gap = {
	what: 'faults: a capture has no kernel log',
	how: 'keep that machine’s log too (dmesg >FILE), and add --log FILE',
};

const NO_TRACE: Gap = {
	what: 'what the kernel maps and unmaps, as it happens',
	how: 'sudo dmascope host --trace',
};

/** Seconds of CLOCK_MONOTONIC, as events have them. */
const monotonic = (): number => Number(process.hrtime.bigint()) / 1e9;

/** @throws UserError where this kernel, or whoever asks, has no tracing */
export function openTracing(root: string | undefined): Tracing {
	if (root !== undefined) throw new UserError('--trace is of this machine’s own kernel; leave out --root.');
	const tracing = Tracing.open();
	// Its instance is to go however the program ends: a closed pipe, a crash.
	process.once('exit', () => tracing.close());
	return tracing;
}

function ownTree(): Source {
	if (process.platform !== 'linux')
		throw new UserError(
			`dmascope host reads Linux’s /sys, and this is ${process.platform}; look at a capture: dmascope host --root FILE.tar`,
		);
	return new Disk('/');
}

/** Every Linux has one of these, and every capture what was found of them. */
const KNOWN = [
	'/proc/cmdline',
	'/proc/cpuinfo',
	'/proc/sys/kernel/osrelease',
	'/sys/class/iommu',
	'/sys/bus/pci/devices',
	'/sys/kernel/iommu_groups',
];
const CAPTURE: FileKind = {name: 'a capture', matches: isCapture};
/** More than a capture of a thousand devices, with as much of their page tables as is read. */
const CAPTURE_BYTES = 2 ** 28;
const MEND = 'name a folder, or a file that --capture has made';

/** A folder, which may change, or a tar file that --capture has made. @throws UserError where it is neither */
export function treeAt(root: string): () => Source {
	const isFolder = attempt(root, () => fs.statSync(root).isDirectory());
	if (!isFolder) {
		const files = filesIn(root);
		return () => files;
	}
	return () => checked(root, new Disk(root));
}

function filesIn(root: string): Source {
	const tar = attempt(root, () => readRegular(root, {limit: CAPTURE_BYTES, mend: MEND}));
	const compression = compressionOf(tar);
	if (compression)
		throw new UserError(
			`${root} is compressed (${compression.name}); decompress it first: ${compression.cat} ${root} >capture.tar`,
		);
	const files = new Files();
	for (const {path, kind, text, readable} of entriesOf(tar, root)) files.add(path, kind, text, readable);
	return checked(root, files);
}

/** Without any of these files, everything would seem to be switched off. @throws UserError */
function checked(root: string, source: Source): Source {
	if (!KNOWN.some(path => source.kind(path) !== undefined))
		throw new UserError(`${root} holds none of the files of a Linux host; ${MEND}.`);
	return source;
}

function attempt<T>(root: string, work: () => T): T {
	try {
		return work();
	} catch (error) {
		if (error instanceof UserError) throw error;
		if (errnoOf(error) === 'ENOENT') throw new UserError(`${root} does not exist; ${MEND}.`);
		throw new UserError(`${root} cannot be read: ${messageOf(error)}; ${MEND}.`);
	}
}

/** Keeps what is read of a host as a tar file. @throws UserError */
export function captureHost(root: string | undefined, file: string, force: boolean, print: Print): void {
	const options: NewOptions = {
		// It names programs and virtual machines, and other users need not know of them.
		mode: 0o600,
		inputs: root === undefined ? [] : [root],
		replaces: {kind: CAPTURE, force},
	};
	checkNew(file, options);
	const recorded = new Capture();
	readHost(new Tree(root === undefined ? ownTree() : treeAt(root)(), recorded));
	const tar = recorded.tar();
	createNew(file, tar, options);
	const contents = recorded.contents();
	print(contents.map(({path, text, kind}) => (kind === 'link' ? `${path} → ${text}` : path)));
	print(
		`${file}: ${plural(contents.length, 'file')} and links, ${sizeText(tar.length)}; look at it with dmascope host --root ${file}`,
	);
}

/** The host once, as text or as JSON. */
export async function printHost(machine: HostMachine, json: boolean, print: Print): Promise<void> {
	await machine.readLog();
	const {host: words, logged} = machine.state();
	if (words === undefined) return;
	print(json ? jsonLines(hostJson(machine.host, words, logged)) : hostLines(words, logged));
}
