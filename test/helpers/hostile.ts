// A lab machine with a hostile guest: it scribbles on its own memory and its device's registers. Everything else must
// stay unchanged, with every device model.

import assert from 'node:assert/strict';
import fs from 'node:fs';
import type {TestContext} from 'node:test';
import {Disk} from '../../source/hardware/disk.js';
import type {Probe, ProbeEvent} from '../../source/hardware/probe.js';
import {type Guest, Machine} from '../../source/lab/build/machine.js';
import {seededRandom} from '../../source/lab/build/random.js';
import {defaultSpec} from '../../source/lab/build/spec.js';
import type {Policy} from '../../source/machine/command.js';
import {fuzzRuns} from './fuzz.js';
import {MIB, randomImage} from './lab.js';

/** The requests of a fuzz test: DMASCOPE_FUZZ, or few enough for every run of the suite. */
export const FUZZ_REQUESTS = fuzzRuns(2000);
/** More than MAXPHYS, and not a whole number of pages. */
const DISK_BYTES = 1.5 * MIB + 512;
const HOST_BYTES = 64 * MIB;
/** Memory and disk are checked after this many requests. */
const BATCH = 250;
/**
 * The most system calls per kick, if a device model fills block_if's queue: for each of 136 elements one per MiB of the
 * disk, and two past its end.
 */
const MOST_CALLS = 136 * 4;

export type HostileOptions = {seed: number; policy: Policy; writable: boolean};

/** The numbers of a hostile guest. */
export class Hostility {
	constructor(
		readonly random: () => number,
		readonly guestBytes: number,
	) {}

	/** A whole number below `end`. */
	below(end: number): number {
		return Math.floor(this.random() * end);
	}

	chance(probability: number): boolean {
		return this.random() < probability;
	}

	pick<T>(choices: readonly T[]): T {
		return choices[this.below(choices.length)];
	}

	/** An address in guest memory, at its edges, far outside, or where 64 bits overflow. */
	gpa(favourites: readonly number[] = []): number {
		const edge = this.pick([0, this.guestBytes, 2 ** 32, 3 * 2 ** 30, 2 ** 40, 2 ** 63, 2 ** 64 - 2048]);
		switch (this.below(8)) {
			case 0:
				return Math.max(0, edge + this.below(8192) - 4096);
			case 1:
				return this.below(this.guestBytes);
			case 2:
				return this.below(this.guestBytes / 4096) * 4096;
			case 3:
			case 4:
				return 0x20_0000 + this.below(64) * 512;
			default:
				return favourites.length > 0 ? this.pick(favourites) + this.pick([0, 0, 2, 16, 60]) : 0x30_0000;
		}
	}

	/** A length: often whole sectors, sometimes all of memory, or one that overflows. */
	length(): number {
		if (this.chance(0.7)) return 512 * (1 + this.below(32));
		return this.pick([
			0,
			1,
			3,
			15,
			16,
			17,
			4096,
			MIB,
			2 * MIB,
			this.guestBytes,
			2 ** 31,
			2 ** 32 - 512,
			2 ** 32 - 1,
		]);
	}

	word(): number {
		return this.pick([0, 1, 2, 8, 0x7fff, 0xffff, 0xffffffff, this.below(256), this.below(2 ** 32)]);
	}
}

export class HostileLab {
	/** A test's own layers, which get the same probe as the machine's. */
	readonly layers: {probe?: Probe}[] = [];
	readonly machine: Machine;
	readonly guest: Guest;
	readonly hostility: Hostility;
	readonly disk: Disk;
	/** The number of calls of each system call, by result. */
	readonly calls = new Map<string, number>();
	readonly #file: string;
	readonly #content: Buffer;
	readonly #before: {base: number; copy: Uint8Array}[];

	constructor(t: TestContext, {seed, policy, writable}: HostileOptions) {
		const {file, content} = randomImage(t, DISK_BYTES, seed);
		this.#file = file;
		this.#content = content;
		this.disk = Disk.open(file, {writable, direct: false});
		t.after(() => this.disk.close());
		this.machine = new Machine({...defaultSpec(HOST_BYTES), policy}, this.disk);
		this.guest = this.machine.guests[0];
		this.hostility = new Hostility(seededRandom(seed), this.guest.spec.memory);
		const {memory} = this.machine;
		this.#before = memory.segments.map(({base, bytes}) => ({base, copy: memory.view(base, bytes).slice()}));
	}

	/** Writes a 64-bit word to guest memory. */
	write64(gpa: number, value: number): void {
		this.guest.vm.map.setU32(gpa, value % 2 ** 32);
		this.guest.vm.map.setU32(gpa + 4, Math.floor(value / 2 ** 32));
	}

	/** Makes `requests` kicks, and checks after every batch that only the guest was harmed. */
	attack(requests: number, request: () => void, mostCalls = MOST_CALLS): void {
		for (let done = 0; done < requests; done++) {
			let calls = 0;
			const probe: Probe = event => {
				if (event.at === 'syscall') calls++;
				this.#count(event);
			};
			this.machine.listen(probe);
			for (const layer of this.layers) layer.probe = probe;
			request();
			assert.ok(calls <= mostCalls, `request ${done} made ${calls} system calls`);
			if (done % BATCH === BATCH - 1 || done === requests - 1) this.checkUnharmed(`after request ${done}`);
		}
		this.machine.listen(undefined);
	}

	/** Checks that all memory is unchanged, except the guest's, its bhyve's, and the driver's command tables. */
	checkUnharmed(when: string): void {
		const {memory, pages} = this.machine;
		const {name} = this.guest.vm;
		for (const {hpa, pages: count, owner} of pages.owned()) {
			if (owner === name || owner === `bhyve ${name}` || owner === 'ahci0') continue;
			const before = this.#before.find(({base, copy}) => hpa >= base && hpa < base + copy.length);
			const original = before?.copy.subarray(hpa - before.base, hpa - before.base + count * 4096);
			const same = original && Buffer.compare(original, memory.view(hpa, count * 4096)) === 0;
			assert.ok(same, `memory of ${owner} at 0x${hpa.toString(16)} has changed ${when}`);
		}
		assert.equal(fs.statSync(this.#file).size, DISK_BYTES, when);
		if (!this.disk.writable)
			assert.ok(fs.readFileSync(this.#file).equals(this.#content), `the disk has changed ${when}`);
	}

	#count(event: ProbeEvent): void {
		if (event.at !== 'syscall') return;
		const call = `${event.name} ${event.error ?? 'ok'}`;
		this.calls.set(call, (this.calls.get(call) ?? 0) + 1);
		if (!this.disk.writable) assert.ok(!/write|DELETE/.test(event.name), `${event.name} on a read-only disk`);
	}
}
