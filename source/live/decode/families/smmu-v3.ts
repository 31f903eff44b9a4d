// Arm's SMMUv3, as Linux (drivers/iommu/arm/arm-smmu-v3/arm-smmu-v3.c) and Xen (xen/drivers/passthrough/arm/smmu-v3.c)
// print it. An event is a header and four words; Linux from 6.14 decodes them in two more lines:
//
//   arm-smmu-v3 arm-smmu-v3.0.auto: event 0x10 received:
//   arm-smmu-v3 arm-smmu-v3.0.auto: 	0x0000018000000010                                                    four of these
//   arm-smmu-v3 arm-smmu-v3.0.auto: event: F_TRANSLATION client: 0001:06:00.0 sid: 0x20600 ssid: 0x0 iova: 0xff9bc000 ipa: 0x0
//   arm-smmu-v3 arm-smmu-v3.0.auto: unpriv data write s1 "Input address caused fault" stag: 0x0
//
// The events' fields and meanings: Arm IHI 0070, chapter 7.3.

import type {Halves} from '../../../formats/address.js';
import {isBitSet} from '../../../formats/address.js';
import type {ReasonClass} from '../../../formats/vtd-reasons.js';
import type {Kind, LoggedFault} from '../fault.js';
import {
	accessOf,
	address,
	asRequester,
	type Begun,
	begun,
	byName,
	detail,
	done,
	type Format,
	OVERFLOW,
	type Parsed,
	unitOf,
} from './format.js';

type Event = {name: string; words: string; kind: Kind; cause?: ReasonClass};
const access = (name: string, cause: ReasonClass, words: string): Event => ({
	name,
	words,
	kind: 'access',
	cause,
});
const stream = (name: string, words: string): Event => ({name, words, kind: 'stream', cause: 'no entry'});
const broken = (name: string, words: string): Event => ({
	name,
	words,
	kind: 'device entry',
	cause: 'bad entry',
});

const EVENTS: Readonly<Record<number, Event>> = {
	1: {name: 'F_UUT', words: 'an upstream transaction that the SMMU does not support', kind: 'device request'},
	2: stream('C_BAD_STREAMID', 'the stream ID is beyond the stream table: no device was set up with it'),
	3: {name: 'F_STE_FETCH', words: 'the stream table entry cannot be read', kind: 'hardware'},
	4: broken('C_BAD_STE', 'the stream table entry is invalid: no driver has set up this stream, or wrongly'),
	5: {
		name: 'F_BAD_ATS_TREQ',
		words: 'a translation request (ATS) from a device without ATS',
		kind: 'device request',
		cause: 'not enabled',
	},
	6: stream('F_STREAM_DISABLED', 'the stream is disabled: transactions without a substream are refused'),
	7: {
		name: 'F_TRANSL_FORBIDDEN',
		words: 'a translated address from a device that may not send one',
		kind: 'device request',
		cause: 'not enabled',
	},
	8: {
		name: 'C_BAD_SUBSTREAMID',
		words: 'the substream ID (PASID) is not allowed for this stream',
		kind: 'device request',
		cause: 'not enabled',
	},
	9: {name: 'F_CD_FETCH', words: 'the context descriptor cannot be read', kind: 'hardware'},
	10: broken('C_BAD_CD', 'the context descriptor is invalid'),
	11: {name: 'F_WALK_EABT', words: 'an external abort while the tables were walked', kind: 'hardware'},
	16: access('F_TRANSLATION', 'not mapped', 'nothing is mapped at that address'),
	17: access('F_ADDR_SIZE', 'too wide', 'the address, or one in a table, is wider than is allowed'),
	18: access('F_ACCESS', 'bad entry', 'the page’s access flag is clear, and hardware does not set it'),
	19: access('F_PERMISSION', 'not allowed', 'the page is mapped, but not for this kind of access'),
	32: {name: 'F_TLB_CONFLICT', words: 'two entries of the TLB match', kind: 'hardware'},
	33: {name: 'F_CFG_CONFLICT', words: 'two cached configurations match', kind: 'hardware'},
	36: {name: 'E_PAGE_REQUEST', words: 'a hint that the page will be needed', kind: 'page request'},
	37: {name: 'F_VMS_FETCH', words: 'the VM structure cannot be read', kind: 'hardware'},
};
const BY_NAME = new Map(Object.values(EVENTS).map(event => [event.name, event]));

const SMMU = {family: 'smmu-v3', by: 'Linux'} as const;
const byOf = (before: string) => (before.includes('SMMUv3: ') ? 'Xen' : 'Linux');

