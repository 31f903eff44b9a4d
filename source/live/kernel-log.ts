// The kernel log of an observed machine, read as it grows: its IOMMU faults, explained.

import {join64} from '../formats/address.js';
import type {LogFault, Logged} from '../machine/fault.js';
import {sentenceOf} from '../user-error.js';
import {Decoder, type Lookup} from './decode/decoder.js';
import {briefTitle, explain} from './decode/explain.js';
import type {Reading} from './decode/fault.js';
import {closing, frequencyText, partsOf} from './decode/report.js';
import type {Group} from './decode/storm.js';
import {openLog} from './log-input.js';

/** This machine's own log. */
export const OWN_LOG = '/dev/kmsg';
/** Bytes of a long log between two updates of the results. */
const SHOW_BYTES = 64 * 1024 ** 2;
/** In a storm of many kinds, explain this many at a time, the newest first, and the others later. */
const EXPLAINED_AT_ONCE = 20;

export class KernelLog {
	logged: Logged;
	/** Why the log cannot be read, as a sentence. */
	trouble: string | undefined;
	private readonly decoder = new Decoder((reading, group) => this.receive(reading, group));
	/** The latest fault is last. */
	private readonly order = new Set<Group>();
	/** Numbered by first appearance. */
	private readonly numbers = new Map<Group, number>();
	private last: Group | undefined;
	/** The first report is news even without a fault. */
	private hasNews = true;
	private readonly explained = new Map<Group, LogFault>();
	/** Groups that have changed since they were explained. */
	private readonly stale = new Set<Group>();
	private readonly ending = new AbortController();

	/** @param lookup what the machine knows about its devices */
	constructor(
		private readonly file: string,
		private readonly lookup?: Lookup,
	) {
		this.logged = {from: file, total: 0, faults: [], closing: []};
	}

	/**
	 * Reads the log to its end; with `follow`, until it is closed.
	 * @param changed called when `logged` has changed
	 * @throws UserError if the log cannot be read
	 */
	async read(follow: boolean, changed: () => void = () => {}): Promise<void> {
		const input = openLog(this.file, {follow, stop: this.ending.signal, stdin: process.stdin});
		let bytes = 0;
		const show = () => {
			if (!this.hasNews) return;
			this.report(follow ? EXPLAINED_AT_ONCE : Number.POSITIVE_INFINITY);
			this.hasNews = this.stale.size > 0;
			changed();
		};
		for await (const piece of input.pieces) {
			if (piece !== 'pause') this.decoder.push(piece);
			if (piece === 'pause' || this.decoder.bytes - bytes > SHOW_BYTES) {
				bytes = this.decoder.bytes;
				show();
			}
		}
		this.decoder.end();
		show();
	}

	/** A log that comes by itself, such as a console's. @returns whether `logged` has changed */
	feed(bytes: Buffer): boolean {
		this.decoder.push(bytes);
		if (!this.hasNews) return false;
		this.report(EXPLAINED_AT_ONCE);
		this.hasNews = this.stale.size > 0;
		return true;
	}

	/** The same; where the log cannot be read, `trouble` says why. */
	async readOrExplain(follow: boolean, changed: () => void): Promise<void> {
		try {
			await this.read(follow, changed);
		} catch (error) {
			this.trouble = sentenceOf(error);
			this.logged = {...this.logged, closing: [this.trouble, ...this.logged.closing]};
			changed();
		}
	}

	/** Undefined where nothing of the log could be read. */
	get shown(): Logged | undefined {
		return this.trouble !== undefined && this.logged.faults.length === 0 ? undefined : this.logged;
	}

	close(): void {
		this.ending.abort();
	}

	private receive(reading: Reading, group: Group | undefined): void {
		this.hasNews = true;
		if (group !== undefined) {
			this.order.delete(group);
			this.order.add(group);
			if (!this.numbers.has(group)) this.numbers.set(group, this.numbers.size + 1);
			this.last = group;
		}
		// A detail belongs to the fault before it.
		if (this.last !== undefined && (group !== undefined || reading.is === 'detail'))
			this.stale.add(this.last);
	}

	private report(most: number): void {
		let left = most;
		const faults = [...this.order].reverse().flatMap(group => {
			if (!this.stale.has(group) || left === 0) return this.explained.get(group) ?? [];
			left--;
			const fault = this.faultOf(group);
			this.explained.set(group, fault);
			this.stale.delete(group);
			return fault;
		});
		this.logged = {
			from: this.file,
			total: this.decoder.storm.faults,
			faults,
			closing: this.closing(),
		};
	}

	/** As decode has it: what is no text, and says nothing of an IOMMU, is not clear of faults. */
	private closing(): string[] {
		const {bytes, isText, storm} = this.decoder;
		this.trouble = isText || storm.hasAnything ? undefined : `${this.file} is not a log: it is not text.`;
		if (this.trouble !== undefined) return [this.trouble];
		return bytes === 0 ? [`${this.file} is empty.`] : closing(storm);
	}

	private faultOf(group: Group): LogFault {
		const {fault, count, lowest} = group;
		const around = this.decoder.around(group, this.lookup);
		const explained = explain(group, around);
		const {device, access, kind} = fault;
		// An address too large for a number is not walked: it would be rounded to another.
		const iova = lowest && join64(lowest.lo, lowest.hi);
		return {
			number: this.numbers.get(group) ?? 0,
			title: explained.title,
			brief: briefTitle(group, around),
			count,
			often: frequencyText(group),
			parts: partsOf(group, explained),
			...(kind === 'access' && device !== undefined && iova !== undefined && Number.isSafeInteger(iova)
				? {access: {rid: device.rid, iova, write: access === 'write'}}
				: {}),
		};
	}
}
