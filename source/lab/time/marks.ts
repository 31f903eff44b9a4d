// The marks of a session: moments at which the whole machine was saved. The log between two marks holds pages and blocks
// as they were at the one farther from the machine's present state: exchanging them leads there.

import {BLOCK} from '../../hardware/blocks.js';
import type {Disk} from '../../hardware/disk.js';
import type {Memory} from '../../hardware/memory.js';
import {PageLog, type PageStore} from '../../hardware/page-log.js';
import type {Transfer} from '../../machine/transfer.js';
import {type Part, partBytes} from './save.js';

/** A machine that was saved, but for the bytes of memory and of the disk. */
export type Moment = {
	/** Restores all of its objects. */
	restore: () => void;
	parts: readonly Part[];
	memory: Memory;
	/** Memory that its tables and rings take. */
	tableBytes: number;
	/** The newest at that moment; a mark keeps them in memory. */
	transfers: readonly Transfer[];
};

/** Old contents of the pages and blocks that were written to between two marks. */
export type Log = {memory: Memory; pages: PageLog; blocks: PageLog};

type Mark = {
	/** How many steps had been done, and when. */
	at: number;
	time: number;
	moment: Moment;
	/** Milliseconds of work from here to the next mark, and the changes; the last mark has none. */
	cost: number;
	log?: Log;
	/** The bytes it adds, without pages, and without what it shares with the mark before. */
	bytes: number;
};

type Host = {readonly memory: Memory; readonly disk: Disk; save(): Moment};

/** A page in a log, with its entry. */
export const KEPT_PAGE_BYTES = 4096 + 150;
const POINTER_BYTES = 8;
/** A transfer with its chain and faults. */
const TRANSFER_BYTES = 4096;
const PAGE_BYTES = 4096;
/** A mark may go if its two logs share at least this part of the smaller one. */
const LEAST_SHARED = 1 / 4;

export class Marks {
	/** The mark that the machine is at, or after. */
	current = -1;
	/** What changed since, and the milliseconds that took. */
	log: Log;
	cost = 0;
	private list: Mark[] = [];
	private readonly host: Host;
	private readonly store: PageStore;

	constructor(host: Host, store: PageStore, time: number) {
		this.host = host;
		this.store = store;
		this.log = this.newLog();
		this.add(0, time);
	}

	/** The approximate size in bytes. */
	get bytes(): number {
		return this.list.reduce((sum, {bytes}) => sum + bytes, this.store.used * KEPT_PAGE_BYTES);
	}

	get first(): number {
		return this.list[0].at;
	}

	get firstTime(): number {
		return this.list[0].time;
	}

	/** Whether there is a mark after the current one. */
	get inPast(): boolean {
		return this.current < this.list.length - 1;
	}

	/** The last mark at, or before, a step. */
	nearest(at: number): number {
		return this.list.findLastIndex(mark => mark.at <= at);
	}

	/** Milliseconds of work from one step to another, both between the current mark and the next. */
	costOf(from: number, to: number): number {
		const [mark, next] = [this.list[this.current], this.list[this.current + 1]];
		return next === undefined ? 0 : (mark.cost * (to - from)) / (next.at - mark.at);
	}

	/** Makes a mark of this moment, after the current one. */
	add(at: number, time: number): void {
		const mark: Mark = {at, time, moment: this.host.save(), cost: 0, bytes: 0};
		const before = this.list[this.current];
		if (before !== undefined) {
			this.dropUnchanged(this.log);
			const next = this.list[this.current + 1];
			if (before.log !== undefined && next !== undefined) {
				mark.log = this.restOf(before.log);
				const left = (next.at - at) / (next.at - before.at);
				mark.cost = before.cost * left;
				mark.time = next.time - (next.time - before.time) * left;
			}
			before.log = this.log;
			before.cost = this.cost;
		}
		this.list.splice(++this.current, 0, mark);
		this.weigh(this.current);
		this.weigh(this.current + 1);
		this.begin();
	}

	/** The logs between the machine's present state and a mark, the nearest first. */
	path(to: number): Log[] {
		const behind = this.list.slice(to, Math.max(to, this.current)).reverse();
		const ahead = this.list.slice(this.current, Math.max(to, this.current));
		return [this.log, ...[...behind, ...ahead].flatMap(({log}) => log ?? [])];
	}

	/** The logs up to a mark are exchanged, so the machine is at that mark. @returns its step */
	arrive(to: number): number {
		const {at, moment} = this.list[to];
		moment.restore();
		// Nothing leads back to where the machine was between two marks.
		this.log.pages.clear();
		this.log.blocks.clear();
		this.current = to;
		this.begin();
		return at;
	}

	/** The blocks as they were at the first mark, where `settled` ones are at mark `to` already. */
	oldBlocks(settled: (block: number) => boolean, to: number): Map<number, Uint8Array> {
		const old = new Map<number, Uint8Array>();
		for (const [i, {log}] of this.list.entries())
			for (const [block, bytes] of log?.blocks.entries() ?? [])
				if (i < (settled(block) ? to : this.current) && !old.has(block)) old.set(block, bytes);
		for (const [block, bytes] of this.log.blocks.entries())
			if (!settled(block) && !old.has(block)) old.set(block, bytes);
		return old;
	}

	/** Whether the disk may differ from its contents at the first mark. */
	get hasOldBlocks(): boolean {
		const behind = this.list.slice(0, this.current);
		return this.log.blocks.size > 0 || behind.some(({log}) => log !== undefined && log.blocks.size > 0);
	}

