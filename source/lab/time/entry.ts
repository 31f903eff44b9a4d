// A step of a session, and whether something was wrong with it.

import type {Command} from '../../machine/command.js';
import type {Entry} from '../../machine/history.js';
import type {Outcome} from '../../machine/outcome.js';
import {commandText, outcomeJson} from '../scenario/step-report.js';

export function entryOf(command: Command, outcome: Outcome): Entry {
	const {data, faults = 0, error} = outcomeJson(outcome);
	const troubled = data !== undefined && data !== 'delivered';
	return {
		command,
		text: commandText(command),
		report: outcome.report,
		data,
		faults,
		trouble: troubled || faults > 0 || error !== undefined || (outcome.kind === 'boot' && !outcome.bootable),
		transfer: outcome.kind === 'transfer' ? outcome.transfer.number : undefined,
	};
}
