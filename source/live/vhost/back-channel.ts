// The channel for requests of the back end: misses of the device IOTLB.

import fs from 'node:fs';
import * as vhost from '../../formats/vhost-user.js';
import type {Libc} from '../../system/libc.js';
import type {Poller} from '../../system/poller.js';
import type {Passing} from '../../system/unix-socket.js';
import {errnoOf} from '../../user-error.js';
import {setNonBlocking} from './doorbells.js';

export class BackChannel {
	private fd: number | undefined;

	constructor(
		private readonly libc: Libc,
		private readonly poller: Poller,
		private readonly passing: Passing,
	) {}

	set socket(fd: number | undefined) {
		if (this.fd !== undefined) {
			this.poller.delete(this.fd);
			fs.closeSync(this.fd);
		}
		this.fd = fd;
		if (fd === undefined) return;
		setNonBlocking(this.libc, fd);
		this.poller.add(fd, () => this.answered(fd));
	}

	/** Has the front end look up an address that was refused, so that the guest's own IOMMU records a fault. */
	miss(iova: number, write: boolean): void {
		const {fd} = this;
		if (fd === undefined) return;
		const payload = vhost.encodeMiss(iova, write);
		const message = vhost.encode(vhost.BACKEND_REQUEST.IOTLB_MSG, payload, {needsReply: true});
		unlessBroken(() => this.passing.send(fd, message));
	}

	/** Answers say what the guest's kernel logs by itself. */
	private answered(fd: number): void {
		const answer = unlessBroken(() => this.passing.receive(fd) ?? 'later');
		if (answer === 'later') return;
		for (const other of answer?.fds ?? []) fs.closeSync(other);
		if (answer === undefined || answer.bytes.length === 0) this.poller.delete(fd);
	}
}

function unlessBroken<T>(work: () => T): T | undefined {
	try {
		return work();
	} catch (error) {
		if (errnoOf(error) === undefined) throw error;
		return undefined;
	}
}
