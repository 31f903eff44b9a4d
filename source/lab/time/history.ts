// What was done to the lab, and the way back. Going back is replaying, from the last mark before: there the whole
// machine was saved. Between two marks stands what memory and the disk held at the first: exchanged with what they
// hold now it leads back, and exchanged again, forth. So a jump costs what changed, and a short replay.

import {BLOCK, type Blocks} from '../../hardware/blocks.js';
import type {Disk} from '../../hardware/disk.js';
import type {Memory, PageLog} from '../../hardware/memory.js';
import type {Command, MachineSpec} from '../../machine/command.js';
import type {Entry, History} from '../../machine/history.js';
import type {Outcome} from '../../machine/outcome.js';
import type {Step} from '../../machine/scenario.js';
import {messageOf, UserError} from '../../user-error.js';
import {type OutcomeJson, outcomeJson} from '../scenario/step-report.js';
import {writeSession} from '../scenario/write.js';
import {entryOf} from './entry.js';
import {keepOlder, travel} from './logs.js';
import type {Saved} from './save.js';

/** The lab, as its history uses it. */
export interface Host {
	readonly memory: Memory;
	readonly disk: Disk;
	readonly spec: MachineSpec;
	/** Does it, and tells nobody. @throws UserError, with nothing done */
	perform(command: Command): Outcome;
	save(): Saved;
}

/** What pages and blocks held before they were first written to. */
type Log = {memory: Memory; pages: PageLog; blocks: Blocks};
/** A moment that can be put back; the milliseconds from it to the next, and what has changed by then. */
type Mark = {at: number; saved: Saved; cost: number; log: Log};

/** Milliseconds of work after which a mark is made: about what a jump has to replay. */
const DISTANCE = 25;
/** Pages and blocks that are kept at most: 256 MiB. Beyond, marks go, and jumps take longer. */
const MOST_KEPT = 65536;
/** So many of the last steps are reached at once; for those before, all since the beginning are done again. */
const QUICK = 10_000;

export class LabHistory implements History {
	readonly entries: Entry[] = [];
	at = 0;
	/** The machine that it started from. */
	private machine: MachineSpec;
	private readonly host: Host;
	private readonly now: () => number;
	private readonly mostKept: number;
	private readonly quick: number;
	private readonly outcomes: OutcomeJson[] = [];
	private marks: Mark[] = [];
	/** The mark that the machine is at, or after; what changed since, and the milliseconds that took. */
	private current = -1;
	private log: Log;
	private cost = 0;

	/** `now`: a clock in milliseconds, which decides where marks are, and nothing else. */
	constructor(host: Host, now: () => number, {mostKept = MOST_KEPT, quick = QUICK} = {}) {
		this.host = host;
		this.now = now;
		this.mostKept = mostKept;
		this.quick = quick;
		this.machine = host.spec;
		this.log = this.newLog();
		this.mark();
	}

	/** Does something new. What had been undone is forgotten then. @throws UserError, with nothing done or forgotten */
	add(command: Command): Outcome {
		const outcome = this.runOrNothing(command);
		if (this.at < this.entries.length) this.forgetTheRest();
		this.entries.push(entryOf(command, outcome));
		this.outcomes.push(outcomeJson(outcome));
		this.at++;
		if (command.do === 'start' || this.cost > DISTANCE) this.mark();
		return outcome;
	}

	/** Does the steps of a scenario. @throws UserError at the first that makes no sense */
	replay(steps: readonly Step[]): void {
		for (const {command, note} of steps) {
			this.add(command);
			this.entries[this.at - 1].note = note;
		}
	}

	write(file: string, expect: boolean): void {
		writeSession(file, this.machine, this.entries.slice(0, this.at), expect ? this.outcomes : []);
	}

	go(to: number): string | undefined {
		const at = Math.max(0, Math.min(this.entries.length, to));
		const nearest = this.marks.findLastIndex(mark => mark.at <= at);
		if (nearest !== this.current || at < this.at) this.putBack(nearest);
		let otherwise: string | undefined;
		while (this.at < at) {
			const outcome = outcomeJson(this.run(this.entries[this.at].command));
			const same = JSON.stringify(outcome) === JSON.stringify(this.outcomes[this.at]);
			this.at++;
			if (!same)
				otherwise ??= `Step ${this.at} came out otherwise than before: the disk has been changed meanwhile.`;
		}
		return otherwise;
	}

