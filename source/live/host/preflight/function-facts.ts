// What a PCI function can do that matters to a VM: resets, BARs, SR-IOV.

import {type HostDevice, PCI} from '../devices.js';
import type {Tree} from '../tree.js';

export type Bar = {number: number; bytes: number; wide: boolean};
export type FunctionFacts = {
	/** In the kernel's order of trying; undefined if the kernel does not list them (before 5.15). */
	resets?: readonly string[];
	/** Whether the kernel can reset it at all. */
	canReset: boolean;
	bars: readonly Bar[];
	/** The physical function of a virtual one. */
	parent?: string;
	/** Virtual functions that are switched on. */
	virtualFunctions: number;
	/** Whether sysfs, or the capture, has what this is made of. */
	known: boolean;
};

const METHODS = /^(device_specific|acpi|flr|af_flr|pm|bus|cxl_bus)$/;
const BAR_LIMIT = 6;

export function readFunction(tree: Tree, {id}: HostDevice): FunctionFacts {
	const folder = `${PCI}/${id}`;
	const resource = tree.read(`${folder}/resource`);
	const methods = tree.read(`${folder}/reset_method`);
	const resets = methods?.split(/\s+/).filter(word => METHODS.test(word));
	const parent = tree.linkName(`${folder}/physfn`);
	const functions = Number(/^\d{1,5}$/.exec(tree.read(`${folder}/sriov_numvfs`) ?? '')?.[0] ?? 0);
	return {
		...(resets === undefined ? {} : {resets}),
		canReset: resets === undefined ? tree.exists(`${folder}/reset`) : resets.length > 0,
		bars: barsOf(resource ?? ''),
		...(parent === undefined ? {} : {parent}),
		virtualFunctions: functions,
		known: resource !== undefined,
	};
}

/** Lines of start, end and flags, as the kernel's struct resource has them (include/linux/ioport.h). */
function barsOf(text: string): Bar[] {
	return text
		.split('\n')
		.slice(0, BAR_LIMIT)
		.flatMap((line, number): Bar[] => {
			const [, start, end, flags] = /^0x([0-9a-f]{16}) 0x([0-9a-f]{16}) 0x([0-9a-f]{16})$/.exec(line) ?? [];
			if (start === undefined) return [];
			const [from, to, bits] = [start, end, flags].map(digits => Number.parseInt(digits, 16));
			// IORESOURCE_MEM, bit 9; IORESOURCE_MEM_64, bit 20.
			const isMemory = ((bits >>> 9) & 1) === 1;
			return isMemory && to > from ? [{number, bytes: to - from + 1, wide: ((bits >>> 20) & 1) === 1}] : [];
		});
}
