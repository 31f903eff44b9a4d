// A front end's connection: bytes and descriptors from a socket, put together to messages.

import fs from 'node:fs';
import {decodeHeader, encode, HEADER_BYTES, type Header, MOST_PAYLOAD} from '../../formats/vhost-user.js';
import type {Passing} from '../../system/unix-socket.js';

/** Descriptors come with the first bytes of their message; `take` gives one to whoever keeps it. */
export type Message = Header & {payload: Uint8Array; fds: number[]};

/** The front end did not keep to the protocol. */
export class ProtocolError extends Error {}

export class Connection {
	private readonly passing: Passing;
	private unread: Uint8Array = new Uint8Array(0);
	private fds: number[] = [];

	constructor(
		passing: Passing,
		readonly fd: number,
	) {
		this.passing = passing;
	}

	/**
	 * The next message; undefined where it has not come as a whole; 'end' where none comes any more. No more is read than
	 * the message has, so that descriptors belong to it. @throws ProtocolError, the system's error
	 */
	next(): Message | 'end' | undefined {
		for (;;) {
			const header = this.unread.length < HEADER_BYTES ? undefined : this.header();
			const wanted = HEADER_BYTES + (header?.bytes ?? 0);
			if (header !== undefined && this.unread.length === wanted) return this.message(header);
			const received = this.passing.receive(this.fd, wanted - this.unread.length);
			if (received === undefined) return undefined;
			this.fds.push(...received.fds);
			if (received.bytes.length === 0) return 'end';
			this.unread = Buffer.concat([this.unread, received.bytes]);
		}
	}

	reply(request: number, payload: Uint8Array): void {
		this.passing.send(this.fd, encode(request, payload, {reply: true}));
	}

	close(): void {
		for (const fd of this.fds.splice(0)) fs.closeSync(fd);
		fs.closeSync(this.fd);
	}

	private header(): Header {
		const header = decodeHeader(this.unread);
		if (header === undefined) throw new ProtocolError('a message is of another version of the protocol');
		if (header.bytes > MOST_PAYLOAD)
			throw new ProtocolError(`a message of ${header.bytes} bytes is too long`);
		return header;
	}

	private message(header: Header): Message {
		const payload = this.unread.subarray(HEADER_BYTES);
		const {fds} = this;
		this.unread = new Uint8Array(0);
		this.fds = [];
		return {...header, payload, fds};
	}
}
