// Opens the machine that `dmascope qemu` was asked for.

import {UserError} from '../user-error.js';
import {QemuMachine} from './qemu.js';

/** @throws UserError where the words make no sense, or QEMU cannot be looked at */
export function openQemu(words: readonly string[], every: string | undefined): Promise<QemuMachine> {
	const [socket, ...more] = words;
	if (socket === undefined || more.length > 0)
		throw new UserError('qemu takes one socket, that of -qmp, such as: dmascope qemu /run/vm0.qmp');
	const clock = () => new Date().toTimeString().slice(0, 8);
	return QemuMachine.open(socket, {every: every === undefined ? undefined : milliseconds(every), clock});
}

const LEAST_MS = 50;
const MOST_MS = 3_600_000;

/** A time such as 500ms or 2s. */
export function milliseconds(text: string): number {
	const [, digits, unit] = /^(\d+(?:\.\d+)?)(ms|s)$/.exec(text) ?? [];
	const time = Number(digits) * (unit === 's' ? 1000 : 1);
	if (!(time >= LEAST_MS && time <= MOST_MS))
		throw new UserError(`--every ${text} is no time from 50ms to 3600s; write 500ms, or 2s.`);
	return time;
}
