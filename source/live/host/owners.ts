// Who holds a group: /proc/PID/fd has a link to /dev/vfio/N for each group that a process has open, or to
// /dev/vfio/devices/vfioM for each device (iommufd).

import {setImmediate as yieldToEventLoop} from 'node:timers/promises';
import {groupNumber} from './devices.js';
import type {Settings} from './settings.js';
import type {Tree} from './tree.js';

export type Owner = {
	pid: number;
	/** What the process is called: qemu-system-x86. */
	command: string;
	/** The VM's name, where QEMU was given one. */
	vm?: string;
	groups: readonly number[];
	/** Devices that were opened one by one: PCI ids. */
	devices: readonly string[];
};

const GROUP = /^\/dev\/vfio\/(\d{1,9})$/;
const DEVICE = /^\/dev\/vfio\/devices\/(vfio\d{1,9})$/;
/** A VM's command line is long. */
const LINE_BYTES = 65536;

/** `complete` where all processes can be seen: otherwise a group of vfio's may have an owner that is not. */
export type Owners = {owners: readonly Owner[]; complete: boolean};

export async function readOwners(tree: Tree, {container}: Settings): Promise<Owners> {
	const owners: Owner[] = [];
	for (const pid of tree.list('/proc').filter(name => /^[1-9]\d{0,9}$/.test(name))) {
		owners.push(...readOwner(tree, Number(pid)));
		await yieldToEventLoop();
	}
	// /proc mounted with hidepid has no processes but one's own, so not even the first.
	return {owners, complete: tree.exists('/proc/1') && !tree.refused('/proc') && !container};
}

function readOwner(tree: Tree, pid: number): Owner[] {
	const folder = `/proc/${pid}`;
	const held = tree.links(`${folder}/fd`, isHold);
	if (held.length === 0) return [];
	const groups = held.flatMap(target => groupNumber(GROUP.exec(target)?.[1]) ?? []);
	const devices = held.flatMap(target => {
		const [, name] = DEVICE.exec(target) ?? [];
		return (name && tree.linkName(`/sys/class/vfio-dev/${name}/device`)) ?? [];
	});
	const vm = vmName(tree.read(`${folder}/cmdline`, aboutName, LINE_BYTES) ?? '');
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

const isHold = (target: string): boolean => GROUP.test(target) || DEVICE.test(target);

/** Of a command line, -name and what follows it; the words end with NULs. */
function aboutName(line: string): string {
	const words = line.split('\0');
	const at = words.indexOf('-name');
	const value = words[at + 1];
	return at < 0 || value === undefined ? '' : `-name\0guest=${guestOf(value)}\0`;
}

/** -name web, -name guest=web,debug-threads=on; a comma in a name is doubled. */
function guestOf(value: string): string {
	const parts = value.match(/(?:[^,]|,,)+/g) ?? [];
	const named = parts.find(part => part.startsWith('guest='));
	return named?.slice('guest='.length) ?? parts.find(part => !part.includes('=')) ?? '';
}

function vmName(kept: string): string | undefined {
	const value = kept.split('\0')[1];
	const name = value === undefined ? '' : guestOf(value).replaceAll(',,', ',');
	return name === '' ? undefined : Buffer.from(name, 'latin1').toString();
}
