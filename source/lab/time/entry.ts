// A step of a session as it is shown, and whether something was wrong with it.

import type {Entry} from '../../machine/history.js';
import {commandText, troubled} from '../scenario/step-report.js';
import type {SessionStep} from './steps.js';

export function entryOf({id, command, outcome, report, transfer, note}: SessionStep): Entry {
	const {data, faults = 0} = outcome;
	const text = commandText(command);
	return {id, command, text, report, data, faults, trouble: troubled(outcome), transfer, note};
}
