// From what the layers said during a transfer to the chain that its verdict shows: what each place on the way
// saw. "Success, success, success, untouched" can be read off it.

import type {Answer} from '../../guest/disk.js';
import type {Fault, ProbeEvent} from '../../hardware/probe.js';
import type {DiskCommand} from '../../machine/command.js';
import type {Path, Stage, Transfer} from '../../machine/transfer.js';
import {grouped, plural} from '../../words.js';
import {driverParts, faultParts, iovecParts, requestParts} from './chain-parts.js';

export type Answers = readonly Answer[];

/** What is known of a guest's transfer when it is over, beside what the layers said. */
export type Ending = {op: DiskCommand['do']; bytes: number; landed: number; answers: Answers};

type EventAt<At extends ProbeEvent['at']> = Extract<ProbeEvent, {at: At}>;
const all = <At extends ProbeEvent['at']>(events: readonly ProbeEvent[], at: At): EventAt<At>[] =>
	events.filter((event): event is EventAt<At> => event.at === at);
const sum = (numbers: readonly number[]): number => numbers.reduce((total, n) => total + n, 0);

/** A byte count in at most five columns: 512, 4096, 64K, 1.5M; ~ where it is rounded. */
function brief(bytes: number): string {
	if (bytes < 10_000) return `${bytes}`;
	const [value, unit] = bytes < 1024 * 1024 ? [bytes / 1024, 'K'] : [bytes / 1024 ** 2, 'M'];
	const short = Number.isInteger(value * 10) && value < 100 ? `${value}` : `${Math.round(value)}`;
	return `${Number(short) === value ? '' : '~'}${short}${unit}`;
}

export const faultsOf = (events: readonly ProbeEvent[]): Fault[] =>
	all(events, 'fault').map(({fault}) => fault);

/** The first address that the disk's controller was given. */
export const firstPrd = (events: readonly ProbeEvent[]): number | undefined =>
	all(events, 'driver')[0]?.segments[0]?.address;

export const pathOf = (events: readonly ProbeEvent[]): Path => all(events, 'block_if')[0]?.path ?? 'direct';

/** Bytes that the CPU copied: between bhyve's buffer and guest memory, or between that and the page cache. */
export const copiedBytes = (events: readonly ProbeEvent[]): number =>
	sum([...all(events, 'copy'), ...all(events, 'file')].map(({bytes}) => bytes));

/** The error that the hardware met, if any: for the verdict's note. */
export const hardwareError = (events: readonly ProbeEvent[]): string | undefined =>
	all(events, 'hba').find(({error}) => error !== undefined)?.error;

/** The stages of a disk transfer, from the guest's request to what is in memory (or on disk) at its end. */
export function diskChain(events: readonly ProbeEvent[], ending: Ending): Stage[] {
	const write = ending.op !== 'read';
	return [
		guestStage(events, ending),
		bhyveStage(events),
		syscallStage(events, ending),
		driverStage(events),
		hbaStage(events),
		pathOf(events) === 'copied' ? fileStage(events) : iommuStage(faultsOf(events), events),
		endStage({...ending, place: write ? 'disk' : 'memory'}),
	].filter(stage => stage !== undefined);
}

type DmaEnding = {write: boolean; bytes: number; landed: number};

export function dmaChain(device: string, events: readonly ProbeEvent[], ending: DmaEnding): Stage[] {
	const verb = ending.write ? 'writes' : 'reads';
	return [
		{
			place: device,
			brief: brief(ending.bytes),
			full: `${verb} ${plural(ending.bytes, 'byte')}; no error reaches it`,
			trouble: false,
		},
		iommuStage(faultsOf(events), events),
		endStage({...ending, place: ending.write ? 'memory' : device}),
	];
}

function guestStage(events: readonly ProbeEvent[], {answers}: Ending): Stage {
	const bad = answers.find(answer => !answer?.ok);
	const ok = answers.length > 0 && answers.every(answer => answer?.ok);
	const answer = ok ? answers[0] : bad;
	const text = answer?.text ?? 'the request never came back';
	const asked = askedFor(events);
	const times = answers.length > 1 ? `${answers.length} requests in one kick: ` : '';
	return {
		place: 'guest',
		brief: ok ? `${asked?.count ?? answers.length} OK` : answer === undefined ? 'stuck' : 'error',
		full: `${times}${asked?.text ?? 'nothing was taken'}; ${text}`,
		trouble: !ok,
		parts: requestParts(events),
	};
}

/** What the device model found in the first request: descriptors, PRDs or PRPs. */
function askedFor(events: readonly ProbeEvent[]): {count: number; text: string} | undefined {
	for (const event of events) {
		const [count, noun] =
			event.at === 'virtio-blk'
				? [event.descriptors, 'descriptor']
				: event.at === 'ahci-hd'
					? [event.prds, 'PRD']
					: event.at === 'nvme'
						? [event.prps, 'PRP']
						: [0, ''];
		if (noun === '' || !('data' in event)) continue;
		return {count, text: `${plural(count, noun)}, ${plural(event.data.length, 'segment')}`};
	}
	return undefined;
}

