// The guests at work for as long as somebody lets time pass: how many requests are due, and what each tenth of a
// second came to.

import type {Command, WorkCommand} from '../machine/command.js';
import type {Outcome} from '../machine/outcome.js';
import type {Pace, Sample, Workload} from '../machine/workload.js';
import type {Limits} from './build/limits.js';
import {checkCommand} from './scenario/command.js';
import {whole} from './scenario/kinds.js';
import {MAX_WORK} from './scenario/verbs.js';

/** Milliseconds that a sample stands for, and how many are kept. */
const INTERVAL = 100;
const KEPT = 600;
/** What a machine that slept makes up for, at most. */
const LONGEST = 1000;
const RATE = whole(1, (MAX_WORK * 1000) / INTERVAL);

const NOTHING: Sample = {transfers: 0, delivered: 0, lost: 0, faults: 0, hits: 0, misses: 0};

type Host = {readonly limits: Limits; dispatch(command: Command): Outcome};

export class LabWorkload implements Workload {
	running = false;
	rate = 0;
	writes = 0;
	samples: readonly Sample[] = [];
	private readonly host: Host;
	/** What is due and has not run, in thousandths of a request. */
	private due = 0;
	/** The sample that is not full yet, and the milliseconds in it. */
	private sample = NOTHING;
	private passed = 0;

	constructor(host: Host) {
		this.host = host;
	}

	start({rate, writes = 0}: Pace): void {
		RATE.read(rate, 'rate');
		checkCommand({do: 'work', count: 1, writes}, this.host.limits);
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

	/** Without a guest nothing runs until there is one again. */
	private run(count: number): number {
		if (count === 0 || this.host.limits.vms.length === 0) return 0;
		const command: WorkCommand = {do: 'work', count};
		const outcome = this.host.dispatch(this.writes > 0 ? {...command, writes: this.writes} : command);
		if (outcome.kind !== 'work') return 0;
		const {requests, landed, lost, faults, hits, misses} = outcome.work;
		const sample = this.sample;
		this.sample = {
			transfers: sample.transfers + requests,
			delivered: sample.delivered + landed,
			lost: sample.lost + lost,
			faults: sample.faults + faults,
			hits: sample.hits + hits,
			misses: sample.misses + misses,
		};
		return count;
	}

	private next(): void {
		this.samples = [...this.samples, this.sample].slice(-KEPT);
		this.sample = NOTHING;
		this.passed = 0;
	}
}
