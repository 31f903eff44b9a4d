// Runs a command under each policy, each time on a new machine with the parts of the current one, which stays unchanged.

import {viewDomain} from '../../explain/ranges.js';
import {SECTOR} from '../../formats/address.js';
import {parseRid, ridText} from '../../formats/pci.js';
import type {Disk} from '../../hardware/disk.js';
import {type MachineSpec, POLICIES, type TransferCommand} from '../../machine/command.js';
import type {Comparable, Comparison} from '../../machine/workload.js';
import {UserError} from '../../user-error.js';
import {Machine} from '../build/machine.js';
import {domainsOf} from '../build/state.js';
import {requestsOf} from './buffers.js';
import {faultsOf} from './chain.js';
import {runDisk, runDma, unlessUnread} from './transfer.js';
import {TransferLog} from './transfer-log.js';
import {GuestWork} from './work.js';

/** A transfer is timed this often, and the median counts. A workload is timed after this many requests, with V8 warm. */
const TIMES = 5;
const WARM_UP = 200;

type Clock = () => number;
type Outcome = Omit<Comparison, 'policy' | 'hostReach' | 'missing'>;

/**
 * Yields one policy at a time, because a large machine is slow to build. `now` is a clock in milliseconds.
 * @throws UserError if the command cannot be compared, before anything happens
 */
export function* compare(
	machine: Machine,
	disk: Disk,
	command: Comparable,
	now: Clock,
): Generator<Comparison, void> {
	if (command.do === 'work' && (command.writes ?? 0) > 0)
		throw new UserError('A workload with writes cannot be compared; leave writes out.');
	const parts = partsNow(machine);
	for (const policy of POLICIES) {
		const own = new Machine({...parts, policy}, disk);
		yield {policy, ...reachOf(own), ...restoringDisk(own, command, () => run(own, command, now))};
	}
}

/** A new machine's parts: the current guests and passthru devices. Devices that ppt attached later stay with the host. */
function partsNow({spec, guests, ppt}: Machine): MachineSpec {
	const reserved = spec.pptdevs.map(parseRid);
	return {
		...spec,
		guests: guests.map(({spec: guest, vm}) => {
			const devices = ppt.of(vm).filter(({rid}) => reserved.includes(rid));
			return {...guest, passthru: devices.map(({rid}) => ridText(rid))};
		}),
	};
}

/** The guest pages that host devices can reach, and the pages missing from the host domain. */
function reachOf(machine: Machine): {hostReach: number; missing: number} {
	const names = machine.guests.map(({vm}) => vm.name);
	const host = domainsOf(machine).find(({role}) => role === 'host');
	if (host === undefined)
		return {hostReach: machine.guests.reduce((sum, {vm}) => sum + vm.pages, 0), missing: 0};
	const {ranges, removedPages} = viewDomain(machine.memory, machine.pages.owned(), host);
	const reached = ranges.filter(({owner, read, write}) => names.includes(owner) && (read || write));
	return {hostReach: reached.reduce((sum, {pages}) => sum + pages, 0), missing: removedPages};
}

/**
 * Restores what a write or delete changes on the disk, for the next policy and for the disk's guests.
 * @throws UserError, with nothing done, if the disk cannot be read
 */
function restoringDisk(machine: Machine, command: Comparable, work: () => Outcome): Outcome {
	if (command.do !== 'write' && command.do !== 'delete') return work();
	const {vm, lba, sectors, requests = 1} = command;
	const {disk} = machine.need(vm).spec;
	const read = () => machine.disks.peek(disk)(lba * SECTOR, sectors * SECTOR * requests);
	const {value: before, error} = unlessUnread(read);
	if (before === undefined)
		throw new UserError(
			`${disk} cannot be read (${error}), so a ${command.do} could not be undone; compare a read.`,
		);
	try {
		return work();
	} finally {
		machine.disks.poke(disk, lba * SECTOR, before);
	}
}

function run(machine: Machine, command: Comparable, now: Clock): Outcome {
	if (command.do === 'work') {
		new GuestWork(machine, new TransferLog(machine)).run({
			...command,
			count: Math.min(command.count, WARM_UP),
		});
		const guests = new GuestWork(machine, new TransferLog(machine), now);
		const {data, path, bytes, landed, copied, faults} = guests.run(command);
		return {data, path, bytes, landed, copied, faults, measuredMs: guests.spent};
	}
	const {verdict, events} =
		command.do === 'dma'
			? runDma(machine, command, 1)
			: runDisk(machine, machine.need(command.vm), command, 1);
	const {data, path, bytes, landed, copied} = verdict;
	const faults = faultsOf(events).length;
	return {data, path, bytes, landed, copied, faults, measuredMs: timed(bare(machine, command), now)};
}

/** A transfer without its verdict. */
function bare(machine: Machine, command: TransferCommand): () => void {
	if (command.do === 'dma') {
		const port = machine.portOf(machine.ridNamed(command.device) ?? 0);
		return () => port.access(command.gpa, command.bytes, command.access === 'write', () => {});
	}
	const guest = machine.need(command.vm);
	const requests = requestsOf(guest, command);
	return () => guest.disk.batch(requests);
}

function timed(work: () => void, now: Clock): number {
	const times = Array.from({length: TIMES}, () => {
		const start = now();
		work();
		return now() - start;
	});
	return times.sort((a, b) => a - b)[TIMES >> 1];
}
