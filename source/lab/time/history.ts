// The history of the lab. To go back is to replay from the last mark before, where the whole machine was saved. So a
// jump costs the changes since then, and a short replay.

import {BLOCK} from '../../hardware/blocks.js';
import type {Disk} from '../../hardware/disk.js';
import type {Memory} from '../../hardware/memory.js';
import {PageStore} from '../../hardware/page-log.js';
import type {Command, MachineSpec} from '../../machine/command.js';
import type {Entry, History, Progress, Travel, Unsettled} from '../../machine/history.js';
import type {Outcome} from '../../machine/outcome.js';
import type {Step} from '../../machine/scenario.js';
import {messageOf, UserError} from '../../user-error.js';
import {grouped, plural} from '../../words.js';
import {outcomeJson, troubled} from '../scenario/step-report.js';
import {writeSession} from '../scenario/write.js';
import {diskPlace, Exchange, memoryPlace} from './exchange.js';
import {KEPT_PAGE_BYTES, type Log, Marks, type Moment} from './marks.js';
import {entryOf, Steps} from './steps.js';
import {type OldBlocks, removeUndo, saveUndo, undoCommand, writeUndo} from './undo-file.js';

/** The lab, as its history uses it. */
export interface Host {
	readonly memory: Memory;
	readonly disk: Disk;
	readonly spec: MachineSpec;
	/** Runs a command without notifying anyone. @throws UserError, with nothing done */
	perform(command: Command): Outcome;
	save(): Moment;
}

/** A move to a mark. `whole`: the machine in memory is at a step; otherwise a command may be half done. */
type Moving = {
	to: number;
	path: Log[];
	blocks: Exchange;
	whole: boolean;
	problem?: string;
	/** Where the old blocks are saved: by the history itself, and by a person; or why they could not be. */
	file?: string;
	copy?: string;
	unsaved?: string;
};

/** The default limit in bytes. */
export const HISTORY_BYTES = 256 * 2 ** 20;
/** Milliseconds of work after which a mark is made: about what a short jump has to replay. */
const DISTANCE = 25;
/** Shares of the limit: a step that writes more is followed by a mark; a full history shrinks to this size. */
const LARGE_STEP = 1 / 16;
const AFTER_FULL = 15 / 16;

export class LabHistory implements History {
	at = 0;
	/** The machine that was started at the first step that can be reached; undefined if none was. */
	private machine: MachineSpec | undefined;
	private readonly host: Host;
	private readonly now: () => number;
	private readonly most: number;
	private readonly store: PageStore;
	private readonly steps = new Steps();
	private readonly marks: Marks;
	/** Set until the machine has reached its mark, also after a failure of the disk. */
	private moving: Moving | undefined;
	private lastTime: number;

	/** `now`: a clock in milliseconds. It only decides where marks are. */
	constructor(host: Host, now: () => number, most = HISTORY_BYTES) {
		this.host = host;
		this.now = now;
		this.most = most;
		this.machine = host.spec;
		this.store = new PageStore(most / KEPT_PAGE_BYTES);
		this.lastTime = now();
		this.marks = new Marks(host, this.store, this.lastTime);
	}

	get length(): number {
		return this.steps.length;
	}

	get first(): number {
		return this.steps.first;
	}

	get reach(): number {
		return Math.max(0, this.lastTime - this.marks.firstTime);
	}

	/** About how much memory the session takes. */
	get bytes(): number {
		return this.marks.bytes + this.steps.bytes;
	}

	step(number: number): Entry | undefined {
		const step = this.steps.at(number);
		return step && entryOf(step);
	}

	troubles(number: number): number {
		return this.steps.troubles(number);
	}

	trouble(number: number, by: 1 | -1): number | undefined {
		return this.steps.trouble(number, by);
	}

	/** Runs a new command; undone steps are forgotten. @throws UserError, with nothing done or forgotten */
	add(command: Command, note?: string): Outcome {
		this.needSettledDisk();
		const outcome = this.runOrNothing(command);
		if (this.at < this.length) this.forgetTheRest();
		const result = outcomeJson(outcome);
		const transfer = outcome.kind === 'transfer' ? outcome.transfer.number : undefined;
		this.steps.push({command, outcome: result, report: outcome.report, transfer, note}, troubled(result));
		this.at++;
		this.lastTime = this.now();
		const pages = this.marks.log.pages.size + this.marks.log.blocks.size;
		const large = pages * KEPT_PAGE_BYTES > this.most * LARGE_STEP;
		if (command.do === 'start' || this.marks.cost > DISTANCE || large) this.mark();
		return outcome;
	}

