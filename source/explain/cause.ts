// Why an access was refused, and what to check: the same for a walk and for a fault record.

import * as amdvi from '../formats/amdvi.js';
import {EVENT, FLAG} from '../formats/amdvi.js';
import {type Rid, ridText} from '../formats/pci.js';
import {FAULT, reasonText} from '../formats/vtd.js';
import {faultText} from '../formats/vtd-reasons.js';
import {FAULT as SCALABLE_FAULT} from '../formats/vtd-scalable.js';
import type {Device, MachineState} from '../machine/observed.js';
import type {Domain} from '../machine/tables.js';
import {memoryWords} from './names.js';
import {NO_MEMORY, type Range} from './ranges.js';

/** Every fault reason of both formats belongs to one of these. */
export const CAUSES = [
	'no domain',
	'bad entry',
	'too wide',
	'not mapped',
	'not allowed',
	'interrupt',
] as const;
export type Cause = (typeof CAUSES)[number];

/** Scalable mode's reasons, by the specification's numbers. */
const SCALABLE: readonly [Cause, readonly number[]][] = [
	['no domain', [SCALABLE_FAULT.ROOT_ABSENT, SCALABLE_FAULT.CONTEXT_ABSENT]],
	['no domain', [SCALABLE_FAULT.DIRECTORY_ABSENT, SCALABLE_FAULT.PASID_ABSENT]],
	['not mapped', [SCALABLE_FAULT.FIRST_ABSENT, SCALABLE_FAULT.SECOND_DENIES]],
	['too wide', [SCALABLE_FAULT.NOT_CANONICAL, SCALABLE_FAULT.BEYOND_SECOND]],
	['not allowed', [SCALABLE_FAULT.SUPERVISOR, SCALABLE_FAULT.WRITE]],
	['interrupt', [SCALABLE_FAULT.INTERRUPT_RANGE]],
];

const {PR, PE, RZ, RW} = FLAG;
const causes = new Map<string, Cause>([
	[reasonText(FAULT.ROOT_ABSENT), 'no domain'],
	[reasonText(FAULT.CONTEXT_ABSENT), 'no domain'],
	[reasonText(FAULT.BEYOND_WIDTH), 'too wide'],
	[reasonText(FAULT.WRITE), 'not mapped'],
	[reasonText(FAULT.READ), 'not mapped'],
	[reasonText(FAULT.INTERRUPT_RANGE), 'interrupt'],
	[amdvi.eventText(EVENT.ILLEGAL_DEV_TABLE_ENTRY, 0), 'no domain'],
	[amdvi.eventText(EVENT.IO_PAGE_FAULT, 0), 'not mapped'],
	[amdvi.eventText(EVENT.IO_PAGE_FAULT, PR | PE), 'not allowed'],
	[amdvi.eventText(EVENT.IO_PAGE_FAULT, PR | PE | RW), 'not allowed'],
	[amdvi.eventText(EVENT.IO_PAGE_FAULT, PR | RZ), 'bad entry'],
	...SCALABLE.flatMap(([cause, reasons]) =>
		reasons.map((reason): [string, Cause] => [faultText(reason) ?? '', cause]),
	),
]);
/** The cause for a reason's text, which differs between the formats. The remaining reasons are all bad entries. */
export const causeOf = (text: string): Cause => causes.get(text) ?? 'bad entry';

/** `owner` is the memory's owner, if the address is a physical one; `here`, what the domain now maps there. */
export type Situation = {
	rid: Rid;
	device?: Device;
	domain?: Domain;
	owner?: string;
	here?: Range;
};

const INTERRUPT = 'That address range is for interrupts, not memory. Find out what maps it.';
const BAD_ENTRY = 'Hardware rejects this entry. Compare its raw bits with the specification.';
const MAPPED_NOW = 'The page is now mapped. That data is still lost; repeat the';

/** What to check, in a sentence or two. */
export const adviceFor = (cause: Cause, situation: Situation, state: MachineState): string =>
	state.writer === undefined ? vmmAdvice(cause, situation, state) : osAdvice(cause, situation, state.writer);

