// The names of domains, devices, memory and ranges in sentences and tables.

import {hex, PAGE_SIZE} from '../formats/address.js';
import {type Rid, ridText} from '../formats/pci.js';
import type {Device, MachineState} from '../machine/observed.js';
import type {Domain} from '../machine/tables.js';
import {FREE, NO_MEMORY, type Range, UNKNOWN} from './ranges.js';

/** ahci0 (0:31:2) */
export const deviceWords = (device: Device | undefined, rid: Rid): string =>
	device === undefined ? ridText(rid) : `${device.name} (${ridText(rid)})`;

/** Its label, or its number. */
export const domainName = ({id, label}: Domain): string => label ?? `${id}`;

/** domain 1, the host’s */
export function domainWords({id, role, vm}: Domain): string {
	if (role === 'os') return `domain ${id}`;
	const owner = role === 'host' ? 'the host’s' : vm === undefined ? 'which no VM has' : `${vm}’s`;
	return `domain ${id}, ${owner}`;
}

/** The functions in a domain. */
export const functionsIn = ({id}: Domain, devices: readonly Device[]): string =>
	devices
		.filter(({domain}) => domain === id)
		.map(({name}) => name)
		.join(', ') || 'no function';

/** memory of vm0; memory used by kernel */
export function memoryWords(owner: string, {vms}: Pick<MachineState, 'vms'>): string {
	if (owner === NO_MEMORY) return NO_MEMORY;
	if (owner === UNKNOWN) return 'memory, owner unknown';
	if (owner === FREE) return 'free memory';
	return vms.some(({name}) => name === owner) ? `memory of ${owner}` : `memory used by ${owner}`;
}

/** 0x05c00000–0x05ffffff, vm0 */
export const rangeWords = ({iova, pages, owner}: Range): string =>
	`${hex(iova)}–${hex(iova + pages * PAGE_SIZE - 1)}${owner === UNKNOWN ? '' : `, ${owner}`}`;
