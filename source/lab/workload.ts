// The guests' work as time passes: how many requests are due, and a sample for each tenth of a second.

import type {Command, WorkCommand} from '../machine/command.js';
import type {Outcome} from '../machine/outcome.js';
import type {Comparable, Pace, Sample, Workload} from '../machine/workload.js';
import {parseData, whole} from '../parse-data.js';
import {MAX_WORK} from './scenario/verbs.js';

/** Milliseconds per sample, and the number of samples in memory. */
const INTERVAL = 100;
const KEPT = 600;
/** Milliseconds that are made up for at most, after the computer slept. */
const LONGEST = 1000;
const RATE = whole(1, (MAX_WORK * 1000) / INTERVAL);

const EMPTY: Sample = {transfers: 0, delivered: 0, lost: 0, faults: 0, hits: 0, misses: 0};

/** The lab, as its workload uses it. */
type Host = {
	readonly guestCount: number;
	check(command: Comparable): void;
	dispatch(command: Command): Outcome;
};

export class LabWorkload implements Workload {
	running = false;
	rate = 0;
	writes = 0;
	samples: readonly Sample[] = [];
	private readonly host: Host;
	/** Requests that are due, in thousandths. */
	private due = 0;
	/** The current sample, and its milliseconds so far. */
	private sample = EMPTY;
	private passed = 0;

	constructor(host: Host) {
		this.host = host;
	}

	start({rate, writes = 0}: Pace): void {
		parseData(RATE, rate, 'rate');
		this.host.check({do: 'work', count: 1, writes});
		this.rate = rate;
		this.writes = writes;
		this.running = true;
	}

	stop(): void {
		this.running = false;
		this.due = 0;
	}

	tick(elapsedMs: number): number {
		if (!this.running) return 0;
		let ran = 0;
		for (let left = Math.min(elapsedMs, LONGEST); left > 0; ) {
			const step = Math.min(left, INTERVAL - this.passed);
			left -= step;
			this.passed += step;
			this.due += this.rate * step;
			const count = Math.floor(this.due / 1000);
			this.due -= count * 1000;
			ran += this.run(count);
			if (this.passed >= INTERVAL) this.next();
		}
		return ran;
	}

	/** Without a guest nothing runs; the work resumes with the next one. */
	private run(count: number): number {
		if (count === 0 || this.host.guestCount === 0) return 0;
		const command: WorkCommand = {do: 'work', count};
		const outcome = this.host.dispatch(this.writes > 0 ? {...command, writes: this.writes} : command);
		if (outcome.kind !== 'work') return 0;
		const {requests, landed, lost, faults, hits, misses} = outcome.work;
		const sample = this.sample;
		this.sample = {
			transfers: sample.transfers + requests,
			delivered: sample.delivered + (landed ?? 0),
			lost: sample.lost + lost,
			faults: sample.faults + faults,
			hits: sample.hits + hits,
			misses: sample.misses + misses,
		};
		return count;
	}

	private next(): void {
		this.samples = [...this.samples, this.sample].slice(-KEPT);
		this.sample = EMPTY;
		this.passed = 0;
	}
}
