// Turns the probe events of a transfer into the chain of its verdict: one stage per layer, with what that layer saw.
// It shows "success, success, success, untouched" at a glance.

import {PAGE_SIZE} from '../../formats/address.js';
import type {Answer} from '../../guest/driver.js';
import type {Extent, Fault, ProbeEvent} from '../../hardware/probe.js';
import type {DiskCommand} from '../../machine/command.js';
import type {Part, Path, Reached, Stage, Transfer} from '../../machine/transfer.js';
import {grouped, partOf, plural} from '../../words.js';

export type Answers = readonly Answer[];

/** The result of a guest's transfer. */
export type Ending = {op: DiskCommand['do']; bytes: number; landed?: number; answers: Answers};

/** A stage shows at most this many parts. */
const MAX_PARTS = 16;

type EventAt<At extends ProbeEvent['at']> = Extract<ProbeEvent, {at: At}>;
const all = <At extends ProbeEvent['at']>(events: readonly ProbeEvent[], at: At): EventAt<At>[] =>
	events.filter((event): event is EventAt<At> => event.at === at);
const sum = (numbers: readonly number[]): number => numbers.reduce((total, n) => total + n, 0);

const partsOf = (kind: Part['kind'], extents: readonly Extent[]): Part[] =>
	extents.slice(0, MAX_PARTS).map(({address, bytes}) => ({kind, address, bytes}));

/** A byte count in at most five columns: 512, 4096, 64K, 1.5M; ~ if it is rounded. */
function brief(bytes: number): string {
	if (bytes < 10_000) return `${bytes}`;
	const [value, unit] = bytes < 1024 * 1024 ? [bytes / 1024, 'K'] : [bytes / 1024 ** 2, 'M'];
	const short = Number.isInteger(value * 10) && value < 100 ? `${value}` : `${Math.round(value)}`;
	return `${Number(short) === value ? '' : '~'}${short}${unit}`;
}

export const faultsOf = (events: readonly ProbeEvent[]): Fault[] =>
	all(events, 'fault').map(({fault}) => fault);

/** The first address that the driver gave to the disk's controller. */
export const firstPrd = (events: readonly ProbeEvent[]): number | undefined =>
	all(events, 'driver')[0]?.segments[0]?.address;

export const pathOf = (events: readonly ProbeEvent[]): Path => all(events, 'block_if')[0]?.path ?? 'direct';

/** The bytes that the CPU copied between guest memory and bhyve's buffer or the page cache. */
export const copiedBytes = (events: readonly ProbeEvent[]): number =>
	sum([...all(events, 'copy'), ...all(events, 'file')].map(({bytes}) => bytes));

/** The first hardware error, for the verdict's note. */
export const hardwareError = (events: readonly ProbeEvent[]): string | undefined =>
	all(events, 'hba').find(({error}) => error !== undefined)?.error;

/** The stages of a disk transfer, from the guest's request to the bytes in memory or on disk at its end. */
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
			full: `${verb} ${plural(ending.bytes, 'byte')}; sees no error`,
			trouble: false,
		},
		iommuStage(faultsOf(events), events),
		endStage({...ending, place: ending.write ? 'memory' : device}),
	];
}

/** A function that does no DMA. */
export const idleChain = (device: string, bytes: number, why: string): Stage[] => [
	{place: device, brief: 'idle', full: `puts nothing on the bus: ${why}`, trouble: true},
	{place: 'IOMMU', brief: '-', full: 'not involved', trouble: false},
	endStage({place: 'memory', bytes, landed: 0}),
];

/** A write of four bytes into the interrupt window. */
export const interruptChain = (device: string, bytes: number): Stage[] => [
	{place: device, brief: brief(bytes), full: `writes ${plural(bytes, 'byte')}: an MSI`, trouble: false},
	{place: 'IOMMU', brief: '-', full: 'its tables are not asked', trouble: false},
	{place: 'CPU', brief: 'irq', full: 'gets an interrupt; no memory is written', trouble: false},
];

function guestStage(events: readonly ProbeEvent[], {answers}: Ending): Stage {
	const bad = answers.find(answer => !answer?.ok);
	const ok = answers.length > 0 && answers.every(answer => answer?.ok);
	const answer = ok ? answers[0] : bad;
	const text = answer?.text ?? 'no reply';
	const request = firstRequest(events);
	const times = answers.length > 1 ? `${answers.length} requests in one kick: ` : '';
	return {
		place: 'guest',
		brief: ok ? `${request?.count ?? answers.length} OK` : answer === undefined ? 'stuck' : 'error',
		full: `${times}${request?.text ?? 'no request taken'}; ${text}`,
		trouble: !ok,
		parts: request?.parts ?? [],
	};
}

/** The first request that the device model took: its descriptors, PRDs or PRPs, and its segments. */
function firstRequest(
	events: readonly ProbeEvent[],
): {count: number; text: string; parts: Part[]} | undefined {
	for (const event of events) {
		const [count, noun] =
			event.at === 'virtio-blk'
				? [event.descriptors, 'descriptor']
				: event.at === 'ahci-hd'
					? [event.prds, 'PRD']
					: event.at === 'nvme'
						? [event.prps, 'PRP']
						: [0, ''];
		if (event.at === 'model')
			return {
				count: 1,
				text: `requested by dmascope, not by the guest; ${plural(event.data.length, 'segment')}`,
				parts: partsOf('gpa', event.data),
			};
		if (noun === '' || !('data' in event)) continue;
		const text = `${plural(count, noun)}, ${plural(event.data.length, 'segment')}`;
		return {count, text, parts: partsOf('gpa', event.data)};
	}
	return undefined;
}

