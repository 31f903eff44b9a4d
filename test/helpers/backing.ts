import type {Backing} from '../../source/kernel/physio.js';
import {MIB} from './lab.js';

/** A backing that says yes to all and keeps what it was asked. */
export function agreeable(more: Partial<Backing> = {}): Backing & {asked: string[]} {
	const asked: string[] = [];
	return {
		asked,
		probe: () => {},
		geom: false,
		mediaBytes: 64 * MIB,
		sectorSize: 512,
		stripeSize: 0,
		canDelete: true,
		transfer: (_map, iovec, offset, write) => {
			asked.push(`${write ? 'write' : 'read'} ${offset} in ${iovec.length}`);
			return {bytes: iovec.reduce((sum, {bytes}) => sum + bytes, 0)};
		},
		flush: () => undefined,
		delete: () => undefined,
		...more,
	};
}
