// A step in a run's report: the command in a few words, and the outcome as plain data.

import {hex} from '../../formats/address.js';
import type {Command} from '../../machine/command.js';
import type {Outcome} from '../../machine/outcome.js';
import type {Reached, Transfer} from '../../machine/transfer.js';
import type {OutcomeJson} from '../../outputs.js';
import {plural, sizeText} from '../../words.js';

/** A command in a few words. */
export function commandText(command: Command): string {
	switch (command.do) {
		case 'read':
		case 'write':
		case 'delete': {
			const {do: op, vm, lba, sectors, segments, requests = 1} = command;
			const times = requests > 1 ? `, ${plural(requests, 'request')}` : '';
			return `${op} ${vm} LBA ${lba}, ${plural(sectors, 'sector')}, ${plural(segments, 'segment')}${times}`;
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

/** An outcome in a line of `--json`: only values that are the same on every run. */
export function outcomeJson(outcome: Outcome): OutcomeJson {
	if (outcome.kind === 'policy') return {policy: outcome.policy};
	if (outcome.kind === 'lifecycle') return {error: outcome.error, ...outcome.tables};
	if (outcome.kind === 'work') {
		const {data, bytes, landed, copied, faults} = outcome.work;
		return {data, bytes, landed, copied, faults};
	}
	const transfers = transfersOf(outcome);
	const total = (key: 'bytes' | 'landed' | 'copied' | 'faults') =>
		transfers.reduce((sum, transfer) => sum + (transfer[key] ?? 0), 0);
	const known = transfers.every(({landed}) => landed !== undefined);
	const worst = transfers.find(({data}) => data !== 'delivered') ?? transfers[0];
	return {
		data: worst?.data,
		path: worst?.path,
		bytes: total('bytes'),
		landed: known ? total('landed') : undefined,
		copied: worst?.command.do === 'dma' ? undefined : total('copied'),
		faults: total('faults'),
		pointer: worst && pointerOf(worst),
		owner: worst?.owners?.map(({owner}) => owner).join(', ') || undefined,
		owners: bytesByOwner(worst?.owners),
		...(outcome.kind === 'boot' ? {bootable: outcome.bootable, found: outcome.found} : {}),
	};
}

function pointerOf({chain}: Transfer): string | undefined {
	const part = chain.flatMap(({parts = []}) => parts).find(({kind}) => kind === 'pointer');
	return part && hex(part.address);
}

const bytesByOwner = (owners: readonly Reached[] = []): OutcomeJson['owners'] =>
	owners.length < 2 ? undefined : Object.fromEntries(owners.map(({owner, bytes}) => [owner, bytes]));

/** The transfers that an outcome lists one by one. */
export function transfersOf(outcome: Outcome): readonly Transfer[] {
	if (outcome.kind === 'transfer') return [outcome.transfer];
	return outcome.kind === 'boot' ? outcome.transfers : [];
}

/** Something was lost, faulted or was refused. */
export const troubled = ({data, faults = 0, error, bootable}: OutcomeJson): boolean =>
	(data !== undefined && data !== 'delivered') || faults > 0 || error !== undefined || bootable === false;
