// Opens the machine of `dmascope qemu SOCKET`.

import {UserError} from '../../user-error.js';
import type {Lookup} from '../decode/decoder.js';
import {deviceLookup} from '../host/device-lookup.js';
import {KernelLog} from '../kernel-log.js';
import {checkLog} from '../log-input.js';
import {parseInterval} from '../observation.js';
import {QemuMachine} from './machine.js';

/** @throws UserError if the command line is wrong, or QEMU cannot be viewed */
export async function openQemu(
	words: readonly string[],
	{every, log}: {every?: string; log?: string},
): Promise<QemuMachine> {
	const [socket, ...more] = words;
	if (socket === undefined || more.length > 0)
		throw new UserError('qemu needs one QMP socket, such as: dmascope qemu /run/vm0.qmp');
	if (log !== undefined) checkLog(log);
	const machine: QemuMachine = await QemuMachine.open(socket, {
		every: every === undefined ? undefined : parseInterval(every),
		clock: () => new Date().toTimeString().slice(0, 8),
		log:
			log === undefined
				? undefined
				: new KernelLog(
						log,
						nameLookup(() => machine),
					),
	});
	return machine;
}

/** QEMU has a name for a device that the log does not name. */
function nameLookup(machine: () => QemuMachine): Lookup {
	const lookup = deviceLookup(false);
	return (group, around) => {
		const {device} = group.fault;
		const own =
			device &&
			machine()
				.state()
				.devices.find(({rid}) => rid === device.rid);
		const known = own && device ? {device, name: own.name, ...around.device} : around.device;
		return lookup(group, {...around, device: known});
	};
}
