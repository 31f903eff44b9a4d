// Waits for descriptors to become readable. One thread waits for all of them: none of the few of libuv's pool, which
// files are read with, stands still for it.

import fs from 'node:fs';
import {Worker} from 'node:worker_threads';
import type {Libc} from './libc.js';
import {CONTROL, CONTROL_WORDS, MOST_FDS, STATE} from './poll-control.js';

const EFD_CLOEXEC = 0o2000000;
const EFD_NONBLOCK = 0o4000;
const ONE = new BigUint64Array([1n]);

export class Poller {
	private readonly shared = new Int32Array(
		new SharedArrayBuffer(CONTROL_WORDS * Int32Array.BYTES_PER_ELEMENT),
	);
	/** Each descriptor, and what is done when it is readable. The first one wakes the thread. */
	private readonly handlers = new Map<number, () => void>();
	private readonly wakeFd: number;
	private readonly worker: Worker;
	private closed = false;
	private readonly atExit = () => this.end();

	constructor(libc: Libc) {
		this.wakeFd = libc.eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
		const woken = new BigUint64Array(1);
		this.handlers.set(this.wakeFd, () => void fs.readSync(this.wakeFd, woken));
		// Beside this file, in the sources and in the bundle.
		const file = import.meta.url.endsWith('.ts') ? './poll-worker.ts' : './poll-worker.js';
		this.worker = new Worker(new URL(file, import.meta.url), {workerData: this.shared.buffer});
		this.worker.on('message', () => this.handle());
		this.worker.once('exit', () => fs.closeSync(this.wakeFd));
		// Else Node would wait at its end for a thread that waits for others.
		process.once('exit', this.atExit);
		this.arm();
	}

	/** Calls back while the descriptor is readable, or its other end is gone. */
	add(fd: number, ready: () => void): void {
		if (this.handlers.size >= MOST_FDS) throw new RangeError('too many descriptors to wait for');
		this.handlers.set(fd, ready);
		this.wake();
	}

	/** Has to come before the descriptor is closed. */
	delete(fd: number): void {
		if (this.handlers.delete(fd)) this.wake();
	}

	/** The descriptors are the caller's to close. */
	close(): void {
		if (this.closed) return;
		process.off('exit', this.atExit);
		this.end();
	}

	private end(): void {
		this.closed = true;
		Atomics.store(this.shared, CONTROL.state, STATE.over);
		Atomics.notify(this.shared, CONTROL.state);
		fs.writeSync(this.wakeFd, ONE);
	}

	private handle(): void {
		const {shared} = this;
		const ready: number[] = [];
		for (let i = 0; i < shared[CONTROL.count]; i++)
			if (shared[CONTROL.ready + i] !== 0) ready.push(shared[CONTROL.fds + i]);
		try {
			// A handler may take others away.
			for (const fd of ready) this.handlers.get(fd)?.();
		} finally {
			this.arm();
		}
	}

	private arm(): void {
		if (this.closed) return;
		const {shared} = this;
		let count = 0;
		for (const fd of this.handlers.keys()) shared[CONTROL.fds + count++] = fd;
		shared[CONTROL.count] = count;
		Atomics.store(shared, CONTROL.state, STATE.waits);
		Atomics.notify(shared, CONTROL.state);
	}

	/** Has a poll that is under way end, and the next begin with the descriptors of then. */
	private wake(): void {
		if (!this.closed) fs.writeSync(this.wakeFd, ONE);
	}
}