function eventFault(
	event: Event | undefined,
	id: number | undefined,
): Partial<LoggedFault> & {kind: Kind; name: string} {
	const number = id === undefined ? '' : ` (event 0x${id.toString(16).padStart(2, '0')})`;
	if (event === undefined) return {kind: 'unknown', name: `event 0x${(id ?? 0).toString(16)}`, reason: id};
	return {
		kind: event.kind,
		name: event.name,
		reason: id,
		words: event.words,
		cause: event.cause,
		meaning: [`${event.name}${number}: ${event.words}.`],
	};
}

/** Who sent it, as far as its numbers say. */
function streamFields(sid: number, ssid: number | undefined, client?: string): Partial<LoggedFault> {
	const named =
		client === undefined || client === '(unassigned' || client === '' ? undefined : byName(client);
	return {
		endpoint: `stream 0x${sid.toString(16)}`,
		...(named?.device === undefined ? named : {...named, endpoint: undefined}),
		stream: sid,
		substream: ssid,
		detail:
			named?.device === undefined && named?.endpoint === undefined && sid <= 0xffff
				? `If the firmware numbers streams as PCI does, stream 0x${sid.toString(16)} is ${asRequester(sid)}`
				: undefined,
	};
}

/** Words 0 to 3 of an event record (IHI 0070, 7.3; arm-smmu-v3.h, EVTQ_0_ID and following). */
function recordFault([w0, w1, w2, w3]: readonly Halves[], base: LoggedFault): LoggedFault {
	const id = w0.lo & 0xff;
	const event = EVENTS[id];
	const hasPage = id >= 0x10 && id <= 0x13;
	const ssid = w0.lo & 0x800 ? w0.lo >>> 12 : undefined;
	const stage = isBitSet(w1, 39) ? 'stage 2' : 'stage 1';
	const stalled = isBitSet(w1, 31) ? ' The transaction is stalled until a driver answers.' : '';
	const sort = `${isBitSet(w1, 33) ? 'Privileged' : 'Unprivileged'} ${isBitSet(w1, 34) ? 'instruction fetch' : 'data access'}, ${stage}.`;
	const fault = eventFault(event, id);
	return {
		...base,
		...fault,
		...streamFields(w0.hi, ssid),
		...(hasPage
			? {
					access: accessOf(!isBitSet(w1, 35)),
					address: w2,
					meaning: [...(fault.meaning ?? []), `${sort}${stalled}${classWords((w1.hi >>> 8) & 3)}`],
				}
			: {}),
		...(/FETCH|EABT/.test(fault.name) ? {address: {lo: (w3.lo & ~7) >>> 0, hi: w3.hi & 0xfffff}} : {}),
	};
}

/** CLASS: what was being looked up; the address of the access itself needs no words. */
const CLASSES = [
	' It happened while the context descriptor was fetched.',
	' It happened while a stage 1 table was read.',
];
const classWords = (code: number): string => CLASSES[code] ?? '';

const WORD = /(?:^|smmu.*[\s:])\s*0x([0-9a-f]{8}) ?([0-9a-f]{8})(?![0-9a-f])/i;
const DECODED =
	/event: (\w+) client: (\S+?)(?: \S+\))? sid: (0x[0-9a-f]{1,8}) ssid: (0x[0-9a-f]{1,5})(?: iova: (0x[0-9a-f]{1,16}) ipa: (0x[0-9a-f]{1,16})(?![\w?])| fetch_addr: (0x[0-9a-f]{1,16})(?![\w?]))?/;
const SORT =
	/(unpriv|priv) (inst|data) (read|write) (s1|s2) "([^"]*)"( ttd_read| ttd_write)?( stall)? stag: 0x[0-9a-f]{1,4}/;

/** The words of a record, then perhaps the decoded lines. */
function record(words: readonly Halves[], base: LoggedFault): (text: string) => Begun | undefined {
	return text => {
		const word = words.length < 4 ? WORD.exec(text) : null;
		if (word) {
			const all = [...words, {hi: Number.parseInt(word[1], 16), lo: Number.parseInt(word[2], 16)}];
			return {fault: all.length === 4 ? recordFault(all, base) : base, next: record(all, base)};
		}
		const decoded = DECODED.exec(text);
		if (!decoded) return undefined;
		const before = words.length === 4 ? recordFault(words, base) : base;
		if (decoded[1] !== before.name) return undefined;
		const fault = decodedFault(decoded, before);
		return fault && {fault, next: sortOf(fault)};
	};
}