	/** Forgets everything after the current mark. */
	forgetAhead(): void {
		for (const {log} of this.list.splice(this.current + 1)) clear(log);
		clear(this.list[this.current].log);
		this.list[this.current].log = undefined;
	}

	/** Forgets the first mark and its logs. @returns false if it is the current mark */
	forgetFirst(): boolean {
		if (this.current === 0) return false;
		clear(this.list.shift()?.log);
		this.current--;
		this.weigh(0);
		return true;
	}

	/**
	 * Drops marks until there is room: each time the one whose two stretches are shortest relative to their distance. So
	 * a long jump may replay more than a short one.
	 */
	thin(enough: () => boolean): void {
		const needed = new Set<Mark>();
		while (!enough()) {
			const i = this.leastNeeded(needed);
			if (i < 0) return;
			if (this.canGo(i)) this.letGo(i);
			else needed.add(this.list[i]);
		}
	}

	/** Starts a new log for the writes from now on. */
	private begin(): void {
		this.log.memory.keepIn(undefined);
		this.log = this.newLog();
		this.cost = 0;
		this.log.memory.keepIn(this.log.pages);
		this.host.disk.keepIn(this.log.blocks);
	}

	private newLog(): Log {
		return {memory: this.host.memory, pages: new PageLog(this.store), blocks: new PageLog(this.store)};
	}

	/** The part of the log from the current mark to the next that is still to come. */
	private restOf(ahead: Log): Log {
		// Anything not in the log is the same at both marks.
		for (const [hpa, page] of this.log.pages.entries()) ahead.pages.keep(hpa, page);
		for (const [block, bytes] of this.log.blocks.entries()) ahead.blocks.keep(block, bytes);
		this.dropUnchanged(ahead);
		return ahead;
	}

	/** Drops pages that were written but are unchanged, such as tables that were removed and rebuilt. */
	private dropUnchanged({memory, pages, blocks}: Log): void {
		for (const [hpa, page] of pages.entries())
			if (Buffer.compare(page, memory.view(hpa, page.length)) === 0) pages.drop(hpa);
		for (const [block, bytes] of blocks.entries()) if (this.isOnDisk(block, bytes)) blocks.drop(block);
	}

	private isOnDisk(block: number, bytes: Uint8Array): boolean {
		try {
			const there = this.host.disk.peek(block * BLOCK, BLOCK);
			return Buffer.compare(bytes.subarray(0, there.length), there) === 0;
		} catch {
			return false;
		}
	}

	/** @returns -1 where all marks are needed */
	private leastNeeded(needed: ReadonlySet<Mark>): number {
		const work = (marks: readonly Mark[]) => marks.reduce((sum, {cost}) => sum + cost, 0);
		// Milliseconds of work from the first mark to the current one, and to each.
		const here = work(this.list.slice(0, this.current));
		let there = this.list[0].cost;
		let least = {i: -1, share: Number.POSITIVE_INFINITY};
		for (let i = 1; i < this.list.length - 1; i++) {
			const {cost} = this.list[i];
			const share = (this.list[i - 1].cost + cost) / Math.abs(here - there);
			if (share < least.share && !needed.has(this.list[i])) least = {i, share};
			there += cost;
		}
		return least.i;
	}

	/**
	 * The current mark stays, and one at which another machine started. So does one whose two logs have little in common:
	 * dropping it would free no memory, and make jumps longer.
	 */
	private canGo(i: number): boolean {
		const [a, b] = [this.list[i - 1].log, this.list[i].log];
		if (i === this.current || a === undefined || b === undefined || a.memory !== b.memory) return false;
		const shared = a.pages.shared(b.pages) + a.blocks.shared(b.blocks);
		return shared >= LEAST_SHARED * Math.min(a.pages.size + a.blocks.size, b.pages.size + b.blocks.size);
	}

	/** Where both logs hold a page, the one farther from the machine's present state counts. */
	private letGo(i: number): void {
		const [before, gone] = [this.list[i - 1], this.list[i]];
		if (before.log === undefined || gone.log === undefined) return;
		const [farther, nearer] = i < this.current ? [before.log, gone.log] : [gone.log, before.log];
		farther.pages.absorb(nearer.pages);
		farther.blocks.absorb(nearer.blocks);
		before.log = farther;
		before.cost += gone.cost;
		this.list.splice(i, 1);
		if (i < this.current) this.current--;
		this.weigh(i);
	}

	private weigh(i: number): void {
		const mark = this.list[i];
		if (mark === undefined) return;
		const {moment} = mark;
		const before = this.list[i - 1]?.moment;
		const shared = new Set(before?.parts);
		mark.bytes = moment.parts.length * POINTER_BYTES;
		for (const part of moment.parts) if (!shared.has(part)) mark.bytes += partBytes(part);
		mark.bytes += newer(moment.transfers, before) * TRANSFER_BYTES;
		if (before !== undefined && before.memory !== moment.memory)
			mark.bytes += before.tableBytes + this.touchedPages(before.memory) * PAGE_BYTES;
	}

	/** Pages that a machine wrote before it was switched off: going back needs its memory. */
	private touchedPages(memory: Memory): number {
		const pages = new Set<number>();
		for (const {log} of this.list)
			if (log?.memory === memory) for (const hpa of log.pages.keys()) pages.add(hpa);
		return pages.size;
	}
}

function clear(log: Log | undefined): void {
	log?.pages.clear();
	log?.blocks.clear();
}

/** How many of the transfers an earlier moment does not have. */
function newer(transfers: readonly Transfer[], before: Moment | undefined): number {
	const last = before?.transfers.at(-1)?.number ?? 0;
	const known = transfers.findLastIndex(({number}) => number <= last);
	return transfers.length - 1 - known;
}
