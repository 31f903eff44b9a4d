// dmascope capture-script: prints a script for hosts where dmascope does not run.

import {unknownWord} from '../did-you-mean.js';
import {FREEBSD_SCRIPT, SYSTEMS} from '../live/freebsd/capture-script.js';
import type {Print} from '../text/print.js';
import {UserError} from '../user-error.js';

/** @returns the exit code @throws UserError */
export function captureScript([system = '']: readonly string[], out: Print): number {
	if (!SYSTEMS.some(name => name === system)) throw new UserError(unknownWord('system', system, SYSTEMS));
	out(FREEBSD_SCRIPT.trimEnd().split('\n'));
	return 0;
}
