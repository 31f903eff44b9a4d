// The traffic of a real guest, a tenth of a second at a time; and how often those who watch are told of it.

import type {Sample, Workload} from '../../machine/workload.js';
import {UserError} from '../../user-error.js';

const INTERVAL_MS = 100;
/** A minute. */
const KEPT = 600;
/** After so many intervals without anything new the clock stands still until there is something again. */
const REST = 20;
const A_SECOND = 10;

const EMPTY: Sample = {transfers: 0, delivered: 0, lost: 0, faults: 0, hits: 0, misses: 0};

export class Pulse implements Workload {
	readonly writes = 0;
	samples: readonly Sample[] = [];
	private timer: NodeJS.Timeout | undefined;
	private fresh = false;
	private idle = 0;
	private stoodAt = 0;

	/** `take`: what has been counted since the last time; `changed` is called ten times per second at most. */
	constructor(
		private readonly take: () => Sample,
		private readonly changed: () => void,
	) {}

	get rate(): number {
		return this.samples.slice(-A_SECOND).reduce((sum, {transfers}) => sum + transfers, 0);
	}

	get running(): boolean {
		return this.rate > 0;
	}

	/** Something is new. */
	beat(): void {
		this.fresh = true;
		if (this.timer !== undefined) return;
		const missed = this.stoodAt === 0 ? 0 : Math.floor((performance.now() - this.stoodAt) / INTERVAL_MS);
		this.keep(Array.from({length: Math.min(KEPT, missed)}, () => EMPTY));
		this.idle = 0;
		this.timer = setInterval(() => this.passed(), INTERVAL_MS).unref();
	}

	start(): void {
		throw new UserError('This guest is real: it does its own work, at its own pace.');
	}

	stop(): void {}

	tick(): number {
		return 0;
	}

	close(): void {
		clearInterval(this.timer);
		this.timer = undefined;
	}

	private passed(): void {
		this.keep([this.take()]);
		this.idle = this.fresh ? 0 : this.idle + 1;
		this.fresh = false;
		this.changed();
		if (this.idle < REST) return;
		this.close();
		this.stoodAt = performance.now();
	}

	private keep(samples: readonly Sample[]): void {
		this.samples = [...this.samples, ...samples].slice(-KEPT);
	}
}