	*replay(steps: readonly Step[]): Travel {
		for (const {command, note} of steps) {
			this.add(command, note);
			yield {doing: 'steps', at: this.at, of: steps.length};
		}
		return undefined;
	}

	/** Travels in one go. @returns and @throws what `travel` does */
	go(at: number): string | undefined {
		return finish(this.travel(at));
	}

	*travel(to: number): Travel {
		if (this.moving !== undefined) yield* this.move(this.moving);
		const at = Math.max(this.first, Math.min(this.length, to));
		const nearest = this.marks.nearest(at);
		if (nearest !== this.marks.current || at < this.at) yield* this.move(this.begin(nearest));
		let differs: string | undefined;
		while (this.at < at) {
			if (!(yield* this.again()))
				differs ??= `Step ${grouped(this.at)} gave a different result; the disk has changed.`;
			// People step to and fro where they arrive, so marks are denser there.
			const distance = Math.max(DISTANCE, this.marks.costOf(this.at, at));
			if (this.marks.inPast && this.marks.cost > distance && this.makeRoom()) this.mark();
			yield {doing: 'steps', at: this.at, of: at};
		}
		return differs;
	}

	get unsettled(): Unsettled | undefined {
		if (this.moving === undefined) return undefined;
		const {blocks, problem, file, copy, unsaved} = this.moving;
		return {blocks: blocks.of, done: blocks.done, problem, file: file ?? copy, unsaved};
	}

	write(file: string, expect: boolean): number {
		const {first, machine} = this.beginning();
		const steps = Array.from({length: this.at - first}, (_, i) => this.steps.at(first + i + 1)).filter(
			step => step !== undefined,
		);
		writeSession(file, {machine, steps, expect, first});
		return first;
	}

	get hasUndo(): boolean {
		const {writable, overlaid} = this.host.disk;
		return writable && !overlaid && (this.moving !== undefined || this.marks.hasOldBlocks);
	}

	writeUndo(file: string): void {
		writeUndo(file, this.oldBlocks());
		if (this.moving === undefined) return;
		this.moving.copy = file;
		this.moving.unsaved = undefined;
	}

	rescue(): string | undefined {
		const {moving} = this;
		if (moving === undefined || !moving.blocks.begun || moving.blocks.done === moving.blocks.of)
			return undefined;
		this.saveOldBlocks(moving);
		const {path} = this.host.disk;
		const {done, of} = moving.blocks;
		const state = `${path} is only partly restored: ${grouped(done)} of ${plural(of, 'block')}`;
		const file = moving.file ?? moving.copy;
		return file === undefined
			? `${state}; its old blocks cannot be saved: ${moving.unsaved}`
			: `${state}. To restore its old blocks: ${undoCommand(file, path)}`;
	}

	/** A refused command may be half done, and may have taken a page; then the machine is restored. */
	private runOrNothing(command: Command): Outcome {
		try {
			return this.run(command);
		} catch (error) {
			finish(this.redo(this.at));
			throw error;
		}
	}

	private run(command: Command): Outcome {
		const start = this.now();
		const outcome = this.host.perform(command);
		this.marks.cost += this.now() - start;
		return outcome;
	}

	/** Does the next step again. @returns whether its outcome is that of before */
	private *again(): Generator<Progress, boolean, void> {
		const step = this.steps.at(this.at + 1);
		if (step === undefined) return true;
		try {
			const outcome = outcomeJson(this.run(step.command));
			this.at++;
			return JSON.stringify(outcome) === JSON.stringify(step.outcome);
		} catch (error) {
			yield* this.redo(this.at);
			if (!(error instanceof UserError)) throw error;
			throw new UserError(`Step ${grouped(this.at + 1)} cannot be repeated: ${error.message}`);
		}
	}

	/** After a command that may be half done: takes the machine to the current mark, and on to where it was. */
	private *redo(at: number): Travel {
		yield* this.move(this.begin(this.marks.current, false));
		for (let step = this.steps.at(this.at + 1); this.at < at && step !== undefined; ) {
			this.run(step.command);
			this.at++;
			yield {doing: 'steps', at: this.at, of: at};
			step = this.steps.at(this.at + 1);
		}
		return undefined;
	}

	private begin(to: number, whole = true): Moving {
		const path = this.marks.path(to);
		const {disk} = this.host;
		disk.keepIn(undefined);
		const blocks = new Exchange(
			path.map(log => log.blocks),
			diskPlace(disk),
			this.store,
		);
		this.moving = {to, path, blocks, whole};
		return this.moving;
	}

