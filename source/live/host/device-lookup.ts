// The devices that a kernel log names, looked up in this host's sysfs and in pci.ids.

import type {Lookup} from '../decode/decoder.js';
import {deviceText, type LoggedDevice} from '../decode/fault.js';
import type {KnownDevice} from '../decode/known.js';
import {PCI, readDevice} from './devices.js';
import {PciIds} from './pci-ids.js';
import {Disk, Tree} from './tree.js';

const ownTree = (): Tree => new Tree(new Disk('/'));

/**
 * Looks up a log's devices in pci.ids and, where the log is this host's own, in sysfs.
 * @param tree a new one for each lookup: a tree caches its paths, while devices and drivers change
 */
export function deviceLookup(isOwn: boolean, tree: () => Tree = ownTree): Lookup {
	const pciIds = new PciIds();
	return ({fault}, around) => {
		const host = isOwn && fault.device !== undefined ? hostDevice(fault.device, tree()) : undefined;
		// The log describes the time of the fault, sysfs the present.
		const device = host === undefined ? around.device : {...host, ...around.device};
		const id = device?.id;
		return {...around, device, product: id === undefined ? undefined : pciIds.names(tree(), [id]).get(id)};
	};
}

/** Undefined where no device, or more than one, has that number. */
export function hostDevice(logged: LoggedDevice, tree: Tree): KnownDevice | undefined {
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
