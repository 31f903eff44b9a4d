// System calls that Node has no function for. koffi makes them: an optional package, loaded when it is first needed.

import {createRequire} from 'node:module';
import {getSystemErrorName} from 'node:util';

/** Each returns the result of the call. @throws an error whose `code` is the errno's name, like Node's own errors */
export type Libc = {
	fcntl(fd: number, command: number, argument: number | ArrayBufferView): number;
	flock(fd: number, operation: number): number;
	ioctl(fd: number, request: number, argument: ArrayBufferView): number;
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
	const fcntl = own.func('int fcntl(int fd, int command, ...)');
	const flock = own.func('int flock(int fd, int operation)');
	const ioctl = own.func('int ioctl(int fd, unsigned long request, ...)');
	const checked = (name: string, result: number): number => {
		if (result !== -1) return result;
		const code = getSystemErrorName(-koffi.errno());
		throw Object.assign(new Error(`${code}: ${name}`), {code});
	};
	return {
		fcntl: (fd, command, argument) =>
			checked('fcntl', fcntl(fd, command, typeof argument === 'number' ? 'int' : 'void *', argument)),
		flock: (fd, operation) => checked('flock', flock(fd, operation)),
		ioctl: (fd, request, argument) => checked('ioctl', ioctl(fd, request, 'void *', argument)),
	};
}
