// Loop devices and their backing files.

import fs from 'node:fs';
import type {Libc} from '../system/libc.js';
import {errnoOf} from '../user-error.js';
import {deviceNumber, type Place, placeAt, placeOf, textOf} from './block-device.js';

/** `path` is the name of the backing file where the loop was made. `sure`: `backing` is the kernel's word, not a path's. */
export type Loop = {
	name: string;
	number: string;
	path: string;
	backing?: Place;
	sure: boolean;
	readOnly: boolean;
};

/** linux/loop.h */
const LOOP_GET_STATUS64 = 0x4c05;
/** struct loop_info64: u64 device @0, u64 inode @8, u64 rdevice @16, …; 232 bytes. */
const INFO_WORDS = 29;

/** All loop devices with a backing file. @throws the system's error */
export function loopDevices(root: string, libc: Libc): Loop[] {
	return fs.readdirSync(`${root}/sys/block`).flatMap(name => {
		if (!name.startsWith('loop')) return [];
		const folder = `${root}/sys/block/${name}`;
		const path = textOf(`${folder}/loop/backing_file`)?.replace(/\n$/, '');
		const number = textOf(`${folder}/dev`)?.trim();
		if (path === undefined || number === undefined) return [];
		const backing = backingOf(`${root}/dev/${name}`, number, libc);
		const readOnly = textOf(`${folder}/ro`)?.trim() === '1';
		return [{name, number, path, backing: backing ?? placeAt(path), sure: backing !== undefined, readOnly}];
	});
}

/** Ask the kernel: the path may be gone, replaced, or from another mount namespace. */
function backingOf(device: string, number: string, {ioctl}: Libc): Place | undefined {
	const info = new BigUint64Array(INFO_WORDS);
	let fd: number | undefined;
	try {
		fd = fs.openSync(device, fs.constants.O_RDONLY | fs.constants.O_NONBLOCK);
		if (placeOf(fs.fstatSync(fd, {bigint: true})).key !== number) return undefined;
		ioctl(fd, LOOP_GET_STATUS64, info);
	} catch (error) {
		if (errnoOf(error) === undefined) throw error;
		return undefined;
	} finally {
		if (fd !== undefined) fs.closeSync(fd);
	}
	const inode = `${deviceNumber(Number(info[0]))} ${info[1]}`;
	const rdevice = Number(info[2]);
	return rdevice === 0
		? {key: inode, device: false, inode}
		: {key: deviceNumber(rdevice), device: true, inode};
}
