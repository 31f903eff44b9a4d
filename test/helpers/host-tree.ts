// Machines made of a few files, as /sys and /proc would have them.

import {spawnSync} from 'node:child_process';
import type {Host} from '../../source/live/host/host.js';
import {readHost} from '../../source/live/host/read-host.js';
import {Files, Tree} from '../../source/live/host/tree.js';
import {CLI} from './program.js';

/** A file's text by its path; a link is {to}, and what only root may read is {refused}. */
export type Machine = Record<string, string | {to: string} | {refused: true}>;

export function filesOf(machine: Machine): Files {
	const files = new Files();
	for (const [path, what] of Object.entries(machine)) {
		if (typeof what === 'string') files.add(path, path.endsWith('/') ? 'directory' : 'file', what);
		else if ('to' in what) files.add(path, 'link', what.to);
		else files.add(path, path.endsWith('/') ? 'directory' : 'file', '', false);
	}
	return files;
}

export const hostOf = (machine: Machine): Promise<Host> => readHost(new Tree(filesOf(machine)));

/** A PCI function, in a group where it has a number. */
export function pci(
	id: string,
	{ids = '8086:10d3', class: digits = '020000', driver, group, unit = 'dmar0'}: PciOptions = {},
): Machine {
	const folder = `/sys/devices/pci0000:00/${id}`;
	const [vendor, device] = ids.split(':');
	return {
		[`/sys/bus/pci/devices/${id}`]: {to: `../../../devices/pci0000:00/${id}`},
		[`${folder}/vendor`]: `0x${vendor}\n`,
		[`${folder}/device`]: `0x${device}\n`,
		[`${folder}/class`]: `0x${digits}\n`,
		...(driver === undefined ? {} : {[`${folder}/driver`]: {to: `../../../bus/pci/drivers/${driver}`}}),
		...(group === undefined
			? {}
			: {
					[`${folder}/iommu`]: {to: `../../virtual/iommu/${unit}`},
					[`${folder}/iommu_group`]: {to: `../../../kernel/iommu_groups/${group}`},
					[`/sys/kernel/iommu_groups/${group}/devices/${id}`]: {to: `../../../../devices/pci0000:00/${id}`},
				}),
	};
}
type PciOptions = {ids?: string; class?: string; driver?: string; group?: number; unit?: string};

/** A group's own files. */
export const group = (number: number, type = 'DMA', regions = ''): Machine => ({
	[`/sys/kernel/iommu_groups/${number}/type`]: `${type}\n`,
	[`/sys/kernel/iommu_groups/${number}/reserved_regions`]: regions,
});

/** QEMU's intel-iommu. */
export const VTD: Machine = {
	'/sys/class/iommu/dmar0': {to: '../../devices/virtual/iommu/dmar0'},
	'/sys/devices/virtual/iommu/dmar0/intel-iommu/version': '1:0\n',
	'/sys/devices/virtual/iommu/dmar0/intel-iommu/address': 'fed90000\n',
	'/sys/devices/virtual/iommu/dmar0/intel-iommu/cap': 'd2008c222f0606\n',
	'/sys/devices/virtual/iommu/dmar0/intel-iommu/ecap': 'f00f4a\n',
	'/sys/devices/virtual/iommu/dmar0/intel-iommu/domains_used': '12\n',
};

/** Runs the built program without a terminal. */
export function runProgram(args: readonly string[]) {
	const {status, stdout, stderr} = spawnSync(process.execPath, [CLI, ...args], {encoding: 'utf8'});
	return {code: status, stdout, stderr};
}
