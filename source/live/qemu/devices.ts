// The PCI functions of a QEMU machine, as numbered by the guest's firmware.

import {type Rid, ridOf} from '../../formats/pci.js';
import {fields, list, number, type Qmp, text} from './qmp.js';

/** `name`: the id from QEMU's command line, else the name of the function's class. */
export type QemuDevice = {rid: Rid; name: string};

/** A virtio-iommu, by its PCI ids (virtio 1.2, 5.13). */
const VIRTIO_IOMMU = {vendor: 0x1af4, device: 0x1057};

export async function pciDevices(qmp: Qmp): Promise<QemuDevice[]> {
	return (await pciFunctions(qmp)).flatMap(({bus, slot, function: fn, qdev_id: id, class_info: info}) => {
		const rid = ridOf(number(bus), number(slot), number(fn));
		const name = text(id) || text(fields(info).desc) || 'PCI function';
		return [bus, slot, fn].every(part => Number.isInteger(part)) ? [{rid, name}] : [];
	});
}

export const hasVirtioIommu = async (qmp: Qmp): Promise<boolean> =>
	(await pciFunctions(qmp)).some(({id}) => {
		const {vendor, device} = fields(id);
		return vendor === VIRTIO_IOMMU.vendor && device === VIRTIO_IOMMU.device;
	});

async function pciFunctions(qmp: Qmp): Promise<Record<string, unknown>[]> {
	const buses = list(await qmp.execute('query-pci')).map(fields);
	return buses.flatMap(bus => functionsOf(bus.devices));
}

/** A bridge's answer contains the devices behind it. */
function functionsOf(devices: unknown): Record<string, unknown>[] {
	return list(devices)
		.map(fields)
		.flatMap(device => [device, ...functionsOf(fields(device.pci_bridge).devices)]);
}
