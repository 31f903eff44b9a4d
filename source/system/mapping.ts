// Memory of the system's, mapped into this process (mmap(2)), as an ArrayBuffer. Numbers are those of Linux.

import type {Libc} from './libc.js';

const PROT_READ_WRITE = 3;
const MAP_SHARED = 0x01;
const MAP_PRIVATE = 0x02;
const MAP_ANONYMOUS = 0x20;

export class Mapping {
	readonly address: number;
	readonly buffer: ArrayBuffer;
	private readonly libc: Libc;
	private readonly bytes: number;

	private constructor(libc: Libc, bytes: number, flags: number, fd: number) {
		this.libc = libc;
		this.bytes = bytes;
		this.address = libc.mmap(bytes, PROT_READ_WRITE, flags, fd);
		this.buffer = libc.view(this.address, bytes);
	}

	/** The first bytes of a file, shared with all who map it. The descriptor may be closed then. @throws the system's error */
	static ofFile(libc: Libc, fd: number, bytes: number): Mapping {
		return new Mapping(libc, bytes, MAP_SHARED, fd);
	}

	/** Zeroed memory with a fixed address: what a system call is given by address must not move. */
	static anonymous(libc: Libc, bytes: number): Mapping {
		return new Mapping(libc, bytes, MAP_PRIVATE | MAP_ANONYMOUS, -1);
	}

	/** The buffer is detached first: every typed array over it is empty from then on, and none can touch the hole. */
	unmap(): void {
		if (this.buffer.detached) return;
		this.buffer.transfer(0);
		this.libc.munmap(this.address, this.bytes);
	}
}
