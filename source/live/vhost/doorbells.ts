// The descriptors that guest and device wake each other with: eventfds for kicks and interrupts.

import fs from 'node:fs';
import type {Libc} from '../../system/libc.js';
import type {Poller} from '../../system/poller.js';
import {errnoOf} from '../../user-error.js';

const F_GETFL = 3;
const F_SETFL = 4;
const O_NONBLOCK = 0o4000;
const ONE = new BigUint64Array([1n]);
const MOST_UNDELIVERED = 16;

/** The front end may read and write it too, and does not have to. */
export function setNonBlocking({fcntl}: Libc, fd: number): void {
	fcntl(fd, F_SETFL, fcntl(fd, F_GETFL, 0) | O_NONBLOCK);
}

export class Doorbells {
	private kickFd: number | undefined;
	private callFd: number | undefined;
	private readonly count = new BigUint64Array(1);
	private undelivered = 0;

	/** `kicked`: the guest has put something into the ring. */
	constructor(
		private readonly libc: Libc,
		private readonly poller: Poller,
		private readonly kicked: () => void,
	) {}

	get hasKick(): boolean {
		return this.kickFd !== undefined;
	}

	set kick(fd: number | undefined) {
		if (this.kickFd !== undefined) {
			this.poller.delete(this.kickFd);
			fs.closeSync(this.kickFd);
		}
		this.kickFd = fd;
		if (fd === undefined) return;
		setNonBlocking(this.libc, fd);
		this.poller.add(fd, () => {
			const read = quietly(() => fs.readSync(fd, this.count));
			// A descriptor that is readable for ever, and is no eventfd.
			if (read === 0 || read === undefined) this.poller.delete(fd);
			this.kicked();
		});
	}

	set call(fd: number | undefined) {
		if (this.callFd !== undefined) fs.closeSync(this.callFd);
		this.callFd = fd;
		if (fd !== undefined) setNonBlocking(this.libc, fd);
	}

	/** Interrupts of requests that end together reach the guest as one. */
	readonly interrupt = (): void => {
		if (++this.undelivered >= MOST_UNDELIVERED) this.deliver();
	};

	deliver(): void {
		const fd = this.callFd;
		if (this.undelivered > 0 && fd !== undefined) quietly(() => fs.writeSync(fd, ONE));
		this.undelivered = 0;
	}

	close(): void {
		this.kick = undefined;
		this.call = undefined;
	}
}

/** EAGAIN: somebody else has read it, or nobody has for long. Undefined if the descriptor is of no use. */
function quietly(work: () => number): number | undefined {
	try {
		return work();
	} catch (error) {
		return errnoOf(error) === 'EAGAIN' ? -1 : undefined;
	}
}
