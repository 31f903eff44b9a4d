// The processes that own groups: /proc/PID/fd links to /dev/vfio/N for each group that a process has open, or to
// /dev/vfio/devices/vfioM for each device (iommufd).

import {setImmediate as yieldToEventLoop} from 'node:timers/promises';
import {groupNumber} from './devices.js';
import type {Settings} from './settings.js';
import type {Tree} from './tree.js';

export type Owner = {
	pid: number;
	/** The process's name, such as qemu-system-x86. */
	command: string;
	/** The VM's name, from QEMU's -name. */
	vm?: string;
	groups: readonly number[];
	/** Devices opened one by one, by PCI address. */
	devices: readonly string[];
};

const GROUP = /^\/dev\/vfio\/(\d{1,9})$/;
const DEVICE = /^\/dev\/vfio\/devices\/(vfio\d{1,9})$/;
/** A VM's command line is long. */
const LINE_BYTES = 65536;

/** `complete`: all processes can be seen. Otherwise a vfio group may have an owner that cannot. */
export type Owners = {owners: readonly Owner[]; complete: boolean};

export async function readOwners(tree: Tree, {container}: Settings): Promise<Owners> {
	const owners: Owner[] = [];
	for (const pid of tree.list('/proc').filter(name => /^[1-9]\d{0,9}$/.test(name))) {
		owners.push(...readOwner(tree, Number(pid)));
		await yieldToEventLoop();
	}
	// /proc mounted with hidepid lists only this user's processes, so not even process 1.
	return {owners, complete: tree.exists('/proc/1') && !tree.refused('/proc') && !container};
}

function readOwner(tree: Tree, pid: number): Owner[] {
	const folder = `/proc/${pid}`;
	const open = tree.links(`${folder}/fd`, isVfioFile);
	if (open.length === 0) return [];
	const groups = open.flatMap(target => groupNumber(GROUP.exec(target)?.[1]) ?? []);
	const devices = open.flatMap(target => {
		const [, name] = DEVICE.exec(target) ?? [];
		return (name && tree.linkName(`/sys/class/vfio-dev/${name}/device`)) ?? [];
	});
	const vm = vmName(tree.read(`${folder}/cmdline`, keepName, LINE_BYTES) ?? '');
	return [
		{
			pid,
			command: tree.read(`${folder}/comm`) ?? '?',
			...(vm === undefined ? {} : {vm}),
			groups: [...new Set(groups)],
			devices: [...new Set(devices)],
		},
	];
}

const isVfioFile = (target: string): boolean => GROUP.test(target) || DEVICE.test(target);

/** Keep only -name and its value of a command line, whose words end with NULs. */
function keepName(line: string): string {
	const words = line.split('\0');
	const at = words.indexOf('-name');
	const value = words[at + 1];
	return at < 0 || value === undefined ? '' : `-name\0guest=${guestOf(value)}\0`;
}

/** The value of -name is web, or guest=web,debug-threads=on; a comma in a name is doubled. */
function guestOf(value: string): string {
	const parts = value.match(/(?:[^,]|,,)+/g) ?? [];
	const named = parts.find(part => part.startsWith('guest='));
	return named?.slice('guest='.length) ?? parts.find(part => !part.includes('=')) ?? '';
}

function vmName(nameWords: string): string | undefined {
	const value = nameWords.split('\0')[1];
	const name = value === undefined ? '' : guestOf(value).replaceAll(',,', ',');
	return name === '' ? undefined : Buffer.from(name, 'latin1').toString();
}
