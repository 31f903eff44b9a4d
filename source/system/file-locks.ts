// Locks on open files, which end when the file is closed (fcntl_locking(2): "open file description locks"; flock(2)).
// Numbers and layouts are those of 64-bit Linux.

import os from 'node:os';
import {errnoOf} from '../user-error.js';
import type {Libc} from './libc.js';

const F_SETSIG = 10;
const F_OFD_GETLK = 36;
const F_OFD_SETLK = 37;
const F_SETLEASE = 1024;
const F_RDLCK = 0;
const F_WRLCK = 1;
const F_UNLCK = 2;
const LOCK_EX = 2;
const LOCK_NB = 4;

/** struct flock: s16 type, s16 whence, s64 start @8, s64 length @16 (0: to the end), s32 pid @24. */
function structOf(type: number, start: number, length: number) {
	const words = new BigInt64Array([0n, BigInt(start), BigInt(length), 0n]);
	const types = new Int16Array(words.buffer);
	types[0] = type;
	return {words, types, pids: new Int32Array(words.buffer, 24)};
}

/** Whether a lock was free. @throws the system's error where the file cannot be locked at all */
function granted(work: () => void): boolean {
	try {
		work();
		return true;
	} catch (error) {
		if (errnoOf(error) === 'EAGAIN' || errnoOf(error) === 'EACCES') return false;
		throw error;
	}
}

/** Takes a shared lock on bytes. @returns whether nobody has an exclusive lock on them */
export const lockBytes = ({fcntl}: Libc, fd: number, start: number, length: number): boolean =>
	granted(() => fcntl(fd, F_OFD_SETLK, structOf(F_RDLCK, start, length).words));

/** Takes flock(2)'s exclusive lock. @returns whether it was free */
export const lockWhole = ({flock}: Libc, fd: number): boolean => granted(() => flock(fd, LOCK_EX | LOCK_NB));

/** The process that has locked any byte of the file; -1 for a lock that belongs to another open file. @throws the system's error */
export function otherLocker({fcntl}: Libc, fd: number): number | undefined {
	const {words, types, pids} = structOf(F_WRLCK, 0, 0);
	fcntl(fd, F_OFD_GETLK, words);
	return types[0] === F_UNLCK ? undefined : pids[0];
}

/**
 * Whether any program, or the kernel, has the file open for writing: then a lease for reading is refused (fcntl(2),
 * F_SETLEASE). `fd` is open for reading alone. Undefined where there is no lease: on some file systems, and on files of
 * other users.
 */
export function isOpenForWriting({fcntl}: Libc, fd: number): boolean | undefined {
	try {
		// The signal of a lease ends a program by default, if somebody opens the file just now; SIGURG is ignored.
		fcntl(fd, F_SETSIG, os.constants.signals.SIGURG);
		fcntl(fd, F_SETLEASE, F_RDLCK);
		fcntl(fd, F_SETLEASE, F_UNLCK);
		return false;
	} catch (error) {
		return errnoOf(error) === 'EAGAIN' ? true : undefined;
	}
}
