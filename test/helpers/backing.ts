import type {Backing} from '../../source/kernel/physio.js';
import {MIB} from './lab.js';

/** A backing that moves nothing and always succeeds. */
export function stubBacking(more: Partial<Backing> = {}): Backing {
	return {
		probe: () => {},
		geom: false,
		mediaBytes: 64 * MIB,
		sectorSize: 512,
		stripeSize: 0,
		canDelete: true,
		transfer: (_map, iovec) => ({bytes: iovec.reduce((sum, {bytes}) => sum + bytes, 0)}),
		flush: () => undefined,
		delete: () => undefined,
		...more,
	};
}
