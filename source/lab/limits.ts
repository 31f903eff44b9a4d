// What a command is checked against: the guests and functions there are. A scenario is checked whole before its first
// step, so what each step will add is foreseen.

import {PAGE_SIZE} from '../formats/address.js';
import type {Command, MachineSpec} from '../seam/command.js';
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

/** Functions that every lab has. The second kind carries a disk, and stays with the host. */
export const HOST_FUNCTIONS = [
	{name: 'xhci0', selector: '0:20:0', driver: 'xhci', carries: 'da0'},
	{name: 'em0', selector: '0:25:0', driver: 'em', carries: undefined},
	{name: 'ahci0', selector: '0:31:2', driver: 'ahci', carries: 'ada0'},
] as const;

export const MAX_PPT = 64;

export function limitsOf(machine: MachineSpec, writable: boolean): Limits {
	const smallest = Math.min(...machine.guests.map(({memory}) => memory), machine.hostMemory / 4);
	return {
		vms: machine.guests.map(({name}) => name),
		devices: [
			...HOST_FUNCTIONS.map(({name}) => name),
			...machine.pptdevs.flatMap((_, i) => [`ppt${i}`, `igb${i}`]),
		],
		passthru: 'ppt0',
		defaultGpa: Math.min(0x0100_0000, Math.floor(smallest / 4 / PAGE_SIZE) * PAGE_SIZE),
		writable,
		hostMemory: machine.hostMemory,
		machine,
	};
}

/** The limits after a command. What might be there then is in; whether it is, the command will say. */
export function limitsAfter(limits: Limits, command: Command): Limits {
	const {vms, devices} = limits;
	switch (command.do) {
		case 'start':
			return limitsOf(command.machine, limits.writable);
		case 'create':
			return {...limits, vms: [...vms, command.name]};
		case 'destroy':
			return {...limits, vms: vms.filter(vm => vm !== command.vm)};
		case 'attach': {
			const next = Array.from({length: MAX_PPT}, (_, i) => `ppt${i}`).find(name => !devices.includes(name));
			return {...limits, devices: next ? [...devices, next] : devices};
		}
		case 'plug':
			return {...limits, devices: [...devices, command.device]};
		default:
			return limits;
	}
}

/** What there is on a machine as it is now. */
export function limitsNow({spec, guests, functions, ppt, disks}: Machine): Limits {
	const names = functions.map(({name, rid}) => ppt.devices.find(device => device.rid === rid)?.name ?? name);
	return {
		...limitsOf(spec, disks.writable),
		vms: guests.map(({vm}) => vm.name),
		devices: names,
	};
}
