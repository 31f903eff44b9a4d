// A step of a session as it is shown, and whether something was wrong with it.

import type {Entry} from '../seam/history.js';
import {commandText} from './command-text.js';
import type {OutcomeJson} from './outcome-json.js';
import type {SessionStep} from './steps.js';

export const troubled = ({data, faults = 0, error, bootable}: OutcomeJson): boolean =>
	(data !== undefined && data !== 'delivered') || faults > 0 || error !== undefined || bootable === false;

export function entryOf({id, command, outcome, said, transfer, note}: SessionStep): Entry {
	const {data, faults = 0} = outcome;
	const text = commandText(command);
	return {id, command, text, said, data, faults, trouble: troubled(outcome), transfer, note};
}