	/** What is refused may have gone half way, and left a page taken: then the machine is put back. */
	private runOrNothing(command: Command): Outcome {
		try {
			return this.run(command);
		} catch (error) {
			const {at} = this;
			this.putBack(this.current);
			this.go(at);
			throw error;
		}
	}

	private run(command: Command): Outcome {
		const start = this.now();
		const outcome = this.host.perform(command);
		this.cost += this.now() - start;
		return outcome;
	}

	/** Makes a mark of this moment, and closes the log of the one before. */
	private mark(): void {
		const before = this.marks[this.current];
		if (before !== undefined) {
			before.log = this.log;
			this.forgetWhatIsTheSame(this.log);
			before.cost = this.cost;
		}
		this.cost = 0;
		this.log = this.newLog();
		this.marks.push({at: this.at, saved: this.host.save(), cost: 0, log: this.log});
		this.current = this.marks.length - 1;
		this.letThePastGo();
		while (this.kept() > this.mostKept && this.letTheNearestGo());
	}

	/** What was written to and holds the same again: tables that are taken away and made anew. */
	private forgetWhatIsTheSame({memory, pages, blocks}: Log): void {
		for (const [hpa, before] of pages)
			if (Buffer.compare(before, memory.view(hpa, before.length)) === 0) pages.delete(hpa);
		for (const [block, before] of blocks)
			if (Buffer.compare(before, this.host.disk.peek(block * BLOCK, before.length)) === 0)
				blocks.delete(block);
	}

	private newLog(): Log {
		this.log?.memory.keepIn(undefined);
		const {memory, disk} = this.host;
		const log = {memory, pages: new Map(), blocks: new Map()};
		memory.keepIn(log.pages);
		disk.keepIn(log.blocks);
		return log;
	}

	/** Takes the machine to a mark. @throws UserError where the disk cannot be put back */
	private putBack(to: number): void {
		const paths = [this.log];
		for (let i = this.current - 1; i >= to; i--) paths.push(this.marks[i].log);
		for (let i = this.current; i < to; i++) paths.push(this.marks[i].log);
		const {disk} = this.host;
		disk.keepIn(undefined);
		try {
			travel(
				paths.map(({blocks}) => blocks),
				(block, bytes) => disk.exchange(block * BLOCK, bytes),
			);
		} catch (error) {
			this.startAnew();
			throw new UserError(
				`The disk cannot be put back as it was: ${messageOf(error)}. The session starts anew from here.`,
			);
		}
		for (const memory of new Set(paths.map(path => path.memory))) {
			travel(
				paths.filter(path => path.memory === memory).map(({pages}) => pages),
				(hpa, page) => memory.exchange(hpa, page),
			);
		}
		const {at, saved} = this.marks[to];
		saved();
		this.at = at;
		this.current = to;
		this.cost = 0;
		this.log = this.newLog();
	}

	private forgetTheRest(): void {
		this.entries.length = this.at;
		this.outcomes.length = this.at;
		this.marks.length = this.current + 1;
	}

	private startAnew(): void {
		this.entries.length = 0;
		this.outcomes.length = 0;
		this.marks = [];
		this.at = 0;
		this.machine = this.host.spec;
		this.current = -1;
		this.log = this.newLog();
		this.mark();
	}

	private kept(): number {
		return this.marks.reduce((sum, {log}) => sum + log.pages.size + log.blocks.size, 0);
	}

	/** Of what is long past the first moment is kept, and each at which a machine was started. */
	private letThePastGo(): void {
		const recent = this.at - this.quick;
		for (let i = this.marks.findLastIndex(({at}) => at <= recent) - 1; i > 0; i--)
			if (this.canGo(i)) this.letGo(i);
	}

	/** Of two neighbours that are the least to replay together, the second goes. @returns false where there are none */
	private letTheNearestGo(): boolean {
		let least = -1;
		const together = (i: number) => this.marks[i - 1].cost + this.marks[i].cost;
		for (let i = 1; i < this.current; i++)
			if (this.canGo(i) && (least < 0 || together(i) < together(least))) least = i;
		if (least > 0) this.letGo(least);
		return least > 0;
	}

	private canGo(i: number): boolean {
		return this.marks[i - 1].log.memory === this.marks[i].log.memory;
	}

	private letGo(i: number): void {
		const [into, gone] = [this.marks[i - 1], this.marks[i]];
		into.cost += gone.cost;
		keepOlder(into.log.pages, gone.log.pages);
		keepOlder(into.log.blocks, gone.log.blocks);
		this.marks.splice(i, 1);
		this.current--;
	}
}
