// Decodes a log: bytes to lines, lines to faults, faults to groups.

import {type Explained, explain} from './explain.js';
import type {Reading} from './fault.js';
import {FaultReader} from './fault-reader.js';
import {Known, type Surroundings} from './known.js';
import {LogLines} from './log-lines.js';
import {cleaned, withoutPrefix} from './prefix.js';
import {type Group, Storm} from './storm.js';

/** Adds what others know about a device: the machine itself, or pci.ids. */
export type Lookup = (group: Group, around: Surroundings) => Surroundings;

export class Decoder {
	readonly storm = new Storm();
	readonly known = new Known();
	readonly #reader = new FaultReader();
	readonly #lines: LogLines;
	readonly #onReading: (reading: Reading, group?: Group) => void;

	/** @param onReading receives everything that is read, and the group of a fault */
	constructor(onReading: (reading: Reading, group?: Group) => void = () => {}) {
		this.#onReading = onReading;
		this.#lines = new LogLines(
			(bytes, interest) => {
				const line = withoutPrefix(cleaned(bytes));
				this.known.read(line.text);
				if (interest === 'fault') this.#add(this.#reader.read(line));
			},
			() => this.#reader.wants,
		);
	}

	get bytes(): number {
		return this.#lines.bytes;
	}

	push(chunk: Buffer): void {
		this.#lines.push(chunk);
	}

	/** The log has ended, perhaps only for now. */
	end(): void {
		this.#lines.end();
		this.#add(this.#reader.end());
	}

	explain(group: Group, lookup: Lookup = (_, around) => around): Explained {
		return explain(group, this.around(group, lookup));
	}

	around(group: Group, lookup: Lookup = (_, around) => around): Surroundings {
		const {fault, lowest, highest} = group;
		return lookup(group, this.known.around(fault, lowest, highest));
	}

	#add(readings: readonly Reading[]): void {
		for (const reading of readings) this.#onReading(reading, this.storm.add(reading));
	}
}