function bhyveStage(events: readonly ProbeEvent[]): Stage | undefined {
	const block = all(events, 'block_if')[0];
	if (block === undefined) return undefined;
	const copied = sum(all(events, 'copy').map(({bytes}) => bytes));
	const paths = {
		direct: 'straight to guest memory',
		bounced: `through its buffer, ${plural(copied, 'byte')} copied`,
		copied: 'all of it in one call, for the kernel to copy',
	};
	const queues = all(events, 'queue');
	const most = (key: 'busy' | 'blocked') => Math.max(0, ...queues.map(queue => queue[key]));
	const waited = most('blocked') > 0 ? `, ${plural(most('blocked'), 'request')} BLOCKed behind another` : '';
	const workers =
		all(events, 'block_if').length > 1 ? `; up to ${plural(most('busy'), 'worker')} busy${waited}` : '';
	return {
		place: 'bhyve',
		brief: block.path === 'bounced' ? `${block.iovec.length} cpy` : `${block.iovec.length} iov`,
		full: `iovec of ${block.iovec.length}; ${paths[block.path]}${workers}`,
		trouble: false,
		parts: iovecParts(events),
	};
}

function syscallStage(events: readonly ProbeEvent[], {bytes}: Ending): Stage | undefined {
	const calls = all(events, 'syscall');
	if (calls.length === 0) return undefined;
	const {name} = calls[0];
	const failed = calls.find(({error}) => error !== undefined);
	const result = sum(calls.map(call => call.result));
	const asked = sum(calls.map(call => call.bytes));
	const times = calls.length === 1 ? '' : ` in ${plural(calls.length, 'call')}`;
	if (failed) return {place: name, brief: failed.error ?? '', full: `-1, ${failed.error}`, trouble: true};
	return {
		place: name,
		brief: `=${brief(result)}`,
		full: `returns ${grouped(result)} of ${grouped(asked)}${times}`,
		trouble: result < Math.min(asked, bytes),
	};
}

function driverStage(events: readonly ProbeEvent[]): Stage | undefined {
	const commands = all(events, 'driver');
	if (commands.length === 0) return undefined;
	const {name} = commands[0];
	const noun = name === 'ahci' ? 'PRD' : 'TRB';
	const count = sum(commands.map(command => command.segments.length));
	return {
		place: name,
		brief: `${count} ${noun}`,
		full: `${plural(count, noun)} of host physical addresses, ${plural(commands.length, 'command')}`,
		trouble: false,
		parts: driverParts(events),
	};
}

function hbaStage(events: readonly ProbeEvent[]): Stage | undefined {
	const commands = all(events, 'hba');
	if (commands.length === 0) return undefined;
	const place = commands[0].name;
	const error = hardwareError(events);
	if (error !== undefined) return {place, brief: 'error', full: error, trouble: true};
	const moved = sum(commands.map(({bytes}) => bytes));
	const paths = new Set(commands.flatMap(({direct}) => (direct === undefined ? [] : [direct])));
	const path = paths.size === 0 ? '' : paths.has(false) ? ', through the page cache' : ', O_DIRECT';
	return {
		place,
		brief: 'ok',
		full: `no error; ${plural(moved, 'byte')} by its own count${path}`,
		trouble: false,
	};
}

/** In place of driver, controller and IOMMU, where no device sees the guest's pages. */
function fileStage(events: readonly ProbeEvent[]): Stage | undefined {
	const bytes = sum(all(events, 'file').map(file => file.bytes));
	if (bytes === 0) return undefined;
	return {
		place: 'file',
		brief: 'cpu',
		full: `the CPU copies ${plural(bytes, 'byte')} between the page cache and guest memory`,
		trouble: false,
	};
}

function iommuStage(faults: readonly Fault[], events: readonly ProbeEvent[]): Stage {
	if (faults.length > 0) {
		return {
			place: 'IOMMU',
			brief: faults.length < 100 ? `${faults.length} flt` : `${brief(faults.length)} f`,
			full: `${plural(faults.length, 'fault')}: ${faults[0].text}`,
			trouble: true,
			parts: faultParts(events),
		};
	}
	const asked = all(events, 'hba').length > 0 || events.length === 0;
	return {
		place: 'IOMMU',
		brief: asked ? 'ok' : '-',
		full: asked ? 'every page translates' : 'not asked',
		trouble: false,
	};
}

function endStage({place, bytes, landed}: {place: string; bytes: number; landed: number}): Stage {
	const all = landed === bytes;
	return {
		place,
		brief: all ? 'all' : landed === 0 ? 'none' : 'part',
		full: all
			? `all ${plural(bytes, 'byte')} landed`
			: landed === 0
				? 'untouched'
				: `${plural(landed, 'byte')} of ${grouped(bytes)} landed`,
		trouble: !all,
	};
}

/** vm0 LOST: success at every step, and 0 of 4,096 bytes landed. */
export function verdictText({data, bytes, landed, command, vm, note, owners}: Transfer): string {
	const who = command.do === 'dma' && vm === undefined ? command.device : vm;
	const where =
		command.do === 'dma' && vm === undefined && owners !== undefined && owners.length > 0
			? `landed in the memory of ${owners.join(', ')}`
			: {read: 'landed', dma: 'landed', write: 'reached the disk', delete: 'read as zeros'}[command.do];
	const counted = `${grouped(landed)} of ${grouped(bytes)} bytes ${where}`;
	const words = {
		delivered: counted,
		lost: `success at every step, and ${counted}`,
		torn: `success at every step, and ${counted}`,
		failed: `${counted}, and an error reached the guest`,
	};
	return note ?? `${who} ${data.toUpperCase()}: ${words[data]}`;
}