function vmmAdvice(cause: Cause, situation: Situation, state: MachineState): string {
	switch (cause) {
		case 'no domain':
			return noDomainAdvice(situation);
		case 'too wide':
			return 'Check the address that the driver gave the device: it is beyond all memory.';
		case 'interrupt':
			return INTERRUPT;
		case 'not allowed':
			return 'vmm maps every page readable and writable, so something else wrote this entry or the device table entry.';
		case 'bad entry':
			return `${BAD_ENTRY} Find out what else writes to that page.`;
		case 'not mapped':
			if (situation.here !== undefined) return permissionAdvice(situation.here);
			if (situation.owner !== undefined) return hostAdvice(situation.owner, state);
			return guestAdvice(situation, state);
	}
}

function noDomainAdvice({device, rid}: Situation): string {
	if (device?.driver === 'ppt')
		return `A ppt device without a VM is in no domain and reaches nothing. Assign it to a VM with bhyve -s SLOT,passthru,${ridText(rid).replaceAll(':', '/')}, or return it to the host with devctl set driver.`;
	return 'vmm puts every host function into the host domain when it creates that domain. Check with pciconf -l that this function exists, and which driver has it.';
}

const permissionAdvice = ({read, write}: Range): string =>
	read && write
		? `${MAPPED_NOW} transfer.`
		: `The page is mapped ${read ? 'read-only' : 'write-only'}, and vmm maps no page like that: something else wrote this entry.`;

const RELOAD =
	'Shut the VMs down and reload vmm (kldunload vmm, kldload vmm), which rebuilds the host domain.';

function hostAdvice(owner: string, {vms}: MachineState): string {
	if (owner === NO_MEMORY)
		return 'There is no memory at that address. Check the address that the driver gave the device.';
	const vm = vms.find(({name}) => name === owner);
	if (vm !== undefined && vm.passthru.length > 0) {
		const devices = vm.passthru.join(', ');
		return `Before D34607, vmm removes ${owner}’s wired pages from the host domain while ${owner} has ${devices}. Use a vmm with that change. Until then give ${owner} a file or a zvol as its disk, or run it without ${devices}.`;
	}
	const memory = vm === undefined ? `It is ${memoryWords(owner, {vms})}` : `${owner} has no passthru device`;
	return `${memory}, so it belongs in the host domain. A failed passthru bind leaves pages out, even after its VM is gone. ${RELOAD}`;
}

function guestAdvice({device, domain}: Situation, {vms}: MachineState): string {
	const vm = vms.find(({name}) => name === (domain?.vm ?? device?.vm));
	if (vm === undefined) return 'The domain belongs to no VM. Reset the device before using it again.';
	const {name, passthru} = vm;
	if (!passthru.includes(device?.name ?? ''))
		return `${name} no longer has the device, but the device’s entry still names that domain. Reset the device before using it again.`;
	return `The device uses ${name}’s addresses and reaches only ${name}’s memory. Check the address that the guest’s driver gave it, and the size of the guest’s memory (bhyve -m). Registers of other devices are not mapped.`;
}

/** For tables that an operating system writes for its own devices. */
function osAdvice(cause: Cause, {here}: Situation, writer: string): string {
	switch (cause) {
		case 'no domain':
			return `The kernel of ${writer} put the function in no domain: no driver uses it for DMA, or it appeared after the IOMMU was set up.`;
		case 'too wide':
			return 'Check the address that the driver gave the device: it is wider than its domain.';
		case 'interrupt':
			return INTERRUPT;
		case 'bad entry':
			return `${BAD_ENTRY} A running kernel may have been changing it while it was read.`;
		case 'not allowed':
			return directionAdvice(here, writer);
		case 'not mapped':
			return here === undefined
				? `The driver never mapped that address for this device, or unmapped it too early. Search the log of ${writer} for DMAR or AMD-Vi, and check the device’s driver.`
				: directionAdvice(here, writer);
	}
}

function directionAdvice(here: Range | undefined, writer: string): string {
	if (here?.read && here.write) return `${MAPPED_NOW} request.`;
	const rights = here === undefined ? 'for one direction' : here.read ? 'read-only' : 'write-only';
	return `The driver mapped the page ${rights} (DMA_TO_DEVICE: read, DMA_FROM_DEVICE: write), and the device did the opposite. The kernel of ${writer} stops exactly that.`;
}
