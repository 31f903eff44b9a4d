// From what the layers said during a transfer to the chain that its verdict shows: what each place on the way
// saw. "Success, success, success, untouched" can be read off it.

import type {Fault, ProbeEvent} from '../hardware/probe.js';
import type {Stage, Transfer, Way} from '../seam/observed.js';
import {grouped, plural} from '../words.js';

/** What is known of a transfer when it is over, beside what the layers said. */
export type Ending = {
	write: boolean;
	bytes: number;
	landed: number;
	/** virtio's status byte; undefined where the request never came back. */
	status: number | undefined;
};

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
	all(events, 'ahci')[0]?.prds[0]?.address;

export const wayOf = (events: readonly ProbeEvent[]): Way =>
	all(events, 'block_if').some(({bounced}) => bounced) ? 'bounced' : 'direct';

/** The error that the hardware met, if any: for the verdict's note. */
export const hardwareError = (events: readonly ProbeEvent[]): string | undefined =>
	all(events, 'hba').find(({error}) => error !== undefined)?.error;

/** The stages of a disk transfer, from the guest's request to what is in memory (or on disk) at its end. */
export function diskChain(events: readonly ProbeEvent[], ending: Ending): Stage[] {
	return [
		guestStage(events, ending),
		bhyveStage(events),
		syscallStage(events, ending),
		driverStage(events),
		hbaStage(events),
		iommuStage(faultsOf(events), events),
		endStage(ending),
	].filter(stage => stage !== undefined);
}

export function dmaChain(device: string, events: readonly ProbeEvent[], ending: Ending): Stage[] {
	const verb = ending.write ? 'writes' : 'reads';
	return [
		{
			place: device,
			brief: brief(ending.bytes),
			full: `${verb} ${plural(ending.bytes, 'byte')}; no error reaches it`,
			trouble: false,
		},
		iommuStage(faultsOf(events), events),
		{...endStage({...ending, write: !ending.write}), place: ending.write ? 'memory' : device},
	];
}

function guestStage(events: readonly ProbeEvent[], {status}: Ending): Stage {
	const chain = all(events, 'virtio-blk')[0];
	const asked = chain
		? `${plural(chain.descriptors, 'descriptor')}, ${plural(chain.data.length, 'segment')}`
		: 'no chain taken';
	const words = ['OK', 'I/O error', 'unsupported'];
	const answer = status === undefined ? 'the request never came back' : `status ${words[status] ?? status}`;
	return {
		place: 'guest',
		brief: status === 0 ? `${chain?.descriptors ?? 0} OK` : status === undefined ? 'stuck' : 'error',
		full: `${asked}; ${answer}`,
		trouble: status !== 0,
	};
}

function bhyveStage(events: readonly ProbeEvent[]): Stage | undefined {
	const block = all(events, 'block_if')[0];
	if (block === undefined) return undefined;
	const copied = sum(all(events, 'copy').map(({bytes}) => bytes));
	const way = block.bounced
		? `through its buffer, ${plural(copied, 'byte')} copied`
		: 'straight to guest memory';
	return {
		place: 'bhyve',
		brief: block.bounced ? `${block.iovec.length} cpy` : `${block.iovec.length} iov`,
		full: `iovec of ${block.iovec.length}; ${way}`,
		trouble: false,
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
	const commands = all(events, 'ahci');
	if (commands.length === 0) return undefined;
	const prds = sum(commands.map(command => command.prds.length));
	return {
		place: 'ahci',
		brief: `${prds} PRD`,
		full: `${plural(prds, 'PRD')} of host physical addresses, ${plural(commands.length, 'command')}`,
		trouble: false,
	};
}

function hbaStage(events: readonly ProbeEvent[]): Stage | undefined {
	const commands = all(events, 'hba');
	if (commands.length === 0) return undefined;
	const error = hardwareError(events);
	if (error !== undefined) return {place: 'HBA', brief: 'error', full: error, trouble: true};
	const moved = sum(commands.map(({bytes}) => bytes));
	const ways = new Set(commands.flatMap(({direct}) => (direct === undefined ? [] : [direct])));
	const way = ways.size === 0 ? '' : ways.has(false) ? ', through the page cache' : ', O_DIRECT';
	return {
		place: 'HBA',
		brief: 'ok',
		full: `no error; ${plural(moved, 'byte')} by its own count${way}`,
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

function endStage({write, bytes, landed}: Ending): Stage {
	const all = landed === bytes;
	const place = write ? 'disk' : 'memory';
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
export function verdictText({data, bytes, landed, command, vm, note}: Transfer): string {
	const where = command.do === 'write' ? 'reached the disk' : 'landed';
	const counted = `${grouped(landed)} of ${grouped(bytes)} bytes ${where}`;
	const words = {
		delivered: counted,
		lost: `success at every step, and ${counted}`,
		torn: `success at every step, and ${counted}`,
		failed: `${counted}, and an error reached the guest`,
	};
	return note ?? `${vm} ${data.toUpperCase()}: ${words[data]}`;
}
