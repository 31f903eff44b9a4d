// This host's IOMMU maps and unmaps as they happen, from a tracing instance of our own that leaves other tracing alone
// (Linux's Documentation/trace/ftrace.rst, "Instances").

import fs from 'node:fs';
import path from 'node:path';
import {StringDecoder} from 'node:string_decoder';
import type {TraceEvent} from '../../machine/trace.js';
import {errnoOf, messageOf, UserError} from '../../user-error.js';
import {EVENTS, traceEvent} from './trace-events.js';

const PLACES = ['sys/kernel/tracing', 'sys/kernel/debug/tracing'];
const NAME = 'dmascope-';
/** A new instance inherits the machine's options, and other values would change the lines of our events. */
// biome-ignore format: one line
const OPTIONS = ['context-info', 'record-cmd', 'nolatency-format', 'noraw', 'nohex', 'nobin', 'noverbose', 'nofields', 'nostacktrace'];
/** Most bytes of one poll: some nine thousand events. Faster events are lost in the kernel, and counted. */
const POLL_BYTES = 1 << 20;
/** A line is shorter than a page; longer input is not a line. */
const LINE_CHARACTERS = 4096;

export class Tracing {
	/** The least number of events that the kernel dropped because they were not read in time. */
	missed = 0;
	/** Why no more events will come. */
	lost?: string;
	private readonly piece = Buffer.allocUnsafe(1 << 16);
	private readonly decoder = new StringDecoder('utf8');
	/** The start of an incomplete line. */
	private partial = '';
	private closed = false;

	/** @throws UserError if the kernel has no tracing, or does not allow it */
	static open(root = '/'): Tracing {
		const tracefs = tracefsAt(root);
		if (!fs.existsSync(path.join(tracefs, 'events/iommu/map')))
			throw new UserError(
				'This kernel has no IOMMU trace events; boot one built with CONFIG_FTRACE=y and CONFIG_IOMMU_SUPPORT=y.',
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

	/** The events since the last poll; never waits. */
	poll(): readonly TraceEvent[] {
		const events: TraceEvent[] = [];
		for (let left = POLL_BYTES; left > 0; ) {
			const bytes = this.read();
			if (bytes === 0) break;
			left -= bytes;
			const lines = (this.partial + this.decoder.write(this.piece.subarray(0, bytes))).split('\n');
			this.partial = lines.pop() ?? '';
			if (this.partial.length > LINE_CHARACTERS) this.partial = '';
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
		// An instance that another program has open cannot be removed; disabled, it costs nothing.
		attempt(() => write(this.instance, 'events/iommu/enable', '0'));
		fs.closeSync(this.descriptor);
		remove(this.instance);
	}

	/** @returns the number of bytes; 0 if there are none at present */
	private read(): number {
		if (this.closed || this.lost !== undefined) return 0;
		try {
			return fs.readSync(this.descriptor, this.piece, 0, this.piece.length, null);
		} catch (error) {
			if (errnoOf(error) !== 'EAGAIN')
				this.lost = `The kernel’s trace can no longer be read: ${messageOf(error)}; restart dmascope.`;
			return 0;
		}
	}
}

/** A line stands for overwritten events; it may not know how many. */
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
		throw new UserError('This kernel’s tracing has no instances; boot Linux 3.10 or later.');
	throw new UserError(
		found === 'empty'
			? 'The kernel’s tracing is not mounted; run this as root on the host: mount -t tracefs tracefs /sys/kernel/tracing'
			: '/sys/kernel/tracing does not exist; run dmascope on the host, with a kernel built with CONFIG_FTRACE=y.',
	);
}

/** Prepares an instance and enables its events. @returns its pipe's descriptor */
function begin(instance: string): number {
	// CLOCK_MONOTONIC: other programs and this one have it too.
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

/** Writes an existing setting: r+ neither creates nor truncates a file. */
const write = (instance: string, file: string, text: string): void =>
	fs.writeFileSync(path.join(instance, file), text, {flag: 'r+'});

/** Removes the instances of killed dmascopes. One that is still open stays: rmdir fails with EBUSY. */
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

/** Does something that may fail without harm. */
function attempt(work: () => void): void {
	try {
		work();
	} catch {}
}

const isRefusal = (error: unknown): boolean => ['EACCES', 'EPERM', 'EROFS'].includes(errnoOf(error) ?? '');

function refusal(error: unknown): UserError {
	if (errnoOf(error) === 'EEXIST')
		return new UserError('Another dmascope traces under the same process ID; end it first.');
	if (!isRefusal(error))
		return new UserError(`The kernel’s tracing cannot be used: ${messageOf(error)}; check dmesg.`);
	return new UserError(
		process.getuid?.() === 0
			? `The kernel does not allow tracing from here (${errnoOf(error)}); run dmascope on the host, outside a container and without kernel lockdown.`
			: 'Only root may trace the kernel; run sudo dmascope host --trace.',
	);
}
