// What is behind an access to what is not mapped: first what the log itself shows, then what is usual.

import {bitsOf, compareHalves, type Halves, halves, hexHalves} from '../../formats/halves.js';
import {deviceText} from './fault.js';
import {isPassthrough, type KnownRange, type Surroundings} from './known.js';
import type {Group} from './storm.js';

const MSI_FIRST = halves(0xfee00000);
const MSI_LAST = halves(0xfeefffff);
const PAGE = halves(0x1000);
/** Linux gives out DMA addresses from 4 GiB down, and most drivers never need more than the uppermost of them. */
const ALLOCATOR = halves(0xf0000000);
const FOUR_GIB = halves(0xffffffff);

/** What usually is behind an access to what is not mapped. */
export function accessCauses({fault}: Group, {device, ranges}: Surroundings): readonly string[] {
	if (isPassthrough(fault.driver ?? device?.driver)) return PASSTHROUGH;
	return ranges.length === 0 ? [...USUAL, FIRMWARE] : USUAL;
}

const USUAL = [
	'The driver unmapped the buffer while the device still used it, or gave it a wrong address.',
	'The device was reset, or its driver died, with DMA under way.',
];
const FIRMWARE = 'Or firmware uses the device, with memory that the kernel was not told to map (no RMRR).';

const PASSTHROUGH = [
	'The guest gave it an address where it has no memory: registers of another device, or what was memory before the guest rebooted.',
	'The guest went down or was reset with DMA under way.',
];

/** What the log itself shows; `absent` where nothing is mapped at the address. */
export function fromLog(group: Group, around: Surroundings, absent: boolean): string[] {
	const {lowest, highest, fault} = group;
	const inherited = around.inherited
		? [
				'This kernel was started by another (kexec, kdump): devices still do what that one told them, until their drivers reset them.',
			]
		: [];
	if (lowest === undefined || highest === undefined || fault.kind !== 'access') return inherited;
	const about = [...around.ranges.map(range => rangeWords(range, group)), ...widthWords(highest, around)];
	if (compareHalves(highest, PAGE) < 0)
		about.push(
			'Address 0 is what a descriptor holds that was never filled in, or a ring that was not set up.',
		);
	if (within(lowest, highest, MSI_FIRST, MSI_LAST))
		about.push(
			'0xfee00000–0xfeefffff is where interrupts are sent: this was an MSI, or an address mistaken for one.',
		);
	if (bitsOf(lowest) === 64)
		about.push(
			`${hexHalves(lowest)} has all 64 bits: no DMA address, but a pointer, or a number that was mangled.`,
		);
	if (about.length === 0 && absent && fault.by === 'Linux' && within(lowest, highest, ALLOCATOR, FOUR_GIB))
		about.push(
			'Linux gives out DMA addresses from just under 4 GiB: this one was probably mapped, and is no longer.',
		);
	return [...about, ...inherited];
}

function widthWords(highest: Halves, {width}: Surroundings): string[] {
	const bits = bitsOf(highest);
	return width !== undefined && bits > width
		? [`${hexHalves(highest)} takes ${bits} bits, and there is an IOMMU of ${width} bits.`]
		: [];
}

function rangeWords({what, first, last, device}: KnownRange, {fault}: Group): string {
	const range = `${hexHalves(first)}–${hexHalves(last)}`;
	switch (what) {
		case 'RMRR':
			return `${range} is an RMRR: memory that firmware keeps for certain devices. The kernel maps it for those alone, and only in the domain that they start in.`;
		case 'firmware':
			return `${range} is memory that firmware reserves: it may have set the device to use it, and this log has no RMRR for it.`;
		case 'BAR':
			return device !== undefined && device.rid === fault.device?.rid
				? `${range} are the registers of the device itself.`
				: `${range} are registers of ${device === undefined ? 'a device' : deviceText(device)}: DMA from one device to another (peer-to-peer) that nothing mapped.`;
	}
}

const within = (lowest: Halves, highest: Halves, first: Halves, last: Halves): boolean =>
	compareHalves(first, lowest) <= 0 && compareHalves(highest, last) <= 0;