function decodedFault(match: RegExpExecArray, base: LoggedFault): LoggedFault | undefined {
	const [, name, client, sid, ssid, iova, , fetch] = match;
	const event = BY_NAME.get(name);
	const known = eventFault(event, base.reason);
	return {
		...base,
		...(event === undefined ? {kind: 'unknown' as const, name} : base.meaning === undefined ? known : {}),
		...streamFields(Number(sid), Number(ssid) || undefined, client),
		address: address(iova ?? fetch) ?? base.address,
	};
}

const sortOf =
	(fault: LoggedFault) =>
	(text: string): Begun | undefined => {
		const match = SORT.exec(text);
		if (!match) return undefined;
		const [, priv, what, access, stage, sort, , stall] = match;
		const sentence = `${priv === 'priv' ? 'Privileged' : 'Unprivileged'} ${what === 'inst' ? 'instruction fetch' : 'data access'}, stage ${stage[1]}: ${sort}.`;
		const first = fault.meaning?.[0];
		return {
			fault: {
				...fault,
				access: accessOf(access === 'write'),
				meaning: [
					...(first === undefined ? [] : [first]),
					sentence,
					...(stall ? ['The transaction is stalled until a driver answers.'] : []),
				],
			},
		};
	};

const PRI = [
	'The device requested a page (PRI), which nobody had enabled for it: Linux answers that it is denied.',
];
const PRI_REQUEST =
	/sid (0x[0-9a-f]{8})\.(0x[0-9a-f]{5}): \[\d+L?\] (?:un)?privileged ([RWX]*) access at iova (0x[0-9a-f]{16})/;
const priFields = ([, sid, ssid, rights, iova]: RegExpExecArray): Partial<LoggedFault> => ({
	...streamFields(Number(sid), Number(ssid) || undefined),
	access: rights === '' ? undefined : accessOf(rights.includes('W')),
	address: address(iova),
});

/** Errors of the queue for commands, by what Linux calls them. */
const COMMANDS: Readonly<Record<string, string>> = {
	'No error': 'the SMMU names no error',
	'Illegal command': 'the SMMU does not know the command: a kernel bug, or an SMMU that supports less',
	'Abort on command fetch': 'the SMMU could not read the queue from memory',
	'ATC invalidate timeout': 'a device did not answer an invalidation of its ATS translations in time',
};

const invalidation = (
	before: string,
	time: number | undefined,
	name: string,
	words: string,
): LoggedFault => ({
	...SMMU,
	by: byOf(before),
	kind: 'invalidation',
	name,
	unit: unitOf(before),
	words,
	meaning: [`${words.charAt(0).toUpperCase()}${words.slice(1)}.`],
	time,
});

