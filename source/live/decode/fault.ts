// What a kernel log says of an IOMMU fault, as plain data. Only what stands in the log is in here: what it does not
// say is left out, and nothing is made up for it.

import type {Halves} from '../../formats/address.js';
import {type Rid, ridBus} from '../../formats/pci.js';

/** `segment` is undefined where the log does not print it, as Linux does of VT-d before 7.0. */
export type LoggedDevice = {readonly segment?: number; readonly rid: Rid};

/** What was refused, or what went wrong. */
export type Kind =
	| 'access'
	| 'interrupt'
	| 'device entry'
	| 'device request'
	| 'page request'
	| 'hardware'
	| 'command'
	| 'invalidation'
	| 'ownership'
	| 'unattached'
	| 'unknown';

export type LoggedFault = {
	readonly family: 'vt-d' | 'amd-vi';
	readonly by: 'Linux' | 'FreeBSD' | 'QEMU' | 'Xen';
	readonly kind: Kind;
	/** As the log calls it: DMA Read, IO_PAGE_FAULT. */
	readonly name: string;
	readonly device?: LoggedDevice;
	/** The driver that the line names with the device, or FreeBSD's name of it: vfio-pci, em0. */
	readonly driver?: string;
	readonly access?: 'read' | 'write';
	readonly address?: Halves;
	/** VT-d: the fault reason, and the words that the log has for it. */
	readonly reason?: number;
	readonly words?: string;
	/** AMD-Vi: bits 27:16 of the event's second word. */
	readonly flags?: number;
	readonly domain?: number;
	readonly pasid?: number;
	/** The index of an interrupt that was refused. */
	readonly index?: number;
	/** What else the log says of it. */
	readonly detail?: string;
	/** Seconds, on the log's own clock. */
	readonly time?: number;
};

export type FaultReading = {readonly is: 'fault'; readonly fault: LoggedFault; readonly times: number};

/** One thing that a line says. */
export type Reading =
	| FaultReading
	/** Of the fault before. */
	| {readonly is: 'repeat'; readonly times: number}
	| {readonly is: 'detail'; readonly text: string}
	/** Messages that the kernel kept to itself; `of` is its function. */
	| {readonly is: 'suppressed'; readonly of: string; readonly messages: number}
	/** Hardware, or the kernel's own queue, had no room for a record. */
	| {readonly is: 'overflow'}
	/** It looks like a fault, and does not read as one. */
	| {readonly is: 'not understood'; readonly line: string};

const two = (value: number): string => value.toString(16).padStart(2, '0');

/** As lspci writes it: 3b:00.0, or 0000:3b:00.0 where the segment is known. */
export function deviceText({segment, rid}: LoggedDevice): string {
	const bare = `${two(ridBus(rid))}:${two((rid >>> 3) & 0x1f)}.${rid & 7}`;
	return segment === undefined ? bare : `${segment.toString(16).padStart(4, '0')}:${bare}`;
}

/** FreeBSD's selector, as devctl and pciconf want it. */
export const selectorText = ({segment = 0, rid}: LoggedDevice): string =>
	`pci${segment}:${ridBus(rid)}:${(rid >>> 3) & 0x1f}:${rid & 7}`;

/** A bus, a slot and a function out of hex digits; undefined where there is no such function. */
export function loggedDevice(
	segment: string | undefined,
	bus: string,
	slot: string,
	fn: string,
): LoggedDevice | undefined {
	const at = Number.parseInt(slot, 16);
	if (at > 0x1f) return undefined;
	const rid = (Number.parseInt(bus, 16) << 8) | (at << 3) | Number(fn);
	return segment === undefined ? {rid} : {segment: Number.parseInt(segment, 16), rid};
}

/** A requester id as four hex digits or fewer. */
export const ridDevice = (hex: string): LoggedDevice => ({rid: Number.parseInt(hex, 16)});

/** The text of a log, no longer than is looked at. */
export function excerpt(text: string, longest = 160): string {
	const signs = [...text];
	return signs.length > longest ? `${signs.slice(0, longest - 1).join('')}…` : text;
}
