// The steps of a session, a few bytes each: stored in deflated chunks, of which one at a time is inflated.

import {deflateRawSync, inflateRawSync} from 'node:zlib';
import type {Command} from '../../machine/command.js';
import type {Entry} from '../../machine/history.js';
import type {OutcomeJson} from '../../outputs.js';
import {commandText, troubled} from '../scenario/step-report.js';

export type SessionStep = {
	/** Unique: a step that takes its place has another. */
	id: number;
	command: Command;
	outcome: OutcomeJson;
	report: string;
	transfer?: number;
	note?: string;
};

/** Steps in a chunk, and about how many bytes a step takes while its chunk is not full. */
const CHUNK = 256;
const OPEN_BYTES = 1024;
/** The fastest: similar steps shrink a lot at any level. */
const LEVEL = 1;
/** A number in an array. */
const NUMBER_BYTES = 8;

export class Steps {
	/** How many steps are forgotten, and how many there were in all. */
	first = 0;
	length = 0;
	/** Full chunks, without the `dropped` ones. */
	private chunks: Uint8Array[] = [];
	private dropped = 0;
	private packedBytes = 0;
	/** The steps after them. */
	private open: SessionStep[] = [];
	/** Numbers of the steps that had trouble, counted from 1. */
	private troubled: number[] = [];
	private ids = 0;
	/** The chunk that was inflated last. */
	private inflated: {chunk: Uint8Array; steps: readonly SessionStep[]} | undefined;

	get bytes(): number {
		return this.packedBytes + this.troubled.length * NUMBER_BYTES + this.open.length * OPEN_BYTES;
	}

	push(step: Omit<SessionStep, 'id'>, trouble: boolean): void {
		this.open.push({...step, id: ++this.ids});
		this.length++;
		if (trouble) this.troubled.push(this.length);
		if (this.open.length < CHUNK) return;
		const chunk = deflateRawSync(JSON.stringify(this.open), {level: LEVEL});
		this.chunks.push(chunk);
		this.packedBytes += chunk.length;
		this.open = [];
	}

	/** A step by its number, counted from 1. */
	at(number: number): SessionStep | undefined {
		if (number <= this.first || number > this.length) return undefined;
		const i = number - 1 - this.dropped * CHUNK;
		const chunk = this.chunks[Math.floor(i / CHUNK)];
		return chunk === undefined ? this.open[i % CHUNK] : this.unpacked(chunk)[i % CHUNK];
	}

	/** Keeps the first `length` steps. */
	truncate(length: number): void {
		this.length = length;
		this.troubled.length = this.troubles(length);
		const left = length - this.dropped * CHUNK;
		const full = Math.floor(left / CHUNK);
		if (full < this.chunks.length) this.open = [...this.unpacked(this.chunks[full])];
		this.open.length = left % CHUNK;
		for (const chunk of this.chunks.splice(full)) this.packedBytes -= chunk.length;
	}

	/** Forgets the first steps. */
	forget(first: number): void {
		this.first = first;
		this.troubled.splice(0, this.troubles(first));
		const gone = Math.min(this.chunks.length, Math.floor(first / CHUNK) - this.dropped);
		for (const chunk of this.chunks.splice(0, gone)) this.packedBytes -= chunk.length;
		this.dropped += gone;
	}

	/** How many of the first `number` steps had trouble; forgotten steps do not count. */
	troubles(number: number): number {
		let [low, high] = [0, this.troubled.length];
		while (low < high) {
			const middle = (low + high) >> 1;
			if (this.troubled[middle] <= number) low = middle + 1;
			else high = middle;
		}
		return low;
	}

	/** The number of the next step after one that had trouble, or of the last before it. */
	trouble(number: number, by: 1 | -1): number | undefined {
		return by === 1 ? this.troubled[this.troubles(number)] : this.troubled[this.troubles(number - 1) - 1];
	}

	private unpacked(chunk: Uint8Array): readonly SessionStep[] {
		if (this.inflated?.chunk !== chunk)
			this.inflated = {chunk, steps: JSON.parse(inflateRawSync(chunk).toString())};
		return this.inflated.steps;
	}
}

/** A step as it is shown, and whether something was wrong with it. */
export function entryOf({id, command, outcome, report, transfer, note}: SessionStep): Entry {
	const {data, faults = 0} = outcome;
	const text = commandText(command);
	return {id, command, text, report, data, faults, trouble: troubled(outcome), transfer, note};
}
