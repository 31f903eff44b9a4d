// A machine with a disk of random bytes, and a guest with one of the device models.

import type {TestContext} from 'node:test';
import {AhciHd} from '../../source/bhyve/ahci-hd.js';
import {Nvme} from '../../source/bhyve/nvme.js';
import type {GuestRequest, Segment} from '../../source/guest/driver.js';
import {Disk} from '../../source/hardware/disk.js';
import type {ProbeEvent} from '../../source/hardware/probe.js';
import {type Guest, Machine} from '../../source/lab/build/machine.js';
import {defaultSpec} from '../../source/lab/build/spec.js';
import {MIB, randomImage} from './lab.js';

export const BUFFER = 0x20_0000;

export type Rig = {
	host: Machine;
	guest: Guest;
	disk: Disk;
	content: Buffer;
	/** All probe events. */
	events: ProbeEvent[];
};

export function rig(t: TestContext, {writable = false, bytes = 4 * MIB} = {}): Rig {
	const {file, content} = randomImage(t, bytes);
	const disk = Disk.open(file, {writable});
	t.after(() => disk.close());
	const host = new Machine({...defaultSpec(64 * MIB), policy: 'keep'}, disk);
	const events: ProbeEvent[] = [];
	host.listen(event => events.push(event));
	return {host, guest: host.guests[0], disk, content, events};
}

export function ahciHd({guest, events}: Rig): AhciHd {
	const device = new AhciHd(guest.device.ctx, guest.blockIf, 'BHYVE-TEST');
	device.probe = event => events.push(event);
	return device;
}

/** A request with the sectors of its segments. */
export function requestOf(
	op: GuestRequest['op'],
	sector: number,
	segments: readonly Segment[],
): GuestRequest {
	return {op, sector, segments, sectors: segments.reduce((sum, {bytes}) => sum + bytes, 0) / 512};
}

/** The contents of the guest's segments. */
export const readSegments = ({guest}: Rig, segments: readonly Segment[]): Buffer =>
	Buffer.concat(segments.map(({gpa, bytes}) => guest.vm.map.read(gpa, bytes)));

/** The bytes of the image in a request's range. */
export const onDisk = ({content}: Rig, {sector, sectors}: GuestRequest): Buffer =>
	content.subarray(sector * 512, (sector + sectors) * 512);

export function nvme({guest, events}: Rig): Nvme {
	const device = new Nvme(guest.device.ctx, guest.blockIf, 'NVME-3-0');
	device.probe = event => events.push(event);
	return device;
}
