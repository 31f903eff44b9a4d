// The memory of a guest as its front end shares it: files, each mapped once, and which parts of them are where.

import fs from 'node:fs';
import {PAGE_SIZE} from '../../formats/address.js';
import type {Region} from '../../formats/vhost-user.js';
import type {SharedMemory} from '../../lab/build/machine.js';
import type {Libc} from '../../system/libc.js';
import {Mapping} from '../../system/mapping.js';
import {messageOf} from '../../user-error.js';
import {ProtocolError} from './connection.js';

type Mapped = Region & {file: number};

export class GuestMemory implements SharedMemory {
	readonly files: readonly ArrayBuffer[];
	/** Equal where the same parts are in the same places: then only the mapping is another. */
	readonly layout: string;

	private constructor(
		private readonly mappings: readonly Mapping[],
		/** By address. */
		readonly regions: readonly Mapped[],
	) {
		this.files = mappings.map(({buffer}) => buffer);
		this.layout = JSON.stringify([
			this.files.map(({byteLength}) => byteLength),
			regions.map(({gpa, bytes, file, offset}) => [gpa, bytes, file, offset]),
		]);
	}

	/** Maps what came with a table; the descriptors stay the caller's. @throws ProtocolError */
	static map(libc: Libc, regions: readonly Region[], fds: readonly number[]): GuestMemory {
		if (regions.length === 0 || regions.length !== fds.length)
			throw new ProtocolError(`${fds.length} descriptors came with a table of ${regions.length} regions`);
		const stats = fds.map(fd => fs.fstatSync(fd, {bigint: true}));
		const keys = stats.map(({dev, ino}) => `${dev}:${ino}`);
		const names = [...new Set(keys)];
		const mapped = regions.map((region, i) => ({...region, file: names.indexOf(keys[i])}));
		mapped.sort((a, b) => a.gpa - b.gpa);
		mapped.forEach((region, i) => {
			check(region, mapped[i - 1]);
		});
		// Memory behind the end of a file would end this process when it is touched.
		regions.forEach(({bytes, offset}, i) => {
			if (offset + bytes > Number(stats[i].size))
				throw new ProtocolError('a region of memory is larger than its file; give QEMU share=on');
		});
		const mappings: Mapping[] = [];
		try {
			for (const [file, name] of names.entries()) {
				const end = Math.max(
					...mapped.filter(region => region.file === file).map(({offset, bytes}) => offset + bytes),
				);
				mappings.push(Mapping.ofFile(libc, fds[keys.indexOf(name)], end));
			}
		} catch (error) {
			for (const mapping of mappings) mapping.unmap();
			throw new ProtocolError(`the guest's memory cannot be mapped: ${messageOf(error)}`);
		}
		return new GuestMemory(mappings, mapped);
	}

	get bytes(): number {
		return this.regions.reduce((sum, {bytes}) => sum + bytes, 0);
	}

	/** The GPA of a range at an address of the front end's; undefined where it is not all in one region. */
	gpaOf(address: number, bytes: number): number | undefined {
		const region = this.regions.find(
			({address: start, bytes: length}) => address >= start && address + bytes <= start + length,
		);
		return region && region.gpa + (address - region.address);
	}

	/** Nobody reads or writes it any more. */
	unmap(): void {
		for (const mapping of this.mappings) mapping.unmap();
	}
}

function check({gpa, bytes, offset, address}: Region, before: Region | undefined): void {
	const whole = [gpa, bytes, offset].every(value => value % PAGE_SIZE === 0);
	const exact = [gpa + bytes, offset + bytes, address + bytes].every(value => Number.isSafeInteger(value));
	if (!whole || !exact || bytes === 0)
		throw new ProtocolError('a region of memory is not of whole pages, or beyond 2^53');
	if (before !== undefined && before.gpa + before.bytes > gpa)
		throw new ProtocolError('regions of memory overlap');
}
