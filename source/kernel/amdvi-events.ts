// What amdvi_hw.c prints of an event (amdvi_decode_evt), a tab as wide as a console draws it.

import {decodeEvent, ENTRY_BYTES, EVENT} from '../formats/amdvi.js';
import type {Memory} from '../hardware/memory.js';

const TAB = ' '.repeat(8);
/** %b's names of the flags, from bit 0 up. */
const FLAGS = ['GN', 'NX', 'US', 'I', 'PR', 'RW', 'PE', 'RZ', 'TR'];
const bare = (value: number): string => `0x${value.toString(16)}`;

function flagsText(flags: number): string {
	const names = FLAGS.filter((_, bit) => flags & (1 << bit));
	return `${bare(flags & 0x1ff)}${names.length > 0 ? `<${names.join(',')}>` : ''}`;
}

type Event = ReturnType<typeof decodeEvent>;

/** The entry at an address of the log; undefined where none was ever written. */
export function readEvent(memory: Memory, at: number): Event | undefined {
	const words = [0, 4, 8, 12].map(offset => memory.u32(at + offset));
	const event = decodeEvent(words[0], words[1], words[2], words[3]);
	return event.type === 0 ? undefined : event;
}

export function eventLines(memory: Memory, event: Event): string[] {
	const {type, flags, rid, domain, address} = event;
	const line = (name: string) =>
		`${TAB}[${name} EVT: devId:${bare(rid)} DomId:${bare(domain)} Addr:${bare(address)} ${flagsText(flags)}]`;
	switch (type) {
		case EVENT.ILLEGAL_DEV_TABLE_ENTRY:
		case EVENT.IO_PAGE_FAULT:
			// amdvi_decode_inv_dte_evt prints the page fault's name too.
			return [line('IO_PAGE_FAULT')];
		case EVENT.DEV_TAB_HARDWARE_ERROR:
		case EVENT.PAGE_TAB_HARDWARE_ERROR:
			// The kind of error is passed on in 8 bits, which it is not in: "RSVD" whatever it was.
			return [line(type === EVENT.DEV_TAB_HARDWARE_ERROR ? 'DEV_TAB_HW_ERR' : 'PAGE_TAB_HW_ERR'), 'RSVD'];
		case EVENT.ILLEGAL_COMMAND_ERROR:
		case EVENT.COMMAND_HARDWARE_ERROR:
			return [
				`${TAB}[${type === EVENT.ILLEGAL_COMMAND_ERROR ? 'ILLEGAL CMD' : 'CMD HW ERR'} EVT]`,
				...commandLines(memory, address),
			];
		default:
			return [`Unsupported AMD-Vi event:${type}`];
	}
}

function commandLines(memory: Memory, at: number): string[] {
	if (!memory.has(at, ENTRY_BYTES)) return [];
	const [word0, word1, lo, hi] = [0, 4, 8, 12].map(offset => memory.u32(at + offset));
	const quad = bare(hi * 2 ** 32 + lo);
	return [`${TAB}CMD opcode= ${bare(word1 >>> 28)} ${bare(word0)} ${bare(word1 & 0xfffffff)} ${quad}`];
}
