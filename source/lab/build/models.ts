// The device model that bhyve shows a guest as its disk, and the driver that the guest has for it.

import {AhciHd} from '../../bhyve/ahci-hd.js';
import type {BlockIf} from '../../bhyve/block-if.js';
import {Nvme} from '../../bhyve/nvme.js';
import {VirtioBlk} from '../../bhyve/virtio-blk.js';
import type {VmContext} from '../../bhyve/vmmapi.js';
import {GuestAhci} from '../../guest/ahci.js';
import type {GuestDisk} from '../../guest/driver.js';
import {GuestNvme} from '../../guest/nvme.js';
import {Vtblk} from '../../guest/vtblk.js';
import type {Model} from '../../machine/command.js';

/** The device, and the driver that drives it. */
export type DiskModel = {device: VirtioBlk | AhciHd | Nvme; disk: GuestDisk};

export function diskModel(model: Model, ctx: VmContext, blockIf: BlockIf, ident: string): DiskModel {
	switch (model) {
		case 'virtio-blk': {
			const device = new VirtioBlk(ctx, blockIf, ident);
			return {device, disk: new Vtblk(ctx.vm, device)};
		}
		case 'ahci-hd': {
			const device = new AhciHd(ctx, blockIf, ident);
			return {device, disk: new GuestAhci(ctx.vm, device)};
		}
		case 'nvme': {
			const device = new Nvme(ctx, blockIf, ident);
			return {device, disk: new GuestNvme(ctx.vm, device)};
		}
	}
}
