// The same command under each policy, on machines of their own: built one after the other from the parts of the
// machine that is looked at, which stays as it is.

import {viewDomain} from '../../explain/ranges.js';
import {SECTOR} from '../../formats/address.js';
import {parseRid, ridText} from '../../formats/pci.js';
import type {Disk} from '../../hardware/disk.js';
import {type MachineSpec, POLICIES, type TransferCommand} from '../../machine/command.js';
import type {Comparable, Comparison} from '../../machine/workload.js';
import {UserError} from '../../user-error.js';
import {Machine} from '../build/machine.js';
import {domainsOf} from '../build/state.js';
import {faultsOf} from './chain.js';
import {requestsOf} from './pieces.js';
import {runDisk, runDma, unlessUnread} from './transfer.js';
import {TransferLog} from './transfer-log.js';
import {GuestWork} from './work.js';

/** How often a transfer is timed; the median counts. Requests before a workload is: so that all find V8 warm. */
const TIMES = 5;
const WARM_UP = 200;

type Clock = () => number;
type Done = Omit<Comparison, 'policy' | 'hostReach' | 'missing'>;

/**
 * One policy after the other, each when it is asked for: a large machine takes its time. `now`: a clock in milliseconds.
 * @throws UserError where the command cannot be compared; nothing has happened then.
 */
export function* compare(
	machine: Machine,
	disk: Disk,
	command: Comparable,
	now: Clock,
): Generator<Comparison, void> {
	if (command.do === 'work' && (command.writes ?? 0) > 0)
		throw new UserError('A workload is compared by its reads; leave writes out.');
	const parts = partsNow(machine);
	for (const policy of POLICIES) {
		const own = new Machine({...parts, policy}, disk);
		yield {policy, ...reachOf(own), ...withDiskAsItWas(own, command, () => run(own, command, now))};
	}
}

/**
 * The guests and the passthru devices that there are now, as a machine starts with them. Devices that ppt took later
 * stay with the host.
 */
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

/** Pages of guest memory that the host's devices reach, and of all memory those that they do not. */
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
 * What a write or a delete changes on the disk is put back, for the next policy and for the guests that have it.
 * @throws UserError, with nothing done, where the disk cannot be read
 */
function withDiskAsItWas(machine: Machine, command: Comparable, work: () => Done): Done {
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

function run(machine: Machine, command: Comparable, now: Clock): Done {
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

/** A transfer without what is done to judge it. */
function bare(machine: Machine, command: TransferCommand): () => void {
	if (command.do === 'dma') {
		const port = machine.portOf(machine.ridNamed(command.device) ?? 0);
		return () => port.access(command.gpa, command.bytes, command.access === 'write', () => {});
	}
	const guest = machine.need(command.vm);
	const asked = requestsOf(guest, command);
	return () => guest.disk.batch(asked);
}

function timed(work: () => void, now: Clock): number {
	const times = Array.from({length: TIMES}, () => {
		const start = now();
		work();
		return now() - start;
	});
	return times.sort((a, b) => a - b)[TIMES >> 1];
}
