// An outcome as a line of `--json` shows it: only what is the same on every run.

import type {Policy} from '../../machine/command.js';
import type {Outcome, Refusal} from '../../machine/outcome.js';
import type {Data, Path} from '../../machine/transfer.js';

export type OutcomeJson = {
	policy?: Policy;
	data?: Data;
	path?: Path;
	bytes?: number;
	landed?: number;
	faults?: number;
	owner?: string;
	bootable?: boolean;
	found?: string[];
	error?: Refusal;
	domains?: number;
	missing?: number;
};

export function outcomeJson(outcome: Outcome): OutcomeJson {
	if (outcome.kind === 'policy') return {policy: outcome.policy};
	if (outcome.kind === 'lifecycle') return {error: outcome.error, ...outcome.tables};
	if (outcome.kind === 'work') {
		const {data, bytes, landed, faults} = outcome.work;
		return {data, bytes, landed, faults};
	}
	const transfers = outcome.kind === 'transfer' ? [outcome.transfer] : outcome.transfers;
	const total = (key: 'bytes' | 'landed' | 'faults') =>
		transfers.reduce((sum, transfer) => sum + transfer[key], 0);
	const worst = transfers.find(({data}) => data !== 'delivered') ?? transfers[0];
	return {
		data: worst?.data,
		path: worst?.path,
		bytes: total('bytes'),
		landed: total('landed'),
		faults: total('faults'),
		owner: worst?.owners?.join(', ') || undefined,
		...(outcome.kind === 'boot' ? {bootable: outcome.bootable, found: outcome.found} : {}),
	};
}
