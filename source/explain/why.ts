// Why an access is refused and what to do about it, for people who run FreeBSD: the same words for a walk and for a
// fault record.

import {hex, PAGE_SIZE} from '../formats/address.js';
import * as amdvi from '../formats/amdvi.js';
import {EVENT, FLAG} from '../formats/amdvi.js';
import {type Rid, ridText} from '../formats/pci.js';
import {FAULT, reasonText} from '../formats/vtd.js';
import type {Device, MachineState} from '../machine/observed.js';
import type {Domain} from '../machine/tables.js';
import {FREE, NO_MEMORY, type Range, UNKNOWN} from './ranges.js';
import {osAdvice} from './why-os.js';

/** What all reasons of both families come down to. */
export const CAUSES = [
	'no domain',
	'bad entry',
	'too wide',
	'not mapped',
	'not allowed',
	'interrupt',
] as const;
export type Cause = (typeof CAUSES)[number];

const {PR, PE, RZ, RW} = FLAG;
const causes = new Map<string, Cause>([
	...[FAULT.ROOT_ABSENT, FAULT.CONTEXT_ABSENT].map((reason): [string, Cause] => [
		reasonText(reason),
		'no domain',
	]),
	[reasonText(FAULT.BEYOND_WIDTH), 'too wide'],
	[reasonText(FAULT.WRITE), 'not mapped'],
	[reasonText(FAULT.READ), 'not mapped'],
	[reasonText(FAULT.INTERRUPT_RANGE), 'interrupt'],
	[amdvi.eventText(EVENT.ILLEGAL_DEV_TABLE_ENTRY, 0), 'no domain'],
	[amdvi.eventText(EVENT.IO_PAGE_FAULT, 0), 'not mapped'],
	[amdvi.eventText(EVENT.IO_PAGE_FAULT, PR | PE), 'not allowed'],
	[amdvi.eventText(EVENT.IO_PAGE_FAULT, PR | PE | RW), 'not allowed'],
	[amdvi.eventText(EVENT.IO_PAGE_FAULT, PR | RZ), 'bad entry'],
]);
/** By a reason's text, which is its family's own; what is left is about entries that are wrong or in no memory. */
export const causeOf = (text: string): Cause => causes.get(text) ?? 'bad entry';

/** `owner` is whose memory is at the address, where the address is a physical one. */
export type Situation = {
	rid: Rid;
	device?: Device;
	domain?: Domain;
	owner?: string;
	/** What the domain maps at that address all the same. */
	here?: Range;
};

export const deviceName = ({device, rid}: Situation): string =>
	device === undefined ? ridText(rid) : `${device.name} (${ridText(rid)})`;

/** domain 1, the host’s */
export function domainWords({id, role, vm}: Domain): string {
	if (role === 'os') return `domain ${id}`;
	const whose = role === 'host' ? 'the host’s' : vm === undefined ? 'which no VM has' : `${vm}’s`;
	return `domain ${id}, ${whose}`;
}

/** Whose the memory at a physical address is. */
export function memoryWords(owner: string, {vms}: Pick<MachineState, 'vms'>): string {
	if (owner === NO_MEMORY) return NO_MEMORY;
	if (owner === UNKNOWN) return 'memory, whose it is cannot be seen';
	if (owner === FREE) return 'free memory';
	return vms.some(({name}) => name === owner) ? `memory of ${owner}` : `memory used by ${owner}`;
}

/** 0x05c00000–0x05ffffff, vm0 */
export const rangeWords = ({iova, pages, owner}: Range): string =>
	`${hex(iova)}–${hex(iova + pages * PAGE_SIZE - 1)}${owner === UNKNOWN ? '' : `, ${owner}`}`;

/** What to check, in a sentence or two. */
export function adviceFor(cause: Cause, situation: Situation, state: MachineState): string {
	if (state.writer !== undefined) return osAdvice(cause, situation.here, state.writer);
	switch (cause) {
		case 'no domain':
			return noDomainAdvice(situation);
		case 'too wide':
			return 'Look at the address that the driver gave the device: it lies past all memory.';
		case 'interrupt':
			return 'Interrupts are sent to that address, and no memory is there: look at who maps it.';
		case 'not allowed':
			return 'vmm maps each page to be read and to be written: somebody else has written this entry, or the device table entry.';
		case 'bad entry':
			return 'The hardware refuses the entry as it is written: hold its raw bits against the specification, and look at who else writes to that page.';
		case 'not mapped':
			if (situation.here !== undefined) return forbiddenAdvice(situation.here);
			if (situation.owner !== undefined) return hostAdvice(situation, state);
			return guestAdvice(situation, state);
	}
}

function noDomainAdvice({device, rid}: Situation): string {
	if (device?.driver === 'ppt')
		return `A ppt device that no VM has is in no domain and reaches nothing. Give it to a VM with bhyve -s SLOT,passthru,${ridText(rid).replaceAll(':', '/')}, or back to the host with devctl set driver.`;
	return 'vmm puts each function of the host into the host domain as that is made. Look with pciconf -l whether this one is there and which driver has it.';
}

const forbiddenAdvice = ({read, write}: Range): string =>
	read && write
		? 'The page is mapped by now. What was refused is gone all the same: the transfer has to be made again.'
		: `The page is mapped to be ${read ? 'read' : 'written'} only, and vmm maps none like that: somebody else has written this entry.`;

const RELOAD =
	'Shut the VMs down and load vmm anew (kldunload vmm, kldload vmm), which has the host domain made again.';

function hostAdvice({owner}: Situation, {vms}: MachineState): string {
	const vm = vms.find(({name}) => name === owner);
	if (owner === undefined || owner === NO_MEMORY)
		return 'There is no memory at that address: look at what the driver gave the device.';
	if (vm !== undefined && vm.passthru.length > 0) {
		const devices = vm.passthru.join(', ');
		return `Before D34607 vmm takes the wired pages of ${owner} out of the host domain for as long as it has ${devices}. Use a vmm with that change; until then give ${owner} a file or a zvol as its disk, or run it without ${devices}.`;
	}
	const whose = vm === undefined ? `It is ${memoryWords(owner, {vms})}` : `${owner} has no passthru device`;
	return `${whose}, so it belongs into the host domain. A passthru bind that failed leaves pages out, and they stay out when their VM is gone. ${RELOAD}`;
}

function guestAdvice({device, domain}: Situation, {vms}: MachineState): string {
	const vm = vms.find(({name}) => name === (domain?.vm ?? device?.vm));
	if (vm === undefined)
		return 'The domain belongs to no VM: the device should be reset before it is used again.';
	if (!vm.passthru.includes(device?.name ?? ''))
		return `The device is not ${vm.name}’s any more, but its entry still names that domain: reset it before it is used again.`;
	return `Its addresses are those of ${vm.name}, and it reaches the memory of ${vm.name} alone. Look at the address that the guest’s driver gave it, and at the size of its memory (bhyve -m); the registers of other devices are not mapped.`;
}
