// A trace for the dashboard: its newest events, and how many there were in each second; and as lines for a pipe.

import {setTimeout as sleep} from 'node:timers/promises';
import {eventJson, eventText} from '../../explain/trace-text.js';
import type {Trace, TraceEvent} from '../../machine/trace.js';
import {type Print, versioned} from '../../text/print.js';
import {plural} from '../../words.js';

/** Tracing, or a test's stand-in. */
export type EventSource = {
	poll(): readonly TraceEvent[];
	readonly missed: number;
	readonly lost?: string;
	close(): void;
};

const MOST_EVENTS = 2000;
const SECONDS = 120;

export class TraceLog {
	private trace: Trace = {events: [], total: 0, lost: 0, maps: [], unmaps: [], mapped: 0, unmapped: 0};
	/** Counts by whole second. */
	private readonly maps = new Map<number, number>();
	private readonly unmaps = new Map<number, number>();
	private readonly began: number;
	private until: number;

	/** @param now the events' clock, in seconds */
	constructor(
		private readonly source: EventSource,
		private readonly now: () => number,
	) {
		this.began = Math.floor(now());
		this.until = this.began;
	}

	/** The same object as before where nothing happened. */
	poll(): Trace {
		const events = this.source.poll();
		const until = Math.floor(this.now());
		const {missed: lost, lost: ended} = this.source;
		const before = this.trace;
		for (const event of events) this.count(event);
		const quiet = events.length === 0 && lost === before.lost && ended === before.ended;
		// Another second without events changes nothing when the graphs are already flat.
		if (quiet && (until === this.until || this.isStill(until))) return before;
		this.until = until;
		const [maps, unmaps] = [this.seconds(this.maps), this.seconds(this.unmaps)];
		let {mapped, unmapped} = before;
		for (const event of events) {
			if (event.is === 'map') mapped += event.bytes;
			if (event.is === 'unmap') unmapped += event.unmapped;
		}
		this.trace = {
			events: events.length === 0 ? before.events : [...before.events, ...events].slice(-MOST_EVENTS),
			total: before.total + events.length,
			lost,
			maps,
			unmaps,
			mapped,
			unmapped,
			...(ended === undefined ? {} : {ended}),
		};
		return this.trace;
	}

	close(): void {
		this.source.close();
	}

	private count({is, at}: TraceEvent): void {
		const counts = is === 'map' ? this.maps : is === 'unmap' ? this.unmaps : undefined;
		const second = Math.floor(at);
		counts?.set(second, (counts.get(second) ?? 0) + 1);
	}

	/** Whether the graphs are flat, and stay so. */
	private isStill(until: number): boolean {
		const {maps, unmaps} = this.trace;
		if (maps.some(Boolean) || unmaps.some(Boolean)) return false;
		return [...this.maps.keys(), ...this.unmaps.keys()].every(second => second < until - SECONDS);
	}

	private seconds(counts: Map<number, number>): number[] {
		const first = Math.max(this.began, this.until - SECONDS);
		for (const second of counts.keys()) if (second < first) counts.delete(second);
		return Array.from({length: Math.max(0, this.until - first)}, (_, i) => counts.get(first + i) ?? 0);
	}
}

const POLL_MS = 100;

/** Prints a line per event until stopped. @param warn reports lost events and the end of the trace */
export async function streamEvents(
	source: EventSource,
	{json, stop}: {json: boolean; stop: AbortSignal},
	print: Print,
	warn: Print,
): Promise<void> {
	let {missed} = source;
	while (!stop.aborted) {
		for (const event of source.poll())
			print(json ? JSON.stringify(versioned(eventJson(event))) : eventText(event));
		if (source.missed > missed) {
			warn(`${plural(source.missed - missed, 'event')} lost here: the kernel’s buffer was full.`);
			missed = source.missed;
		}
		if (source.lost !== undefined) {
			warn(source.lost);
			return;
		}
		await sleep(POLL_MS, undefined, {signal: stop}).catch(() => {});
	}
}
