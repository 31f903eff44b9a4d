// System calls that Node has no function for. koffi makes them: an optional package, loaded when it is first needed.

import {createRequire} from 'node:module';
import {getSystemErrorName} from 'node:util';

/** Each returns the result of the call. @throws an error whose `code` is the errno's name, like Node's own errors */
export type Libc = {
	fcntl(fd: number, command: number, argument: number | ArrayBufferView): number;
	flock(fd: number, operation: number): number;
	ioctl(fd: number, request: number, argument: ArrayBufferView): number;
	/** @returns the address, exact: user space ends below 2^53 */
	mmap(bytes: number, protection: number, flags: number, fd: number): number;
	munmap(address: number, bytes: number): number;
	socket(domain: number, type: number): number;
	bind(fd: number, address: Uint8Array): number;
	connect(fd: number, address: Uint8Array): number;
	listen(fd: number, backlog: number): number;
	accept4(fd: number, flags: number): number;
	/** `header`: the address of a struct msghdr. */
	recvmsg(fd: number, header: number, flags: number): number;
	sendmsg(fd: number, header: number, flags: number): number;
	/** `fds`: struct pollfd, 8 bytes each; `timeout` in milliseconds, or -1. */
	poll(fds: Int32Array, count: number, timeout: number): number;
	eventfd(count: number, flags: number): number;
	memfd_create(name: string, flags: number): number;
	/** The memory at an address, not a copy. Nobody may use it once it is unmapped. */
	view(address: number, bytes: number): ArrayBuffer;
};

let loaded: Libc | undefined;

/** Undefined where koffi is not installed. */
export function libc(): Libc | undefined {
	loaded ??= load();
	return loaded;
}

function load(): Libc | undefined {
	let koffi: typeof import('koffi');
	try {
		koffi = createRequire(import.meta.url)('koffi');
	} catch {
		return undefined;
	}
	// null: symbols of this process, which are those of the libc that Node uses.
	const own = koffi.load(null);
	const checked = (name: string, result: number): number => {
		if (result !== -1) return result;
		const code = getSystemErrorName(-koffi.errno());
		throw Object.assign(new Error(`${code}: ${name}`), {code});
	};
	/** A function is looked up when it is first called: other systems than Linux lack some. */
	const lazily = <Parameters extends readonly unknown[]>(name: string, signature: string) => {
		let call: ReturnType<typeof own.func> | undefined;
		return (...parameters: Parameters): number => {
			call ??= own.func(signature);
			return checked(name, call(...parameters));
		};
	};
	const fcntl = own.func('int fcntl(int fd, int command, ...)');
	const ioctl = own.func('int ioctl(int fd, unsigned long request, ...)');
	const mmap = lazily<[number, number, number, number, number, number]>(
		'mmap',
		'intptr_t mmap(intptr_t address, size_t bytes, int protection, int flags, int fd, int64_t offset)',
	);
	const socket = lazily<[number, number, number]>('socket', 'int socket(int domain, int type, int protocol)');
	const bind = lazily<[number, Uint8Array, number]>('bind', 'int bind(int fd, void *address, uint bytes)');
	const connect = lazily<[number, Uint8Array, number]>(
		'connect',
		'int connect(int fd, void *address, uint bytes)',
	);
	const accept4 = lazily<[number, null, null, number]>(
		'accept4',
		'int accept4(int fd, void *address, void *bytes, int flags)',
	);
	return {
		fcntl: (fd, command, argument) =>
			checked('fcntl', fcntl(fd, command, typeof argument === 'number' ? 'int' : 'void *', argument)),
		flock: lazily('flock', 'int flock(int fd, int operation)'),
		ioctl: (fd, request, argument) => checked('ioctl', ioctl(fd, request, 'void *', argument)),
		mmap: (bytes, protection, flags, fd) => mmap(0, bytes, protection, flags, fd, 0),
		munmap: lazily('munmap', 'int munmap(intptr_t address, size_t bytes)'),
		socket: (domain, type) => socket(domain, type, 0),
		bind: (fd, address) => bind(fd, address, address.length),
		connect: (fd, address) => connect(fd, address, address.length),
		listen: lazily('listen', 'int listen(int fd, int backlog)'),
		accept4: (fd, flags) => accept4(fd, null, null, flags),
		recvmsg: lazily('recvmsg', 'intptr_t recvmsg(int fd, intptr_t header, int flags)'),
		sendmsg: lazily('sendmsg', 'intptr_t sendmsg(int fd, intptr_t header, int flags)'),
		poll: lazily('poll', 'int poll(void *fds, unsigned long count, int timeout)'),
		eventfd: lazily('eventfd', 'int eventfd(uint count, int flags)'),
		memfd_create: lazily('memfd_create', 'int memfd_create(const char *name, uint flags)'),
		view: (address, bytes) => koffi.view(BigInt(address), bytes),
	};
}
