import {hex} from '../formats/address.js';
import type {TransferCommand} from '../machine/command.js';
import {plural} from '../words.js';

/** vm0 read, 8 sectors, LBA 0, 0x01000000 */
export function commandWords(command: TransferCommand): string {
	if (command.do === 'dma') {
		const {device, access, bytes, gpa} = command;
		return `${device} ${access}, ${plural(bytes, 'byte')}, ${hex(gpa)}`;
	}
	const {vm, do: op, requests = 1, sectors, segments, lba, gpa} = command;
	const times = requests > 1 ? `${requests} × ` : '';
	const cut = segments > 1 ? `, ${segments} segments` : '';
	return `${vm} ${op}, ${times}${plural(sectors, 'sector')}${cut}, LBA ${lba}, ${hex(gpa)}`;
}