export const SMMU_V3: readonly Format[] = [
	{
		of: 'arm_smmu_dump_raw_event',
		word: ' received',
		pattern: /event (0x[0-9a-f]{2}) received:?/,
		read: ([, id], {before, time}) => {
			const base: LoggedFault = {
				...SMMU,
				by: byOf(before),
				...eventFault(EVENTS[Number(id)], Number(id)),
				unit: unitOf(before),
				time,
			};
			return begun(base, record([], base));
		},
	},
	{
		of: 'arm_smmu_dump_event, where its raw words are missing',
		word: ' client: ',
		pattern: DECODED,
		read: (match, {before, after, time}): Parsed | undefined => {
			const fault = decodedFault(match, {
				...SMMU,
				by: byOf(before),
				kind: 'unknown',
				name: match[1],
				unit: unitOf(before),
				time,
			});
			if (fault === undefined) return undefined;
			const same = sortOf(fault)(after);
			return same === undefined ? begun(fault, sortOf(fault)) : done(same.fault);
		},
	},
	{
		of: 'arm_smmu_cmdq_skip_err',
		word: 'CMDQ error',
		pattern: /CMDQ error \(cons (0x[0-9a-f]{8})\): ([A-Z][\w ]*\w)/,
		read: ([, , what], {before, time}) =>
			done(
				invalidation(
					before,
					time,
					`CMDQ error: ${what}`,
					COMMANDS[what] ?? `the SMMU stopped at a command: ${what}`,
				),
			),
	},
	{
		of: 'arm_smmu_cmdq_issue_sync, from 4.15 with the queue’s places; before, and Xen, without',
		word: 'CMD_SYNC timeout',
		pattern: /CMD_SYNC timeout(?: at (0x[0-9a-f]{8}) \[hwprod (0x[0-9a-f]{8}), hwcons (0x[0-9a-f]{8})\])?/,
		read: (_, {before, time}) =>
			done(
				invalidation(
					before,
					time,
					'CMD_SYNC timeout',
					'the SMMU did not complete the kernel’s commands in time',
				),
			),
	},
	{
		of: 'arm_smmu_cmdq_issue_cmd',
		word: 'CMDQ timeout',
		pattern: /CMDQ timeout/,
		read: (_, {before, time}) =>
			done(
				invalidation(before, time, 'CMDQ timeout', 'the SMMU took no more commands: its queue stayed full'),
			),
	},
	{
		of: 'arm_smmu_gerror_handler',
		word: 'global error reported',
		pattern: /unexpected global error reported \((0x[0-9a-f]{8})\)/,
		read: ([, gerror], {before, time}) => {
			const bits = GERRORS.filter(([bit]) => (Number(gerror) >>> bit) & 1).map(([, words]) => words);
			const words = bits.length > 0 ? bits.join('; ') : 'no bit of the register is known';
			// The errors of the queue have a line of their own.
			if (Number(gerror) === 1) return commandError(before, time, gerror);
			return done({
				...SMMU,
				by: byOf(before),
				kind: 'hardware',
				name: 'global error',
				unit: unitOf(before),
				words,
				detail: `GERROR is ${gerror}`,
				meaning: [`${words}.`],
				time,
			});
		},
	},
	{
		of: 'arm_smmu_gerror_handler',
		word: 'Service Failure',
		pattern: /device has entered Service Failure Mode!/,
		read: (_, {before, time}) =>
			done({
				...SMMU,
				by: byOf(before),
				kind: 'hardware',
				name: 'Service Failure Mode',
				unit: unitOf(before),
				meaning: ['The SMMU has stopped working: all DMA through it fails until it is reset.'],
				time,
			}),
	},
	{
		of: 'arm_smmu_gerror_handler',
		word: ' aborted',
		pattern: /(PRIQ|EVTQ) write aborted -- events may have been lost/,
		read: () => OVERFLOW,
	},
	{
		of: 'arm_smmu_evtq_thread, arm_smmu_priq_thread',
		word: 'overflow detected',
		pattern: /(EVTQ|PRIQ) overflow detected -- (?:events|requests) lost/,
		read: () => OVERFLOW,
	},
	{
		of: 'arm_smmu_handle_ppr, a line and another',
		word: 'PRI request received',
		pattern: /unexpected PRI request received/,
		read: (_, {before, time}) => {
			const base: LoggedFault = {
				...SMMU,
				kind: 'page request',
				name: 'PRI request',
				unit: unitOf(before),
				meaning: PRI,
				time,
			};
			return begun(base, text => {
				const match = PRI_REQUEST.exec(text);
				return match === null ? undefined : {fault: {...base, ...priFields(match)}};
			});
		},
	},
	{
		of: 'arm_smmu_handle_ppr, the second line alone',
		word: 'privileged',
		pattern: PRI_REQUEST,
		read: (match, {before, time}) =>
			done({
				...SMMU,
				kind: 'page request',
				name: 'PRI request',
				unit: unitOf(before),
				meaning: PRI,
				time,
				...priFields(match),
			}),
	},
	{
		of: '__arm_smmu_cmdq_skip_err',
		word: 'command',
		pattern: /(skipping command in error state|retrying command fetch)/,
		read: ([, what]) =>
			detail(what.startsWith('skip') ? 'the kernel skips that command' : 'the kernel tries again'),
	},
];

/** GERROR (IHI 0070, 6.3.18). */
const GERRORS: readonly (readonly [bit: number, words: string])[] = [
	[0, 'a command failed'],
	[2, 'the event queue could not be written'],
	[3, 'the page request queue could not be written'],
	[4, 'an interrupt for commands could not be sent'],
	[5, 'an interrupt for events could not be sent'],
	[6, 'an interrupt for page requests could not be sent'],
	[7, 'an interrupt for global errors could not be sent'],
	[8, 'the SMMU has stopped working (SFM)'],
];

const commandError = (before: string, time: number | undefined, gerror: string): Parsed => ({
	is: 'notice',
	notice: {
		of: 'iommu',
		id: 'smmu-v3 gerror',
		title: `error in the command queue of ${unitOf(before) ?? 'an Arm SMMUv3'}`,
		says: [`GERROR is ${gerror}: a command failed. The line with CMDQ error says which.`],
		line: `${before}unexpected global error reported (${gerror})`,
		time,
	},
});
