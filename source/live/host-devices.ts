// This Linux host's own PCI devices, for a log that is its own: sysfs says what they are and who drives them now.

import {deviceText, type LoggedDevice} from './decode/fault.js';
import type {KnownDevice} from './decode/known.js';
import {PCI, readDevice} from './host/devices.js';
import {Disk} from './host/disk.js';
import {PciIds} from './host/pci-ids.js';
import {Tree} from './host/tree.js';

const pciIds = new PciIds();
/** A tree remembers what was where; devices and drivers come and go. */
const ownTree = (): Tree => new Tree(new Disk('/'));

/** Vendor and product by "8086:10d3", from this machine's list. */
export const productNames = (wanted: ReadonlySet<string>): Map<string, string> =>
	pciIds.names(ownTree(), wanted);

/** Undefined where there is no such device, or more than one of that number. */
export function hostDevice(logged: LoggedDevice, tree = ownTree()): KnownDevice | undefined {
	const bare = deviceText({rid: logged.rid});
	const names = tree.list(PCI).filter(name => name.endsWith(`:${bare}`));
	const [name] = logged.segment === undefined ? names : names.filter(each => each === deviceText(logged));
	if (name === undefined || (logged.segment === undefined && names.length > 1)) return undefined;
	const folder = `${PCI}/${name}`;
	const {ids, class: pciClass, driver, group} = readDevice(tree, folder, name);
	return {
		device: {rid: logged.rid, segment: Number.parseInt(name.slice(0, -bare.length - 1), 16)},
		...(ids === undefined ? {} : {id: ids}),
		...(pciClass === undefined ? {} : {class: pciClass}),
		driver,
		name: tree.list(`${folder}/net`)[0],
		...(group === undefined ? {} : {group}),
	};
}
