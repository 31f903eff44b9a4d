// A step of a session as it is shown, and whether something was wrong with it.

import type {Entry} from '../../machine/history.js';
import {commandText} from '../scenario/command-text.js';
import type {OutcomeJson} from '../scenario/outcome-json.js';
import type {SessionStep} from './steps.js';

export const troubled = ({data, faults = 0, error, bootable}: OutcomeJson): boolean =>
	(data !== undefined && data !== 'delivered') || faults > 0 || error !== undefined || bootable === false;

export function entryOf({id, command, outcome, report, transfer, note}: SessionStep): Entry {
	const {data, faults = 0} = outcome;
	const text = commandText(command);
	return {id, command, text, report, data, faults, trouble: troubled(outcome), transfer, note};
}
