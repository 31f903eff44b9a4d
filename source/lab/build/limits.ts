// What a command is checked against: the guests and functions that there are.

import {PAGE_SIZE} from '../../formats/address.js';
import type {MachineSpec} from '../../machine/command.js';
import type {Machine} from './machine.js';

export type Limits = {
	vms: readonly string[];
	/** Functions by name; a selector names any, there or not. */
	devices: readonly string[];
	/** What `device` is where a command leaves it out. */
	passthru: string;
	defaultGpa: number;
	writable: boolean;
	hostMemory: number;
	machine: MachineSpec;
};

/** What there is on a machine as it is now. */
export function limitsOf({spec, guests, functions, ppt, disks}: Machine): Limits {
	const smallest = Math.min(...spec.guests.map(({memory}) => memory), spec.hostMemory / 4);
	return {
		vms: guests.map(({vm}) => vm.name),
		devices: functions.map(({name, rid}) => ppt.devices.find(device => device.rid === rid)?.name ?? name),
		passthru: 'ppt0',
		defaultGpa: Math.min(0x0100_0000, Math.floor(smallest / 4 / PAGE_SIZE) * PAGE_SIZE),
		writable: disks.writable,
		hostMemory: spec.hostMemory,
		machine: spec,
	};
}
