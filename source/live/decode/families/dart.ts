// Apple's DART, as Linux (drivers/iommu/apple-dart.c) and macOS print it; macOS panics with it:
//
//   apple-dart 231304000.iommu: translation fault: status:0x80020004 stream:0 code:0x4 (NO PTE FOR IOVA) at 0x1f0c000
//   panic(cpu 5 caller 0x…): "dart-disp0 (0x…): SMMU(SMMU) error: SID 0 PTE invalid exception on read with DVA 0x2454000 (…) …

import type {ReasonClass} from '../../../formats/vtd-reasons.js';
import {accessOf, address, done, type Format, unitOf} from './format.js';

/** The driver's names of the error codes. */
const CODES: Readonly<
	Record<string, {words: string; cause?: ReasonClass; access?: 'read' | 'write'; level?: number}>
> = {
	'READ FAULT': {words: 'the page is mapped, but not for reads', cause: 'not allowed', access: 'read'},
	'WRITE FAULT': {words: 'the page is mapped, but not for writes', cause: 'not allowed', access: 'write'},
	'NO PTE FOR IOVA': {words: 'nothing is mapped: no entry in the last table', cause: 'not mapped', level: 1},
	'NO PMD FOR IOVA': {
		words: 'nothing is mapped: no entry in the table above the last',
		cause: 'not mapped',
		level: 2,
	},
	'NO PGD FOR IOVA': {words: 'nothing is mapped: no entry in the top table', cause: 'not mapped', level: 3},
	'NO TTBR FOR IOVA': {words: 'the stream has no tables: it is in no domain', cause: 'no entry'},
	unknown: {words: 'the driver does not know the code'},
};

export const DART: readonly Format[] = [
	{
		of: 'apple_dart_t8020_irq, apple_dart_t8110_irq',
		word: 'translation fault: status',
		pattern:
			/translation fault: status:(0x[0-9a-f]{1,8}) stream:(\d{1,3}) code:(0x[0-9a-f]{1,8}) \(([A-Za-z ]+)\) at (0x[0-9a-f]{1,16})(?![\w?])/,
		read: ([, status, sid, code, name, at], {before, time}) => {
			const known = CODES[name] ?? CODES.unknown;
			return done({
				family: 'dart',
				by: 'Linux',
				kind: 'access',
				name: 'translation fault',
				unit: unitOf(before),
				endpoint: `stream ${sid}`,
				stream: Number(sid),
				address: address(at),
				reason: Number(code),
				...known,
				meaning: [`${name} (code ${code}): ${known.words}.`],
				detail: `the status is ${status}`,
				time,
			});
		},
	},
	{
		of: 'macOS’s AppleT8020DART and later, from panics',
		word: 'DVA 0x',
		pattern:
			/"?(dart-[\w-]+) \(0x[0-9a-f]+\): [^"]*?error: SID (\d{1,3}) ([A-Za-z0-9 ]+?) exception on (read|write)(?: of| with)? DVA (0x[0-9a-f]{1,16})(?![\w?])([^"]*)/,
		read: ([, unit, sid, what, access, at, rest], {time}) =>
			done({
				family: 'dart',
				by: 'macOS',
				kind: 'access',
				name: `${what} exception`,
				unit,
				endpoint: `${unit} SID ${sid}`,
				stream: Number(sid),
				access: accessOf(access === 'write'),
				address: address(at),
				words: what,
				cause: /invalid/i.test(what) ? 'not mapped' : 'not allowed',
				meaning: [
					`${what}: ${/PTE invalid/.test(what) ? 'nothing is mapped at that address' : /TTBR/.test(what) ? 'the stream has no tables' : 'the access is not allowed'}. macOS panics with it.`,
				],
				detail: /ERROR_STATUS (0x[0-9a-f]+)/.exec(rest)?.[0],
				time,
			}),
	},
];
