// The kernel log of a machine that is looked at, read as it grows: the IOMMU faults in it, in words.

import {join64} from '../formats/address.js';
import type {LogFault, Logged} from '../machine/logged.js';
import {sentenceOf} from '../user-error.js';
import {Decoder, type Lookup} from './decode/decoder.js';
import {briefTitle, explain} from './decode/explain.js';
import type {Reading} from './decode/fault.js';
import {closing, howOften, partsOf} from './decode/report.js';
import type {Group} from './decode/storm.js';
import {openLog} from './log-input.js';

/** This machine's own log. */
export const OWN_LOG = '/dev/kmsg';
/** A log that is long already is shown as it is read, so often. */
const SHOW_BYTES = 64 * 1024 ** 2;
/** In a storm of many kinds so many of them are put into words at a time, the newest first; the others at the next. */
const WORDS_AT_ONCE = 20;

export class KernelLog {
	logged: Logged;
	/** Why it cannot be read, or not any more, as a sentence. */
	trouble: string | undefined;
	private readonly decoder = new Decoder((reading, group) => this.came(reading, group));
	/** The last fault last. */
	private readonly order = new Set<Group>();
	/** In the order in which they first came. */
	private readonly numbers = new Map<Group, number>();
	private last: Group | undefined;
	/** That there is no fault is news at first. */
	private news = true;
	private readonly words = new Map<Group, LogFault>();
	/** Groups of which there is more to say than their words do. */
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
	 * Reads what there is, and where it is followed goes on until it is closed.
	 * @param changed is called when there is more to tell
	 * @throws UserError where it cannot be read, or not any more
	 */
	async read(follow: boolean, changed: () => void = () => {}): Promise<void> {
		const input = openLog(this.file, {follow, stop: this.ending.signal, stdin: process.stdin});
		let bytes = 0;
		const show = () => {
			if (!this.news) return;
			this.tell(follow ? WORDS_AT_ONCE : Number.POSITIVE_INFINITY);
			this.news = this.stale.size > 0;
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

	private came(reading: Reading, group: Group | undefined): void {
		this.news = true;
		if (group !== undefined) {
			this.order.delete(group);
			this.order.add(group);
			if (!this.numbers.has(group)) this.numbers.set(group, this.numbers.size + 1);
			this.last = group;
		}
		// A detail is of the fault before it.
		if (this.last !== undefined && (group !== undefined || reading.is === 'detail'))
			this.stale.add(this.last);
	}

	private tell(most: number): void {
		let left = most;
		const faults = [...this.order].reverse().flatMap(group => {
			if (!this.stale.has(group) || left === 0) return this.words.get(group) ?? [];
			left--;
			const words = this.wordsFor(group);
			this.words.set(group, words);
			this.stale.delete(group);
			return words;
		});
		this.logged = {
			from: this.file,
			total: this.decoder.storm.faults,
			faults,
			closing: closing(this.decoder.storm),
		};
	}

	private wordsFor(group: Group): LogFault {
		const {fault, count, lowest} = group;
		const around = this.decoder.around(group, this.lookup);
		const explained = explain(group, around);
		const {device, access, kind} = fault;
		// An address that no number holds is not walked: it would be another.
		const iova = lowest && join64(lowest.lo, lowest.hi);
		return {
			number: this.numbers.get(group) ?? 0,
			title: explained.title,
			brief: briefTitle(group, around),
			count,
			often: howOften(group),
			parts: partsOf(group, explained),
			...(kind === 'access' && device !== undefined && iova !== undefined && Number.isSafeInteger(iova)
				? {access: {rid: device.rid, iova, write: access === 'write'}}
				: {}),
		};
	}
}
