// How the messages of an IOMMU's driver look: a table of formats, each with what it says.

import {type Halves, parseHalves} from '../../../formats/address.js';
import {type LoggedDevice, type LoggedFault, loggedDevice, type Reading} from '../fault.js';

/** The text around a message: other things may stand before and after it in the same line. */
export type Around = {readonly before: string; readonly after: string; readonly time?: number};

/** Reads a following line of the same message; undefined if it is none. */
export type Continue = (text: string) => Begun | undefined;
/** A fault whose message has more lines. Without `next` it is complete. */
export type Begun = {readonly fault: LoggedFault; readonly next?: Continue};

export type Parsed = Reading | ({readonly is: 'begun'} & Begun);

export type Format = {
	/** The source of the format, for those who change it. */
	readonly of: string;
	/** It must be in the line: a quick check. */
	readonly word: string;
	readonly pattern: RegExp;
	/** Undefined where the numbers make no sense. */
	readonly read: (match: RegExpExecArray, around: Around) => Parsed | undefined;
};

export const done = (fault: LoggedFault): Parsed => ({is: 'fault', fault, times: 1});
export const begun = (fault: LoggedFault, next: Continue): Parsed => ({is: 'begun', fault, next});
export const detail = (text: string): Parsed => ({is: 'detail', text});
export const OVERFLOW: Parsed = {is: 'overflow'};

export const HEX = '(?:0x)?([0-9a-f]{1,16})';
export const BDF = String.raw`(?:([0-9a-f]{4}):)?([0-9a-f]{2}):([0-9a-f]{2})\.([0-7])`;

export const address = (digits: string | undefined): Halves | undefined =>
	digits === undefined ? undefined : parseHalves(digits.replace(/^0x/, ''));

/** The name before a message: "arm-smmu-v3 arm-smmu-v3.0.auto: ", "14860000.sysmmu: ". */
export function unitOf(before: string): string | undefined {
	const name = /((?:[0-9a-f]{4}:)?[0-9a-f]{2}:[0-9a-f]{2}\.[0-7]|[A-Za-z0-9/][\w.,@/-]{1,60}):?\s*$/.exec(
		before,
	)?.[1];
	return name !== undefined && /[\d.]/.test(name) && !/^\d+(?:\.\d+)?$/.test(name) ? name : undefined;
}

/** A PCI function from its usual name; undefined for other devices. */
export function pciOf(name: string): LoggedDevice | undefined {
	const match = new RegExp(`^${BDF}$`).exec(name);
	return match === null ? undefined : loggedDevice(match[1], match[2], match[3], match[4]);
}

/** Who did it: a PCI function, or any other name. */
export const byName = (name: string): Pick<LoggedFault, 'device' | 'endpoint'> => {
	const device = pciOf(name);
	return device === undefined ? {endpoint: name} : {device};
};

export const accessOf = (isWrite: boolean): 'read' | 'write' => (isWrite ? 'write' : 'read');

/** The set bits of a register, by their names. */
export const bitNames = (
	value: number,
	names: readonly (readonly [bit: number, words: string])[],
): string[] => names.filter(([bit]) => (value >>> bit) & 1).map(([, words]) => words);

/** A requester ID as lspci writes it, for IDs that may be one. */
export const asRequester = (id: number): string =>
	`${(id >>> 8).toString(16).padStart(2, '0')}:${((id >>> 3) & 0x1f).toString(16).padStart(2, '0')}.${id & 7}`;
