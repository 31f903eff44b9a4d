// A QEMU machine made up: a file of memory with VT-d tables in it, and a monitor that answers as QEMU's does. It can
// be ended and started again, and everything about it can go wrong.

import fs from 'node:fs';
import path from 'node:path';
import type {TestContext} from 'node:test';
import {GREETING, listen, type Request} from './fake-qemu.js';
import {folder} from './lab.js';

const ROOT = 0x1000;
const CONTEXTS = 0x2000;
/** Three levels: 39 bits. */
const TABLES = [0x3000, 0x4000, 0x5000];
const BYTES = 0x100000;
export const RID = 0x10;
export const DOMAIN = 5;

export class FakeMachine {
	readonly socket: string;
	readonly memory: string;
	/** The words of the unit's registers, by their offsets; a fault record is at 0x220. */
	readonly registers = new Map<number, number>([
		[0x08, 0x2226_0206],
		[0x0c, 0x00d2_008c],
		[0x10, 0x00f0_0f4a],
		[0x1c, 0x8000_0000],
		[0x20, ROOT],
	]);
	shared = true;
	status = 'running';
	/** In place of what QEMU would say: undefined closes the connection. */
	answer: (request: Request, report: string) => string | undefined = (_, report) => report;
	private readonly file: number;
	private end: (() => void) | undefined;

	constructor(t: TestContext) {
		const place = folder(t);
		this.socket = path.join(place, 'qmp');
		this.memory = path.join(place, 'ram');
		fs.writeFileSync(this.memory, new Uint8Array(BYTES));
		this.file = fs.openSync(this.memory, 'r+');
		this.word(ROOT, CONTEXTS + 1);
		this.word(CONTEXTS + 16 * RID, TABLES[0] + 1, (DOMAIN << 8) | 1);
		this.word(TABLES[0], TABLES[1] + 3);
		this.word(TABLES[1], TABLES[2] + 3);
		t.after(() => {
			this.kill();
			fs.closeSync(this.file);
		});
	}

	/** Maps a page of the first 2 MiB; undefined takes it out. */
	map(page: number, frame: number | undefined): void {
		this.word(TABLES[2] + 8 * page, frame === undefined ? 0 : frame * 4096 + 3);
	}

	async start(): Promise<void> {
		this.end = await listen(this.socket, GREETING, request =>
			this.answer(request, JSON.stringify({return: this.value(request)})),
		);
	}

	kill(): void {
		this.end?.();
		this.end = undefined;
	}

	/** Two 64-bit words, of numbers below 2^32. */
	private word(at: number, first: number, second = 0): void {
		const bytes = Buffer.alloc(16);
		bytes.writeUInt32LE(first, 0);
		bytes.writeUInt32LE(second, 8);
		fs.writeSync(this.file, bytes, 0, second === 0 ? 8 : 16, at);
	}

	private value({execute, arguments: {property, 'command-line': line}}: Request): unknown {
		switch (execute) {
			case 'query-memdev':
				return [{id: 'm0', share: this.shared}];
			case 'qom-get':
				return property === 'type' ? 'memory-backend-file' : this.memory;
			case 'query-pci':
				return [{bus: 0, devices: [{bus: 0, slot: 2, function: 0, qdev_id: 'nvme0'}]}];
			case 'query-name':
				return {name: 'vm1'};
			case 'query-status':
				return {running: this.status === 'running', status: this.status};
			case 'query-version':
				return {qemu: {major: 7, minor: 2, micro: 22}};
			default:
				return String(line).startsWith('xp ') ? this.printed(String(line)) : MTREE;
		}
	}

	/** `xp /4wx 0x1000`, or `xp /2gx 0x1000` */
	private printed(line: string): string {
		const [, count, size, address] = /^xp \/(\d+)([wg])x 0x([0-9a-f]+)$/.exec(line) ?? [];
		const bytes = size === 'g' ? 8 : 4;
		const places = Array.from({length: Number(count)}, (_, i) => Number.parseInt(address, 16) + bytes * i);
		const value = (at: number) => `${size === 'g' ? hex8(this.at(at + 4)) : ''}${hex8(this.at(at))}`;
		return places.map(at => `${hex8(at)}: 0x${value(at)}\r\n`).join('');
	}

	private at(gpa: number): number {
		if (gpa >= UNIT) return this.registers.get(gpa - UNIT) ?? 0;
		const word = Buffer.alloc(4);
		fs.readSync(this.file, word, 0, 4, gpa);
		return word.readUInt32LE();
	}
}

const hex8 = (word: number): string => word.toString(16).padStart(8, '0');
const UNIT = 0xfed90000;
const MTREE = `FlatView #0
 AS "memory", root: system
  0000000000000000-00000000000fffff (prio 0, ram): m0
  00000000fed90000-00000000fed9022f (prio 0, i/o): intel_iommu

`;
