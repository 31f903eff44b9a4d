// Commands as people read them.

import {hex} from '../../formats/address.js';
import type {Command} from '../../machine/command.js';
import {plural, sizeText} from '../../words.js';

/** A command in a few words. */
export function commandText(command: Command): string {
	switch (command.do) {
		case 'policy':
			return `policy ${command.policy}`;
		case 'read':
		case 'write':
		case 'delete': {
			const {requests = 1} = command;
			const times = requests > 1 ? `, ${requests} at once` : '';
			return `${command.do} ${command.vm} LBA ${command.lba} ×${command.sectors} in ${command.segments}${times}`;
		}
		case 'work': {
			const {count, writes = 0} = command;
			return `work ${plural(count, 'request')}${writes > 0 ? `, ${writes}% writes` : ''}`;
		}
		case 'dma':
			return `${command.device} ${command.access} ${hex(command.gpa)}`;
		case 'create':
			return `create ${command.name}, ${sizeText(command.memory)}, ${command.model} on ${command.disk}`;
		case 'map':
		case 'unmap':
			return `${command.do} ${plural(command.pages, 'page')} of ${command.vm} at ${hex(command.gpa)}, ${command.from} domain`;
		case 'start':
			return `start ${command.machine.iommu}, policy ${command.machine.policy}`;
		default: {
			const {do: verb, ...fields} = command;
			return [verb, ...Object.values(fields)].join(' ');
		}
	}
}
