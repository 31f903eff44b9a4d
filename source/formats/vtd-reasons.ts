// Fault reasons beyond legacy mode: interrupt remapping and scalable mode (Intel VT-d Architecture Specification,
// tables of chapter 7); and the class of each reason, which tells where to look for the cause.

import {FAULT, legacyReasons} from './vtd.js';

/** Interrupt remapping, from 0x20, as Linux's dmar.c prints them. It has no text for the last three. */
const interrupts = [
	'Detected reserved fields in the decoded interrupt-remapped request',
	'Interrupt index exceeded the interrupt-remapping table size',
	'Present field in the IRTE entry is clear',
	'Error accessing interrupt-remapping table pointed by IRTA_REG',
	'Detected reserved fields in the IRTE entry',
	'Blocked a compatibility format interrupt request',
	'Blocked an interrupt request due to source-id verification failure',
	'posted interrupt descriptor cannot be read',
	'reserved bits in the posted interrupt descriptor',
	'interrupt request in a blocked format',
];
export const FIRST_INTERRUPT = 0x20;
export const isInterrupt = (reason: number): boolean =>
	reason >= FIRST_INTERRUPT && reason < FIRST_INTERRUPT + interrupts.length;

/** Scalable mode. */
const scalable: Readonly<Record<number, string>> = {
	48: 'root table address invalid',
	49: 'request with PASID, which the table mode does not support',
	50: 'page group request, which the table mode does not support',
	51: 'refused by the mode of the root table (RTA.4)',
	56: 'root entry cannot be read',
	57: 'root entry not present',
	58: 'reserved bits in the root entry',
	64: 'context entry cannot be read',
	65: 'context entry not present',
	66: 'reserved bits in the context entry',
	67: 'context entry invalid',
	68: 'context entry denies ATS (DTE)',
	69: 'context entry denies PASIDs (PASIDE)',
	70: 'PASID larger than the context entry allows',
	71: 'context entry denies page requests (PRE)',
	72: 'RID_PASID of the context entry invalid',
	80: 'PASID directory entry cannot be read',
	81: 'PASID directory entry not present',
	82: 'reserved bits in the PASID directory entry',
	88: 'PASID table entry cannot be read',
	89: 'PASID table entry not present',
	90: 'reserved bits in the PASID table entry',
	91: 'PASID table entry invalid',
	92: 'PASID table entry denies execute requests (ERE)',
	93: 'PASID table entry denies supervisor requests (SRE)',
	112: 'first-level entry cannot be read',
	113: 'first-level entry not present',
	114: 'reserved bits in a first-level entry',
	115: 'top first-level entry cannot be read',
	116: 'first-level entry at an address beyond the second level',
	117: 'top first-level entry not readable in the second level',
	118: 'first-level entry not readable in the second level',
	119: 'first-level entry not writable in the second level',
	120: 'second-level entry cannot be read',
	121: 'second-level entry denies the access',
	122: 'reserved bits in a second-level entry',
	123: 'second-level table pointer invalid',
	124: 'accessed or dirty bit of a second-level entry needs setting in non-snooped memory',
	125: 'accessed or dirty bit of a second-level entry could not be set (SSL.6)',
	128: 'first-level address not canonical',
	129: 'user request to a supervisor page',
	130: 'execute request to a page that is not executable',
	131: 'address beyond the width of the hardware',
	132: 'address beyond the width of the second level',
	133: 'page not writable',
	134: 'page not readable',
	135: 'address in the interrupt range',
	144: 'accessed or dirty bit of a first-level entry needs setting in non-snooped memory',
	145: 'accessed or dirty bit of a first-level entry could not be set',
};

/** A reason in words; undefined if the specification has no such reason. */
export const faultText = (reason: number): string | undefined =>
	legacyReasons[reason] ?? interrupts[reason - FIRST_INTERRUPT] ?? scalable[reason];

/** Xen's text for 0xd. Its other texts are Linux's. */
const XEN_BLOCKED = 'Blocked a DMA translation request';

/** Whether a log's text belongs to the reason number beside it. Linux's texts for scalable mode begin with SM. */
export function agrees(reason: number, words: string): boolean {
	if (words === '' || words === 'Unknown' || reason === FAULT.INTERRUPT_RANGE) return true;
	if (scalable[reason] !== undefined) return words.startsWith('SM');
	if (reason === FAULT.TRANSLATION_BLOCKED && XEN_BLOCKED.startsWith(words)) return true;
	// A truncated line has only the beginning of the text.
	return (faultText(reason) ?? '').startsWith(words.replace(/\W+$/, ''));
}

/** Each class of reasons has its own causes and its own place to look. */
export type ReasonClass =
	| 'no entry'
	| 'bad entry'
	| 'too wide'
	| 'not mapped'
	| 'not allowed'
	| 'not enabled'
	| 'interrupt range'
	| 'interrupt';

const NO_ENTRY = [1, 2, 0x39, 0x41, 0x51, 0x59];
const TOO_WIDE = [4, 0x74, 0x80, 0x83, 0x84];
const NOT_MAPPED = [5, 6, 0x71, 0x79];
const NOT_ALLOWED = [0x81, 0x82, 0x85, 0x86];
/** The device's ATS, PASIDs or page requests are not enabled. */
const NOT_ENABLED = [0xd, 0x31, 0x32, 0x44, 0x45, 0x46, 0x47, 0x5c, 0x5d];
/** Nothing more is known about these. */
const UNCLEAR = [0, 0x33];

/** Undefined if the reason is unclear, or the specification has no such reason. */
export function classOf(reason: number): ReasonClass | undefined {
	if (faultText(reason) === undefined || UNCLEAR.includes(reason)) return undefined;
	if (isInterrupt(reason)) return 'interrupt';
	if (NO_ENTRY.includes(reason)) return 'no entry';
	if (TOO_WIDE.includes(reason)) return 'too wide';
	if (NOT_MAPPED.includes(reason)) return 'not mapped';
	if (NOT_ALLOWED.includes(reason)) return 'not allowed';
	if (NOT_ENABLED.includes(reason)) return 'not enabled';
	return reason === FAULT.INTERRUPT_RANGE || reason === 0x87 ? 'interrupt range' : 'bad entry';
}
