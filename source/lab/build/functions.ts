// The PCI functions of the lab's host.

import {parseRid, type Rid} from '../../formats/pci.js';
import type {MachineSpec} from '../../machine/command.js';

/** Functions that every lab has. The second kind carries a disk, and stays with the host. */
export const HOST_FUNCTIONS = [
	{name: 'xhci0', selector: '0:20:0', driver: 'xhci', carries: 'da0'},
	{name: 'em0', selector: '0:25:0', driver: 'em', carries: undefined},
	{name: 'ahci0', selector: '0:31:2', driver: 'ahci', carries: 'ada0'},
] as const;

/** A function, and the driver that has it unless ppt does; `carries` is the disk behind it. */
export type PciFunction = {rid: Rid; name: string; driver: string; carries?: string};

/** Selectors have been checked where the specification was read. */
const ridOfSelector = (selector: string): Rid => parseRid(selector) ?? 0;

export const functionsOf = ({pptdevs}: MachineSpec): PciFunction[] => [
	...HOST_FUNCTIONS.map(({selector, ...rest}) => ({rid: ridOfSelector(selector), ...rest})),
	// Network cards, which is what is mostly passed through.
	...pptdevs.map((selector, i) => ({rid: ridOfSelector(selector), name: `igb${i}`, driver: 'igb'})),
];

export const ridIn = (functions: readonly PciFunction[], name: string): Rid =>
	functions.find(candidate => candidate.name === name)?.rid ?? 0;
