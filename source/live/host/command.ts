// dmascope host: this Linux host, or another's capture.

import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import {jsonLines, type Print} from '../../print.js';
import {errnoOf, messageOf, UserError} from '../../user-error.js';
import {plural, sizeText} from '../../words.js';
import {milliseconds} from '../every.js';
import {asking} from '../host-devices.js';
import {KernelLog, OWN_LOG} from '../kernel-log.js';
import {checkLog} from '../log-input.js';
import {Capture} from './capture.js';
import {Disk} from './disk.js';
import {type Gap, readHost, readingHost, remembering} from './host.js';
import {hostJson} from './json.js';
import {HostMachine} from './machine.js';
import {entriesOf} from './tar.js';
import {hostLines} from './text.js';
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

/** A folder, which may change, or a tar file that --capture has made. @throws UserError where it is neither */
export function treeAt(root: string): () => Source {
	const opened = (): Source => {
		try {
			const stats = fs.statSync(root);
			if (stats.isDirectory()) return new Disk(root);
			// /dev/zero would be read for ever.
			if (!stats.isFile()) throw new Error('it is neither a folder nor a file');
			const files = new Files();
			for (const {path, kind, text, readable} of entriesOf(fs.readFileSync(root)))
				files.add(path, kind, text, readable);
			return files;
		} catch (error) {
			const why = errnoOf(error) === 'ENOENT' ? 'there is nothing' : messageOf(error);
			throw new UserError(
				`--root ${root}: ${why}${error instanceof UserError ? '' : '; name a folder, or a file that --capture has made.'}`,
			);
		}
	};
	const first = opened();
	return first instanceof Disk ? opened : () => first;
}

/** Keeps what is read of a host as a tar file. @throws UserError */
export function captureHost(root: string | undefined, file: string, print: Print): void {
	const recorded = new Capture();
	readHost(new Tree(root === undefined ? ownTree() : treeAt(root)(), recorded));
	const tar = recorded.tar();
	try {
		fs.writeFileSync(file, tar);
	} catch (error) {
		throw new UserError(`--capture ${file}: ${messageOf(error)}; name a file that can be written.`);
	}
	const contents = recorded.contents();
	print(contents.map(({path, text, kind}) => (kind === 'link' ? `${path} → ${text}` : path)));
	print(
		`${file}: ${plural(contents.length, 'file')} and links, ${sizeText(tar.length)}; look at it with dmascope host --root ${file}`,
	);
}

/** The host once, as text or as JSON. */
export async function printHost(machine: HostMachine, json: boolean, print: Print): Promise<void> {
	await machine.readLog();
	const {host: words, told} = machine.state();
	if (words === undefined) return;
	print(json ? jsonLines(hostJson(machine.host, words, told)) : hostLines(words, told));
}
