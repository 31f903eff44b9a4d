// dmascope host: a dashboard on a terminal; in a pipe, text or JSON.

import {captureHost} from '../live/host/capture.js';
import {openHost, openTracing, printHost} from '../live/host/open.js';
import {streamEvents} from '../live/host/trace-log.js';
import type {Print} from '../text/print.js';
import {checkDisplay, exitOnSignals, onTerminal} from './dashboard.js';
import {displayFlags, type Given} from './flags.js';

/** @returns the exit code @throws UserError */
export async function host(given: Given, out: Print, err: Print): Promise<number> {
	const [root, capture, json] = [given.text('root'), given.text('capture'), given.has('json')];
	const display = displayFlags(given);
	const interactive = onTerminal() && !json && capture === undefined;
	if (!interactive) await checkDisplay(display);
	if (capture !== undefined) {
		await captureHost(root, capture, given.has('force'), out);
		return 0;
	}
	if (!interactive && given.has('trace')) return stream(root, json, out, err);
	const machine = await openHost({
		root,
		log: given.text('log'),
		every: given.text('every'),
		trace: given.has('trace'),
	});
	try {
		// By default a signal would leave the tracing instance behind.
		if (interactive && given.has('trace')) exitOnSignals();
		if (interactive) return await (await import('../ui/dashboard.js')).dashboard(machine, display);
		await printHost(machine, json, out);
		return 0;
	} finally {
		machine.close();
	}
}

/** Prints events until Ctrl-C, or until the reader closes the pipe. */
async function stream(root: string | undefined, json: boolean, out: Print, err: Print): Promise<number> {
	const tracing = openTracing(root);
	const stop = new AbortController();
	for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => stop.abort());
	try {
		await streamEvents(tracing, {json, stop: stop.signal}, out, err);
		return 0;
	} finally {
		tracing.close();
	}
}
