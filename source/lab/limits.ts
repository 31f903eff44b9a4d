// What a command is checked against: the guests and functions there are. A scenario is checked whole before its first
// step, so what each step will add is foreseen.

import {PAGE_SIZE} from '../formats/address.js';
import {parseRid, ridText} from '../formats/pci.js';
import type {Command, MachineSpec} from '../seam/command.js';
import type {Machine} from './machine.js';

export type Limits = {
	vms: readonly string[];
	/** Functions by name and by selector. */
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
			...HOST_FUNCTIONS.flatMap(({name, selector}) => [name, selector]),
			...machine.pptdevs.flatMap((selector, i) => [`ppt${i}`, `igb${i}`, selector]),
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
		case 'plug': {
			const rid = parseRid(command.rid);
			return {...limits, devices: [...devices, command.device, rid === undefined ? '' : ridText(rid)]};
		}
		default:
			return limits;
	}
}

/** What there is on a machine as it is now. */
export function limitsNow({spec, guests, functions, ppt, disks}: Machine): Limits {
	const names = functions.map(({name, rid}) => [name, ridText(rid)]);
	return {
		...limitsOf(spec, disks.writable),
		vms: guests.map(({vm}) => vm.name),
		devices: [...names.flat(), ...ppt.devices.map(({name}) => name)],
	};
}