	/** Takes the machine to a mark: first its disk, which may fail. @throws UserError */
	private *move(moving: Moving): Travel {
		const {to, path, blocks} = moving;
		try {
			while (blocks.done < blocks.of) {
				blocks.step();
				yield {doing: 'disk', at: blocks.done, of: blocks.of};
			}
		} catch (error) {
			throw this.failed(moving, messageOf(error));
		}
		for (const memory of new Set(path.map(log => log.memory))) {
			const logs = path.filter(log => log.memory === memory).map(log => log.pages);
			const pages = new Exchange(logs, memoryPlace(memory), this.store);
			while (pages.done < pages.of) pages.step();
		}
		this.at = this.marks.arrive(to);
		this.moving = undefined;
		if (moving.file !== undefined) removeUndo(moving.file);
		return undefined;
	}

	/** A failure loses nothing: the logs keep the old blocks for another try, and a file holds them meanwhile. */
	private failed(moving: Moving, problem: string): UserError {
		const {blocks, whole} = moving;
		if (!blocks.begun && whole) {
			blocks.cancel();
			this.moving = undefined;
			this.host.disk.keepIn(this.marks.log.blocks);
			return new UserError(`The disk cannot be read: ${problem}; nothing was changed.`);
		}
		moving.problem = problem;
		this.saveOldBlocks(moving);
		return new UserError(`${this.unsettledText(moving)}: ${problem}.`);
	}

	/** @throws UserError while the disk is neither as it was nor as it is to be */
	needSettledDisk(): void {
		if (this.moving === undefined) return;
		throw new UserError(`${this.unsettledText(this.moving)}; go back in time again to finish.`);
	}

	private unsettledText({blocks: {done, of}}: Moving): string {
		return `The disk is only partly restored: ${grouped(done)} of ${plural(of, 'block')}`;
	}

	/** Does nothing where they are in a file already. */
	private saveOldBlocks(moving: Moving): void {
		if (moving.file !== undefined || moving.copy !== undefined) return;
		try {
			moving.file = saveUndo(this.oldBlocks());
			moving.unsaved = undefined;
		} catch (error) {
			moving.unsaved = messageOf(error);
		}
	}

	/** The blocks as they were at the first moment that can be reached. */
	private oldBlocks(): OldBlocks {
		const {moving} = this;
		const settled = (block: number) => moving?.blocks.has(block) === true && !moving.blocks.awaits(block);
		const old = this.marks.oldBlocks(settled, moving?.to ?? 0);
		// While going forward, the disk still has blocks that no log holds, until they are exchanged.
		for (const [block, page] of moving?.blocks.held(block => !old.has(block)) ?? []) old.set(block, page);
		const {path: disk, bytes} = this.host.disk;
		const blocks = [...old].sort(([a], [b]) => a - b);
		return {
			disk,
			blocks: blocks.map(([block, page]) => [
				block,
				page.subarray(0, Math.min(BLOCK, bytes - block * BLOCK)),
			]),
		};
	}

	private mark(): void {
		this.marks.add(this.at, this.lastTime);
		// Going back adds no step, so it forgets none.
		if (this.makeRoom() || this.marks.inPast) return;
		while (!this.enough() && this.marks.forgetFirst());
		this.forgetFirst(this.marks.first);
	}

	/** Drops marks if the history is too large. @returns whether that was enough */
	private makeRoom(): boolean {
		if (this.bytes > this.most) this.marks.thin(() => this.enough());
		return this.bytes <= this.most;
	}

	private enough(): boolean {
		return this.bytes <= this.most * AFTER_FULL;
	}

	private forgetFirst(first: number): void {
		if (first === this.first) return;
		const command = this.steps.at(first)?.command;
		this.machine = command?.do === 'start' ? command.machine : undefined;
		this.steps.forget(first);
	}

	private forgetTheRest(): void {
		this.steps.truncate(this.at);
		this.marks.forgetAhead();
	}

	/** Where a file of the session begins: at its first step, or where a machine was started. @throws UserError */
	private beginning(): {first: number; machine: MachineSpec} {
		if (this.machine !== undefined) return {first: this.first, machine: this.machine};
		for (let number = this.first + 1; number <= this.at; number++) {
			const command = this.steps.at(number)?.command;
			if (command?.do === 'start') return {first: number, machine: command.machine};
		}
		throw new UserError(
			`The first ${plural(this.first, 'step')} are forgotten, and no machine was started since; ` +
				'start one and write from there, or use a larger --history.',
		);
	}
}

/** Travels in one go. */
function finish(travel: Travel): string | undefined {
	for (;;) {
		const next = travel.next();
		if (next.done) return next.value;
	}
}
