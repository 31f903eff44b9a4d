// Unix sockets over which descriptors are passed (unix(7), SCM_RIGHTS). Numbers and layouts are those of 64-bit Linux.

import fs from 'node:fs';
import {errnoOf} from '../user-error.js';
import type {Libc} from './libc.js';
import {Mapping} from './mapping.js';

const AF_UNIX = 1;
const SOCK_STREAM = 1;
const SOCK_NONBLOCK = 0o4000;
const SOCK_CLOEXEC = 0o2000000;
const SOL_SOCKET = 1;
const SCM_RIGHTS = 1;
const MSG_DONTWAIT = 0x40;
const MSG_NOSIGNAL = 0x4000;
const MSG_CMSG_CLOEXEC = 0x40000000;
const BACKLOG = 1;

/** The longest path that fits a struct sockaddr_un, with the zero after it. */
export const LONGEST_PATH = 107;

/** A message's descriptors at most (SCM_MAX_FD), and the bytes of a control message with so many. */
const MOST_FDS = 253;
const CMSG_HEADER = 16;
const CONTROL_BYTES = CMSG_HEADER + 4 * MOST_FDS + 4;

/** Where the parts of a call lie in the scratch memory. */
const AT = {header: 0, vector: 64, control: 128, data: 4096} as const;
export const MOST_BYTES = 4096;

/** struct sockaddr_un. */
function addressOf(path: string): Uint8Array {
	const name = Buffer.from(path);
	const address = new Uint8Array(2 + name.length + 1);
	address[0] = AF_UNIX;
	address.set(name, 2);
	return address;
}

/** Listens at a path, where nothing may be. @throws the system's error */
export function listenAt(libc: Libc, path: string): number {
	const fd = libc.socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC);
	libc.bind(fd, addressOf(path));
	libc.listen(fd, BACKLOG);
	return fd;
}

/** @returns undefined where others wait to be accepted already @throws the system's error */
export function connectTo(libc: Libc, path: string): number | undefined {
	const fd = libc.socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC);
	try {
		if (unlessLater(() => libc.connect(fd, addressOf(path))) !== undefined) return fd;
	} catch (error) {
		fs.closeSync(fd);
		throw error;
	}
	fs.closeSync(fd);
	return undefined;
}

/** @returns undefined where nobody waits any more */
export const accept = (libc: Libc, fd: number): number | undefined =>
	unlessLater(() => libc.accept4(fd, SOCK_NONBLOCK | SOCK_CLOEXEC));

function unlessLater<T>(work: () => T): T | undefined {
	try {
		return work();
	} catch (error) {
		if (errnoOf(error) === 'EAGAIN' || errnoOf(error) === 'EINTR') return undefined;
		throw error;
	}
}

export type Received = {bytes: Uint8Array; fds: number[]};

/** Sends and receives bytes with descriptors. */
export class Passing {
	private readonly libc: Libc;
	private readonly scratch: Mapping;
	private readonly words: DataView;

	constructor(libc: Libc) {
		this.libc = libc;
		this.scratch = Mapping.anonymous(libc, AT.data + MOST_BYTES);
		this.words = new DataView(this.scratch.buffer);
	}

	/** What has come: no bytes at the stream's end. Undefined where nothing has come yet. @throws the system's error */
	receive(fd: number, most = MOST_BYTES): Received | undefined {
		const header = this.prepare(Math.min(most, MOST_BYTES), CONTROL_BYTES);
		const length = unlessLater(() => this.libc.recvmsg(fd, header, MSG_DONTWAIT | MSG_CMSG_CLOEXEC));
		if (length === undefined) return undefined;
		const bytes = new Uint8Array(this.scratch.buffer, AT.data, length).slice();
		return {bytes, fds: this.descriptors()};
	}

	send(fd: number, bytes: Uint8Array, fds: readonly number[] = []): void {
		new Uint8Array(this.scratch.buffer).set(bytes, AT.data);
		const header = this.prepare(
			bytes.length,
			fds.length === 0 ? 0 : Math.ceil((CMSG_HEADER + 4 * fds.length) / 8) * 8,
		);
		this.words.setBigUint64(AT.control, BigInt(CMSG_HEADER + 4 * fds.length), true);
		this.words.setInt32(AT.control + 8, SOL_SOCKET, true);
		this.words.setInt32(AT.control + 12, SCM_RIGHTS, true);
		fds.forEach((each, i) => {
			this.words.setInt32(AT.control + CMSG_HEADER + 4 * i, each, true);
		});
		this.libc.sendmsg(fd, header, MSG_NOSIGNAL);
	}

	close(): void {
		this.scratch.unmap();
	}

	/** struct msghdr with one iovec. @returns its address */
	private prepare(bytes: number, control: number): number {
		const {words, scratch} = this;
		const put = (at: number, value: number) => words.setBigUint64(at, BigInt(value), true);
		put(AT.vector, scratch.address + AT.data);
		put(AT.vector + 8, bytes);
		put(AT.header, 0);
		put(AT.header + 8, 0);
		put(AT.header + 16, scratch.address + AT.vector);
		put(AT.header + 24, 1);
		put(AT.header + 32, control === 0 ? 0 : scratch.address + AT.control);
		put(AT.header + 40, control);
		put(AT.header + 48, 0);
		return scratch.address;
	}

	/** The descriptors of the control messages that were received. */
	private descriptors(): number[] {
		const {words} = this;
		const end = AT.control + Number(words.getBigUint64(AT.header + 40, true));
		const fds: number[] = [];
		for (let at = AT.control; at + CMSG_HEADER <= end; ) {
			const length = Number(words.getBigUint64(at, true));
			if (length < CMSG_HEADER) break;
			const passes =
				words.getInt32(at + 8, true) === SOL_SOCKET && words.getInt32(at + 12, true) === SCM_RIGHTS;
			for (let fd = at + CMSG_HEADER; passes && fd + 4 <= at + length; fd += 4)
				fds.push(words.getInt32(fd, true));
			at += Math.ceil(length / 8) * 8;
		}
		return fds;
	}
}
