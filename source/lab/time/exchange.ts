// Moves from one mark to another: exchanges the contents of pages or blocks with the contents of logs, a batch at a
// time. A failed write may have had an effect or not, and a read could come from the page cache. So a log keeps its
// blocks until the batch is known to be on the disk; until then the batch is written again.

import {PAGE_SIZE} from '../../formats/address.js';
import {BLOCK} from '../../hardware/blocks.js';
import type {Disk} from '../../hardware/disk.js';
import type {Memory} from '../../hardware/memory.js';
import type {PageLog, PageStore} from '../../hardware/page-log.js';

/** The pages or blocks themselves. Every method may throw the system's errors. */
export type Place = {
	read: (key: number, into: Uint8Array) => void;
	write: (key: number, bytes: Uint8Array) => void;
	/** Returns when all writes are durable. */
	flush: () => void;
};

/** 1 MiB. */
const BATCH = 256;

export class Exchange {
	/** How many pages there are, and how many of them are exchanged. */
	readonly of: number;
	done = 0;
	/** Whether something may have been written. */
	begun = false;
	/** For each page, the logs that hold it, the nearest first. */
	private readonly holders = new Map<number, PageLog[]>();
	private readonly keys: number[];
	/** Old contents of the next batch, as far as they have been read. */
	private readonly batch: Uint8Array[] = [];
	private readonly place: Place;
	private readonly store: PageStore;

	/** `logs`: one for each stretch between marks, the nearest first. */
	constructor(logs: readonly PageLog[], place: Place, store: PageStore) {
		this.place = place;
		this.store = store;
		for (const log of logs) {
			for (const key of log.keys()) {
				const holders = this.holders.get(key);
				if (holders === undefined) this.holders.set(key, [log]);
				else holders.push(log);
			}
		}
		this.keys = [...this.holders.keys()].sort((a, b) => a - b);
		this.of = this.keys.length;
	}

	/** Exchanges the next batch. @throws the system's error; the next call tries the same batch again */
	step(): void {
		const keys = this.keys.slice(this.done, this.done + BATCH);
		for (const key of keys.slice(this.batch.length)) {
			const page = this.store.take();
			this.batch.push(page);
			try {
				this.place.read(key, page);
			} catch (error) {
				this.batch.pop();
				this.store.give(page);
				throw error;
			}
		}
		this.begun = true;
		// Only the farthest log counts; the contents in between are passed by.
		for (const key of keys) this.place.write(key, this.holdersOf(key).at(-1)?.get(key) ?? new Uint8Array(0));
		this.place.flush();
		for (const [i, key] of keys.entries()) this.passOn(key, this.batch[i]);
		this.batch.length = 0;
		this.done += keys.length;
	}

	has(key: number): boolean {
		return this.holders.has(key);
	}

	/** Whether a page is not exchanged yet. */
	awaits(key: number): boolean {
		return this.has(key) && key >= (this.keys[this.done] ?? Number.POSITIVE_INFINITY);
	}

	/** The `wanted` pages that are not exchanged yet, as they were before any write that failed. */
	*held(wanted: (key: number) => boolean): Generator<[number, Uint8Array]> {
		for (let i = this.done; i < this.of; i++) {
			const key = this.keys[i];
			if (!wanted(key)) continue;
			const page = this.batch[i - this.done] ?? this.readNow(key);
			if (page !== undefined) yield [key, page];
		}
	}

	/** @returns undefined if it cannot be read */
	private readNow(key: number): Uint8Array | undefined {
		const page = new Uint8Array(PAGE_SIZE);
		try {
			this.place.read(key, page);
			return page;
		} catch {
			return undefined;
		}
	}

	/** Gives up an exchange that has not begun. */
	cancel(): void {
		for (const page of this.batch) this.store.give(page);
		this.batch.length = 0;
	}

	/**
	 * The first log gets the current contents, each further log those of the log before it, and the disk those of the
	 * last.
	 */
	private passOn(key: number, was: Uint8Array): void {
		let page = was;
		for (const log of this.holdersOf(key)) page = log.swap(key, page);
		this.store.give(page);
	}

	private holdersOf(key: number): readonly PageLog[] {
		return this.holders.get(key) ?? [];
	}
}

export const memoryPlace = (memory: Memory): Place => ({
	read: (hpa, into) => into.set(memory.view(hpa, PAGE_SIZE)),
	write: (hpa, page) => memory.restore(hpa, page),
	flush: () => {},
});

/** The last block of a disk may be shorter. */
export function diskPlace(disk: Disk): Place {
	const bytesOf = (block: number) => Math.min(BLOCK, disk.bytes - block * BLOCK);
	return {
		read: (block, into) => {
			const {length} = disk.peek(block * BLOCK, bytesOf(block), into);
			if (length < bytesOf(block)) throw new Error(`the disk ends at byte ${block * BLOCK + length}`);
		},
		write: (block, bytes) => disk.restore(block, bytes.subarray(0, bytesOf(block))),
		flush: () => disk.flush(),
	};
}
