// This Linux host's own PCI devices, for a log that is its own: sysfs says what they are and who drives them now.

import fs from 'node:fs';
import path from 'node:path';
import {deviceText, type LoggedDevice} from './decode/fault.js';
import type {KnownDevice} from './decode/known.js';

/** Undefined where there is no such device, or more than one of that number. */
export function hostDevice(logged: LoggedDevice, root = '/sys/bus/pci/devices'): KnownDevice | undefined {
	const bare = deviceText({rid: logged.rid});
	const names = namesIn(root).filter(name => name.endsWith(`:${bare}`));
	const [name] = logged.segment === undefined ? names : names.filter(each => each === deviceText(logged));
	if (name === undefined || (logged.segment === undefined && names.length > 1)) return undefined;
	const folder = path.join(root, name);
	const [vendor, product, pciClass] = ['vendor', 'device', 'class'].map(file =>
		hexIn(path.join(folder, file)),
	);
	const group = Number(linkIn(path.join(folder, 'iommu_group')) ?? Number.NaN);
	return {
		device: {rid: logged.rid, segment: Number.parseInt(name.slice(0, -bare.length - 1), 16)},
		...(vendor === undefined || product === undefined ? {} : {id: `${vendor}:${product}`}),
		...(pciClass === undefined ? {} : {class: pciClass}),
		driver: linkIn(path.join(folder, 'driver')),
		name: namesIn(path.join(folder, 'net'))[0],
		...(Number.isNaN(group) ? {} : {group}),
	};
}

function namesIn(folder: string): string[] {
	try {
		return fs.readdirSync(folder);
	} catch {
		return [];
	}
}

function linkIn(link: string): string | undefined {
	try {
		return path.basename(fs.readlinkSync(link));
	} catch {
		return undefined;
	}
}

function hexIn(file: string): string | undefined {
	try {
		return /^0x([0-9a-f]+)\s*$/.exec(fs.readFileSync(file, 'utf8'))?.[1];
	} catch {
		return undefined;
	}
}
