// Opens the machine that `dmascope qemu` was asked for.

import {UserError} from '../user-error.js';
import {milliseconds} from './every.js';
import {asking} from './host-devices.js';
import {KernelLog} from './kernel-log.js';
import {QemuMachine} from './qemu.js';

/** @throws UserError where the words make no sense, or QEMU cannot be looked at */
export function openQemu(
	words: readonly string[],
	{every, log}: {every?: string; log?: string},
): Promise<QemuMachine> {
	const [socket, ...more] = words;
	if (socket === undefined || more.length > 0)
		throw new UserError('qemu takes one socket, that of -qmp, such as: dmascope qemu /run/vm0.qmp');
	const clock = () => new Date().toTimeString().slice(0, 8);
	return QemuMachine.open(socket, {
		every: every === undefined ? undefined : milliseconds(every),
		clock,
		log: log === undefined ? undefined : new KernelLog(log, asking(false)),
	});
}
