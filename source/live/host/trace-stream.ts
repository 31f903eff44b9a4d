// dmascope host --trace into a pipe: a line an event, until somebody ends it.

import {setTimeout as sleep} from 'node:timers/promises';
import {eventJson, eventText} from '../../explain/trace-text.js';
import type {Print} from '../../print.js';
import {plural} from '../../words.js';
import type {EventSource} from './trace-log.js';

const POLL_MS = 100;

/** @param warn is told of what is not an event: those that were lost, and the end of the trace */
export async function streamEvents(
	source: EventSource,
	{json, stop}: {json: boolean; stop: AbortSignal},
	print: Print,
	warn: Print,
): Promise<void> {
	let {missed} = source;
	while (!stop.aborted) {
		for (const event of source.poll()) print(json ? JSON.stringify(eventJson(event)) : eventText(event));
		if (source.missed > missed) {
			warn(`${plural(source.missed - missed, 'event')} lost here: the kernel had no room for them.`);
			missed = source.missed;
		}
		if (source.lost !== undefined) {
			warn(source.lost);
			return;
		}
		await sleep(POLL_MS, undefined, {signal: stop}).catch(() => {});
	}
}