function bhyveStage(events: readonly ProbeEvent[]): Stage | undefined {
	const blocks = all(events, 'block_if');
	if (blocks.length === 0) return undefined;
	const {path, iovec} = blocks[0];
	const copied = sum(all(events, 'copy').map(({bytes}) => bytes));
	const paths = {
		direct: 'straight to guest memory',
		bounced: `through its buffer, ${plural(copied, 'byte')} copied`,
		copied: 'one call, copied by the kernel',
	};
	const queues = all(events, 'queue');
	const most = (key: 'busy' | 'blocked') => Math.max(0, ...queues.map(queue => queue[key]));
	const blocked = most('blocked') > 0 ? `, ${plural(most('blocked'), 'request')} blocked` : '';
	const workers = blocks.length > 1 ? `; up to ${plural(most('busy'), 'worker')} busy${blocked}` : '';
	return {
		place: 'bhyve',
		brief: path === 'bounced' ? `${iovec.length} cpy` : `${iovec.length} iov`,
		full: `iovec with ${plural(iovec.length, 'segment')}; ${paths[path]}${workers}`,
		trouble: false,
		parts: partsOf(
			'pointer',
			blocks.flatMap(block => block.iovec),
		),
	};
}

function syscallStage(events: readonly ProbeEvent[], {bytes}: Ending): Stage | undefined {
	const calls = all(events, 'syscall');
	if (calls.length === 0) return undefined;
	const {name} = calls[0];
	const failed = calls.find(({error}) => error !== undefined);
	const result = sum(calls.map(call => call.result));
	const requested = sum(calls.map(call => call.bytes));
	const times = calls.length === 1 ? '' : ` in ${plural(calls.length, 'call')}`;
	if (failed) return {place: name, brief: failed.error ?? '', full: `-1, ${failed.error}`, trouble: true};
	return {
		place: name,
		brief: `=${brief(result)}`,
		full: `returns ${grouped(result)} of ${grouped(requested)}${times}`,
		trouble: result < Math.min(requested, bytes),
	};
}

function driverStage(events: readonly ProbeEvent[]): Stage | undefined {
	const commands = all(events, 'driver');
	if (commands.length === 0) return undefined;
	const {name} = commands[0];
	const noun = name === 'ahci' ? 'PRD' : 'TRB';
	const segments = commands.flatMap(command => command.segments);
	return {
		place: name,
		brief: `${segments.length} ${noun}`,
		full: `${plural(segments.length, noun)} in ${plural(commands.length, 'command')}; host physical addresses`,
		trouble: false,
		parts: partsOf('hpa', segments),
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
		full: `no error; reports ${plural(moved, 'byte')} moved${path}`,
		trouble: false,
	};
}

/** Replaces driver, controller and IOMMU if no device accesses the guest's pages. */
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
			parts: partsOf(
				'refused',
				faults.map(({iova}) => ({address: iova, bytes: PAGE_SIZE})),
			),
		};
	}
	const involved = all(events, 'hba').length > 0 || events.length === 0;
	return {
		place: 'IOMMU',
		brief: involved ? 'ok' : '-',
		full: involved ? 'translated every page' : 'not involved',
		trouble: false,
	};
}

function endStage({place, bytes, landed}: {place: string; bytes: number; landed?: number}): Stage {
	if (landed === undefined)
		return {place, brief: '?', full: 'cannot be checked: the disk cannot be read back', trouble: true};
	const all = landed === bytes;
	return {
		place,
		brief: all ? 'all' : landed === 0 ? 'none' : 'part',
		full: all
			? `all ${plural(bytes, 'byte')} arrived`
			: landed === 0
				? 'untouched'
				: `${grouped(landed)} of ${plural(bytes, 'byte')} arrived`,
		trouble: !all,
	};
}

/** kernel; or, of several owners, "8 bytes of kernel, 8 of iommu tables". */
export function ownersText(owners: readonly Reached[]): string {
	if (owners.length === 1) return owners[0].owner;
	return owners.map(({owner, bytes}) => `${owner} (${plural(bytes, 'byte')})`).join(', ');
}

/** "vm0 LOST: every layer reported success; 0 of 4,096 bytes arrived". */
export function verdictText({data, bytes, landed, command, vm, note, owners}: Transfer): string {
	const name = command.do === 'dma' && vm === undefined ? command.device : vm;
	const where =
		command.do === 'dma' && vm === undefined && owners !== undefined && owners.length > 0
			? `arrived in the memory of ${ownersText(owners)}`
			: {read: 'arrived', dma: 'arrived', write: 'reached the disk', delete: 'read as zeros'}[command.do];
	const counted = `${partOf(landed, bytes)} bytes ${where}`;
	const words = {
		delivered: counted,
		lost: `every layer reported success; ${counted}`,
		torn: `every layer reported success; ${counted}`,
		failed: `the guest got an error; ${counted}`,
		unchecked: `every layer reported success; ${counted}`,
	};
	return note ?? `${name} ${data.toUpperCase()}: ${words[data]}`;
}
