// Decodes a log: bytes to lines, lines to faults, faults to groups.

import {ToUtf8} from './encoding.js';
import {type Explained, explain} from './explain.js';
import {excerpt, type Reading} from './fault.js';
import {FaultReader} from './fault-reader.js';
import {Known, type Surroundings} from './known.js';
import {type Interest, LogLines} from './log-lines.js';
import {Messages} from './messages.js';
import {cleaned, jsonTexts, jsonTime} from './plain-line.js';
import {withoutPrefix} from './prefix.js';
import {type Group, Storm} from './storm.js';
import {Templates} from './templates.js';

/** Adds what others know about a device: the machine itself, or pci.ids. */
export type Lookup = (group: Group, around: Surroundings) => Surroundings;

export class Decoder {
	readonly storm = new Storm();
	readonly known = new Known();
	readonly #reader = new FaultReader();
	readonly #templates = new Templates();
	readonly #encoding = new ToUtf8();
	readonly #messages = new Messages(message => {
		const readings = this.#reader.read(message);
		this.#templates.learn(message.text, readings);
		this.#add(readings);
	});
	readonly #lines: LogLines;
	readonly #onReading: (reading: Reading, group?: Group) => void;

	/** @param onReading receives everything that is read, and the group of a fault */
	constructor(onReading: (reading: Reading, group?: Group) => void = () => {}) {
		this.#onReading = onReading;
		this.#lines = new LogLines(
			(bytes, interest, before) => this.#line(bytes, interest, before),
			() => Math.max(this.#reader.wants, this.#messages.wants),
		);
	}

	get bytes(): number {
		return this.#lines.bytes;
	}

	/** Whether what was read is text. */
	get isText(): boolean {
		return this.#encoding.isText;
	}

	push(chunk: Buffer): void {
		this.#lines.push(this.#encoding.push(chunk));
	}

	#line(bytes: string, interest: Interest, before: () => string): void {
		if (interest === 'fault' && this.#messages.wants === 0 && !this.#reader.isOpen) {
			const like = this.#templates.read(bytes);
			if (like !== undefined) {
				this.#reader.saw(like);
				this.#add(like);
				return;
			}
		}
		const plain = cleaned(bytes);
		const json = jsonTexts(plain);
		for (const text of json?.texts ?? [plain]) {
			const line = cleaned(text);
			this.known.read(withoutPrefix(line).text);
			// dmesg --json has the time in the line before.
			const time = json && (json.time ?? (interest === 'fault' ? jsonTime(before()) : undefined));
			if (interest === 'fault') this.#messages.push(line, time, () => cleaned(before()));
		}
	}

	/** The log has ended, perhaps only for now. */
	end(): void {
		this.#lines.end();
		this.#messages.end();
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
		for (const reading of readings) {
			const group = this.storm.add(reading);
			if (group?.count === 1 && group.fault.kind === 'invalidation') this.#addIncident(group);
			this.#onReading(reading, group);
		}
	}

	/** A reset or a bus error just before an invalidation failed is the same incident. */
	#addIncident(group: Group): void {
		const {incident} = this.known;
		if (incident !== undefined)
			group.details.add(`just before, the log says “${excerpt(incident, 100)}”: that is the same incident`);
	}
}
