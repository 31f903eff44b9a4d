// The IOMMU's maps and unmaps of this host as they happen: a tracing instance of our own, so that whatever else is being
// traced here goes on as it was (Linux's Documentation/trace/ftrace.rst, "Instances").

import fs from 'node:fs';
import path from 'node:path';
import {StringDecoder} from 'node:string_decoder';
import type {TraceEvent} from '../../machine/trace.js';
import {errnoOf, messageOf, UserError} from '../../user-error.js';
import {EVENTS, traceEvent} from './trace-events.js';

const PLACES = ['sys/kernel/tracing', 'sys/kernel/debug/tracing'];
const NAME = 'dmascope-';
/** What an instance takes over from the machine's settings, and what would make other lines of our events. */
// biome-ignore format: one line
const OPTIONS = ['context-info', 'record-cmd', 'nolatency-format', 'noraw', 'nohex', 'nobin', 'noverbose', 'nofields', 'nostacktrace'];
/** What one poll reads at most: some nine thousand events. What comes faster is lost in the kernel, and counted. */
const POLL_BYTES = 1 << 20;
/** A line is shorter than a page; what has no end by then is none. */
const LINE_CHARACTERS = 4096;

export class Tracing {
	/** Events that the kernel has thrown away, since they were not read in time; at least so many. */
	missed = 0;
	/** Why there are no events any more. */
	lost?: string;
	private readonly piece = Buffer.allocUnsafe(1 << 16);
	private readonly decoder = new StringDecoder('utf8');
	/** Of a line that has no end yet. */
	private begun = '';
	private closed = false;

	/** @throws UserError where this kernel, or whoever is asking, has no tracing */
	static open(root = '/'): Tracing {
		const tracefs = tracefsAt(root);
		if (!fs.existsSync(path.join(tracefs, 'events/iommu/map')))
			throw new UserError(
				'This kernel has no trace events of its IOMMUs; boot one that is built with CONFIG_FTRACE=y and CONFIG_IOMMU_SUPPORT=y.',
			);
		const instances = path.join(tracefs, 'instances');
		const instance = path.join(instances, `${NAME}${process.pid}`);
		removeDead(instances);
		try {
			fs.mkdirSync(instance);
		} catch (error) {
			throw refusal(error);
		}
		try {
			return new Tracing(instance, begin(instance));
		} catch (error) {
			remove(instance);
			throw refusal(error);
		}
	}

	private constructor(
		private readonly instance: string,
		private readonly descriptor: number,
	) {}

	/** What has happened since the last poll, as far as it has been read; never waits. */
	poll(): readonly TraceEvent[] {
		const events: TraceEvent[] = [];
		for (let left = POLL_BYTES; left > 0; ) {
			const bytes = this.read();
			if (bytes === 0) break;
			left -= bytes;
			const lines = (this.begun + this.decoder.write(this.piece.subarray(0, bytes))).split('\n');
			this.begun = lines.pop() ?? '';
			if (this.begun.length > LINE_CHARACTERS) this.begun = '';
			for (const line of lines) {
				const event = traceEvent(line);
				if (event !== undefined) events.push(event);
				else this.missed += missedBy(line);
			}
		}
		return events;
	}

	close(): void {
		if (this.closed) return;
		this.closed = true;
		// An instance that somebody else looks into cannot go; at least it costs nothing any more.
		attempt(() => write(this.instance, 'events/iommu/enable', '0'));
		fs.closeSync(this.descriptor);
		remove(this.instance);
	}

	/** @returns how many bytes there were; 0 where there are none for now */
	private read(): number {
		if (this.closed || this.lost !== undefined) return 0;
		try {
			return fs.readSync(this.descriptor, this.piece, 0, this.piece.length, null);
		} catch (error) {
			if (errnoOf(error) !== 'EAGAIN')
				this.lost = `The kernel’s trace cannot be read any more (${messageOf(error)}): start dmascope anew.`;
			return 0;
		}
	}
}

/** In place of events that were overwritten there is a line, which may not know how many they were. */
function missedBy(line: string): number {
	const [all, , count = '1'] = /^CPU:(\d{1,5}) \[LOST (?:(\d{1,15}) )?EVENTS\]$/.exec(line) ?? [];
	return all === undefined ? 0 : Number(count);
}

function tracefsAt(root: string): string {
	let found = '';
	for (const place of PLACES) {
		const folder = path.join(root, place);
		try {
			const names = fs.readdirSync(folder);
			if (names.includes('instances')) return folder;
			found ||= names.length > 0 ? 'another' : 'empty';
		} catch (error) {
			if (isRefusal(error)) throw refusal(error);
		}
	}
	if (found === 'another')
		throw new UserError('This kernel’s tracing has no instances; Linux has them since 3.10.');
	throw new UserError(
		found === 'empty'
			? 'The kernel’s tracing is not mounted; as root, on the host itself: mount -t tracefs tracefs /sys/kernel/tracing'
			: 'There is no /sys/kernel/tracing; look from the host itself, at a kernel that is built with CONFIG_FTRACE=y.',
	);
}

/** Prepares an instance and switches its events on. @returns its pipe */
function begin(instance: string): number {
	// A time that other programs know, and this one: CLOCK_MONOTONIC.
	write(instance, 'trace_clock', 'mono');
	for (const option of OPTIONS) attempt(() => write(instance, 'trace_options', option));
	const pipe = path.join(instance, 'trace_pipe');
	const descriptor = fs.openSync(pipe, fs.constants.O_RDONLY | fs.constants.O_NONBLOCK);
	try {
		for (const name of EVENTS.keys()) {
			const event = path.join('events/iommu', name);
			if (fs.existsSync(path.join(instance, event))) write(instance, path.join(event, 'enable'), '1');
		}
		return descriptor;
	} catch (error) {
		fs.closeSync(descriptor);
		throw error;
	}
}

/** A setting is there, or it is none: nothing is made, nothing cut short. */
const write = (instance: string, file: string, text: string): void =>
	fs.writeFileSync(path.join(instance, file), text, {flag: 'r+'});

/** What dmascopes have left behind that were killed. One that is still being read from stays: rmdir says EBUSY. */
function removeDead(instances: string): void {
	for (const name of fs.readdirSync(instances)) {
		const pid = Number(/^dmascope-(\d{1,7})$/.exec(name)?.[1] ?? Number.NaN);
		if (pid === process.pid || (pid > 0 && !isAlive(pid))) remove(path.join(instances, name));
	}
}

function isAlive(pid: number): boolean {
	try {
		return process.kill(pid, 0);
	} catch (error) {
		return errnoOf(error) !== 'ESRCH';
	}
}

const remove = (instance: string): void => attempt(() => fs.rmdirSync(instance));

/** Does something that is no matter where it fails. */
function attempt(work: () => void): void {
	try {
		work();
	} catch {}
}

const isRefusal = (error: unknown): boolean => ['EACCES', 'EPERM', 'EROFS'].includes(errnoOf(error) ?? '');

function refusal(error: unknown): UserError {
	if (errnoOf(error) === 'EEXIST')
		return new UserError('Another dmascope is tracing under the same process number; end it first.');
	if (!isRefusal(error))
		return new UserError(`The kernel’s tracing cannot be used: ${messageOf(error)}; look into dmesg.`);
	return new UserError(
		process.getuid?.() === 0
			? `The kernel does not let itself be traced from here (${errnoOf(error)}); do it on the host itself, outside of a container, and with lockdown off.`
			: 'The kernel lets root alone trace it; try sudo dmascope host --trace.',
	);
}
