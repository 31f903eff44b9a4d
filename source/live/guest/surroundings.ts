// What stands around a real guest: the modelled host, and what the dashboard says of both.

import {PAGE_SIZE} from '../../formats/address.js';
import type {SharedMemory} from '../../lab/build/machine.js';
import {defaultSpec, withoutPassthru} from '../../lab/build/spec.js';
import type {Family, MachineSpec, Policy} from '../../machine/command.js';
import type {Scenarios} from '../../machine/scenario.js';
import {UserError} from '../../user-error.js';

export const VM = 'vm0';
const MIB = 2 ** 20;
/** The modelled host's own memory, beside its page tables. */
const HOST_BYTES = 64 * MIB;
const BYTES_PER_TABLE = 2 ** 21;
/** Memory lays each file at a multiple of this. */
const SLOT = 4 * 2 ** 30;
export const DEFAULT_GPA = 0x0100_0000;

export const NOTES = [
	'A real VM runs here, and dmascope is its disk. Real: its memory, its driver, its requests, the disk, and each preadv into its pages. Modelled: the host around it, with bhyve, the disk controller, the IOMMU and its tables.',
	'dmascope compares up to 500 of its requests per second with the disk, before the VM gets them back, and counts the others by what the IOMMU refused. A real VM has no history: nothing can be undone or replayed. View 6 compares on the lab’s guests.',
];

export const NO_SCENARIOS: Scenarios = {
	list: () => [],
	load: name => {
		throw new UserError(`Scenario ${name} needs modelled guests; start dmascope without boot or serve.`);
	},
	unmet: () => [],
};

/** A host for the guest, with a passthru device for it where there is an IOMMU. */
export function specOf(policy: Policy, iommu: Family, {files, regions}: SharedMemory): MachineSpec {
	const memory = regions.reduce((sum, {bytes}) => sum + bytes, 0);
	// The host's domain maps all there is, holes included, up to the end of the guest's memory.
	const end = files.reduce((at, {byteLength}) => Math.ceil(at / SLOT) * SLOT + byteLength, SLOT);
	const tables = Math.ceil((end + memory) / BYTES_PER_TABLE) * PAGE_SIZE;
	const spec = defaultSpec(HOST_BYTES + Math.ceil((1.5 * tables) / MIB) * MIB);
	const [guest] = spec.guests;
	const machine = {...spec, policy, iommu, guests: [{...guest, name: VM, memory}]};
	return iommu === 'none' ? withoutPassthru(machine) : machine;
}
