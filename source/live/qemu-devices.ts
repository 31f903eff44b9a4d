// The PCI functions of a QEMU machine, as the guest's firmware has numbered them.

import {type Rid, ridOf} from '../formats/pci.js';
import {fields, list, number, type Qmp, text} from './qmp.js';

/** `name` is the id given on QEMU's command line, or what the function's class is called. */
export type QemuDevice = {rid: Rid; name: string};

export async function pciDevices(qmp: Qmp): Promise<QemuDevice[]> {
	const buses = list(await qmp.execute('query-pci')).map(fields);
	return buses.flatMap(bus => functionsOf(bus.devices));
}

/** A bridge's answer holds those behind it. */
function functionsOf(devices: unknown): QemuDevice[] {
	return list(devices).flatMap(device => {
		const {bus, slot, function: fn, qdev_id: id, class_info: info, pci_bridge: bridge} = fields(device);
		const name = text(id) || text(fields(info).desc) || 'PCI function';
		const own = {rid: ridOf(number(bus), number(slot), number(fn)), name};
		return [own, ...functionsOf(fields(bridge).devices)];
	});
}
