// A program that has a file locked, or tries QEMU's locks: node locker.mjs FILE KIND. It prints what came of it, and
// holds the lock until its input ends.

import fs from 'node:fs';
import koffi from 'koffi';

const [, , file, kind] = process.argv;
const own = koffi.load(null);
const fcntl = own.func('int fcntl(int fd, int command, ...)');
const flock = own.func('int flock(int fd, int operation)');
const [F_SETLK, F_OFD_GETLK, F_OFD_SETLK, F_SETLEASE] = [6, 36, 37, 1024];
const [READ, WRITE, NONE] = [0, 1, 2];
const fd = fs.openSync(file, kind === 'lease' || kind === 'shared' ? 'r' : 'r+');

/** struct flock of 64-bit Linux. */
function bytes(type, start, length) {
	const struct = Buffer.alloc(32);
	struct.writeInt16LE(type, 0);
	struct.writeBigInt64LE(BigInt(start), 8);
	struct.writeBigInt64LE(BigInt(length), 16);
	return struct;
}

const set = (command, ...range) => fcntl(fd, command, 'void *', bytes(...range)) === 0;
/** Whether nobody else has locked a byte, as qemu_lock_fd_test asks. */
const isFree = byte => {
	const struct = bytes(WRITE, byte, 1);
	fcntl(fd, F_OFD_GETLK, 'void *', struct);
	return struct.readInt16LE(0) === NONE;
};

const KINDS = {
	qemu: () => set(F_OFD_SETLK, READ, 100, 2) && set(F_OFD_SETLK, READ, 201, 1),
	// QEMU with readonly=on.
	'qemu-reader': () => set(F_OFD_SETLK, READ, 100, 1) && set(F_OFD_SETLK, READ, 201, 1),
	posix: () => set(F_SETLK, WRITE, 0, 0),
	flock: () => flock(fd, 2 | 4) === 0,
	shared: () => flock(fd, 1 | 4) === 0,
	lease: () => fcntl(fd, F_SETLEASE, 'int', READ) === 0,
	// raw_check_lock_bytes, for a guest that writes and lets nobody else write: reads 200, writes 201, and 101.
	'try-qemu': () => [200, 201, 101].every(isFree),
};
console.log(KINDS[kind]() ? 'granted' : 'refused');
process.stdin.resume();
