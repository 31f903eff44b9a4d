// Why the bytes of a transfer are missing: a sentence for the moment when an audience asks.

import {hex} from '../formats/address.js';
import type {MachineState} from '../machine/observed.js';
import type {Transfer} from '../machine/transfer.js';
import {causeOf} from './cause.js';

export type Loss = {
	why: string;
	/** The policy took the page away, so another one gives it back. */
	byPolicy: boolean;
};

/** Undefined where nothing is missing, or nothing is known of why. */
export function explainLoss(state: MachineState, transfer: Transfer): Loss | undefined {
	if (transfer.data === 'delivered') return undefined;
	const fault = state.faults.find(({transfer: number}) => number === transfer.number);
	if (fault === undefined) {
		const stage = transfer.chain.find(({trouble}) => trouble);
		return stage && {why: `${stage.place}: ${stage.full}.`, byPolicy: false};
	}
	const {iova, owner, device, write} = fault;
	const vm = state.vms.find(({name}) => name === owner);
	const cause = causeOf(fault.text);
	if (cause === 'not mapped' && vm && vm.passthru.length > 0 && transfer.policy !== 'keep')
		return {
			why: `${hex(iova)} is ${vm.name}'s page, and policy ${transfer.policy} took it out of the host domain.`,
			byPolicy: true,
		};
	const page = `${hex(iova)}${owner === undefined ? '' : ` (${owner})`}`;
	const words = {
		'no domain': `${device} is in no domain, so the IOMMU refuses all of its DMA.`,
		'not mapped': `${device}'s domain does not map ${page}.`,
		'not allowed': `${device}'s domain maps ${page}, but denies ${write ? 'writes' : 'reads'}.`,
		'too wide': `${page} lies beyond the address width of ${device}'s domain.`,
		interrupt: `${page} is where interrupts are sent; no memory is there.`,
		'bad entry': `A table entry that leads to ${page} is invalid.`,
	};
	return {why: words[cause], byPolicy: false};
}
