// A lab machine with a guest that means harm: it scribbles on its own memory and on its device's registers, and
// what must stay as it was is checked. For every device model alike.

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

/** How many requests a fuzz test of a device model makes. */
export const FUZZ_REQUESTS = fuzzRuns(2000);
/** More than a piece of a bounced transfer, and not a whole number of pages. */
const DISK_BYTES = 1.5 * MIB + 512;
const HOST_BYTES = 64 * MIB;
/** After how many requests memory and disk are looked at. */
const BATCH = 250;
/**
 * System calls that a kick may lead to, of a device model that hands block_if as much as it holds: for each of 136
 * elements a piece for each MiB of the disk, and two past it.
 */
const MOST_CALLS = 136 * 4;

export type HostileOptions = {seed: number; policy: Policy; writable: boolean};

/** Numbers that a hostile guest likes. */
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

	/** Somewhere in guest memory, at its edges, far outside, or where 64 bits wrap. */
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

	/** A length: often whole sectors, sometimes all there is, or what wraps. */
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
	/** Layers of the test's own, heard with the machine's. */
	readonly others: {probe?: Probe}[] = [];
	readonly machine: Machine;
	readonly guest: Guest;
	readonly hostility: Hostility;
	readonly disk: Disk;
	/** How often each system call was made, and with what errors. */
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

	/** A 64-bit word in guest memory, wherever the guest may write. */
	write64(gpa: number, value: number): void {
		this.guest.vm.map.setU32(gpa, value % 2 ** 32);
		this.guest.vm.map.setU32(gpa + 4, Math.floor(value / 2 ** 32));
	}

	/** Makes `requests` of them, each a kick, and checks after every batch that nobody else was harmed. */
	attack(requests: number, request: () => void, mostCalls = MOST_CALLS): void {
		for (let done = 0; done < requests; done++) {
			let calls = 0;
			const probe: Probe = event => {
				if (event.at === 'syscall') calls++;
				this.#hear(event);
			};
			this.machine.listen(probe);
			for (const layer of this.others) layer.probe = probe;
			request();
			assert.ok(calls <= mostCalls, `request ${done} led to ${calls} system calls`);
			if (done % BATCH === BATCH - 1 || done === requests - 1) this.unharmed(`by request ${done}`);
		}
		this.machine.listen(undefined);
	}

	/** What is neither the guest's, nor its bhyve's, nor a command table of the driver, is as it was at the start. */
	unharmed(when: string): void {
		const {memory, pages} = this.machine;
		const {name} = this.guest.vm;
		for (const {hpa, pages: count, owner} of pages.owned()) {
			if (owner === name || owner === `bhyve ${name}` || owner === 'ahci0') continue;
			const before = this.#before.find(({base, copy}) => hpa >= base && hpa < base + copy.length);
			const then = before?.copy.subarray(hpa - before.base, hpa - before.base + count * 4096);
			const same = then && Buffer.compare(then, memory.view(hpa, count * 4096)) === 0;
			assert.ok(same, `memory of ${owner} at 0x${hpa.toString(16)} has changed, ${when}`);
		}
		assert.equal(fs.statSync(this.#file).size, DISK_BYTES, when);
		if (!this.disk.writable)
			assert.ok(fs.readFileSync(this.#file).equals(this.#content), `the disk, ${when}`);
	}

	#hear(event: ProbeEvent): void {
		if (event.at !== 'syscall') return;
		const what = `${event.name} ${event.error ?? 'ok'}`;
		this.calls.set(what, (this.calls.get(what) ?? 0) + 1);
		if (!this.disk.writable) assert.ok(!/write|DELETE/.test(event.name), `${event.name} on a read-only disk`);
	}
}
