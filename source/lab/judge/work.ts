// What guests do on their own: small requests of a seeded generator, so that the same commands do the same work.
//
// Each request is judged as any other transfer is, by all of its bytes: before it every sector of the buffer is made
// unlike the disk's, and after it they are compared, sector by sector. What it goes without is a chain, and copies:
// buffers are used again. The last request of a command gets its chain, and is kept among the transfers.

import {GIB, PAGE_SIZE, SECTOR} from '../../formats/address.js';
import type {ProbeEvent} from '../../hardware/probe.js';
import type {DiskCommand, WorkCommand} from '../../machine/command.js';
import type {Data, Path} from '../../machine/observed.js';
import type {Work} from '../../machine/workload.js';
import {grouped, plural, sizeText} from '../../words.js';
import type {Guest, Machine} from '../build/machine.js';
import {seededRandom} from '../build/random.js';
import {copiedBytes, diskChain, faultsOf, pathOf} from './chain.js';
import type {Piece} from './marks.js';
import {piecesOf} from './pieces.js';
import {dataOf} from './transfer.js';
import type {TransferLog} from './transfer-log.js';

const SEED = 34607;
const PAGE_SECTORS = PAGE_SIZE / SECTOR;
const MAX_PAGES = 4;
const MAX_BYTES = MAX_PAGES * PAGE_SIZE;
/** Pages that the buffers lie in: more than the IOTLB has entries. Three requests of four use the few first. */
const POOL_PAGES = 2048;
const HOT_PAGES = 128;
/** What writes leave alone, so that a guest still finds its partitions: the first MiB, and the GPT's copy at the end. */
const SPARED = {first: 2048, last: 34};

/** The worst first: what nobody noticed. */
const WORST = ['lost', 'torn', 'failed', 'delivered'] as const satisfies readonly Data[];
const PATHS = ['direct', 'bounced', 'copied'] as const satisfies readonly Path[];

export class GuestWork {
	/** Milliseconds that the requests took by the clock that was given, without what is done to judge them. */
	spent = 0;
	private readonly machine: Machine;
	private readonly log: TransferLog;
	private readonly now: () => number;
	private readonly random = seededRandom(SEED);
	private readonly events: ProbeEvent[] = [];
	private readonly onDisk = Buffer.alloc(MAX_BYTES);
	private readonly texts = {
		read: Buffer.alloc(MAX_BYTES, "stale: a guest's workload asked for this. "),
		write: Buffer.alloc(MAX_BYTES, "written by a guest's workload. "),
	};

	constructor(machine: Machine, log: TransferLog, now = () => 0) {
		this.machine = machine;
		this.log = log;
		this.now = now;
	}

	/** The next requests, one after the other. */
	run({count, writes = 0}: WorkCommand): Work {
		const {family} = this.machine;
		const before = family.unit?.counters;
		const tally = {delivered: 0, lost: 0, torn: 0, failed: 0};
		const paths = {direct: 0, bounced: 0, copied: 0};
		const sums = {bytes: 0, landed: 0, lost: 0, copied: 0, faults: 0};
		this.machine.listen(event => this.events.push(event));
		try {
			for (let i = 1; i <= count; i++) {
				const {data, path, bytes, landed, copied, faults} = this.request(writes, i === count);
				tally[data]++;
				paths[path]++;
				sums.bytes += bytes;
				sums.landed += landed;
				if (data !== 'failed') sums.lost += bytes - landed;
				sums.copied += copied;
				sums.faults += faults;
			}
		} finally {
			this.machine.listen(undefined);
		}
		const after = family.unit?.counters;
		return {
			requests: count,
			data: WORST.find(data => tally[data] > 0) ?? 'delivered',
			tally,
			path: PATHS.reduce((most, path) => (paths[path] > paths[most] ? path : most)),
			...sums,
			hits: (after?.hits ?? 0) - (before?.hits ?? 0),
			misses: (after?.misses ?? 0) - (before?.misses ?? 0),
		};
	}

	/** Marks the buffer, runs the next request, and compares. `last`: with a chain, to be kept. */
	private request(writes: number, last: boolean) {
		const guest = this.machine.guests[this.upTo(this.machine.guests.length)];
		if (guest.disk.stopped !== undefined) guest.disk.reset();
		const command = this.next(guest, writes);
		const {do: op, lba, sectors} = command;
		const bytes = sectors * SECTOR;
		const pieces = piecesOf(guest, command, 0);
		const peek = this.machine.disks.peek(guest.spec.disk);
		const events = this.events;
		events.length = 0;

		let known = peek(lba * SECTOR, bytes, this.onDisk).length;
		this.mark(guest, pieces, op === 'write' ? this.texts.write : this.texts.read, bytes);
		const start = this.now();
		const answer = guest.disk.request({op, sector: lba, segments: pieces, sectors});
		this.spent += this.now() - start;
		if (op === 'write') known = peek(lba * SECTOR, bytes, this.onDisk).length;
		const landed = this.alike(guest, pieces, known);

		const data = dataOf(answer?.ok === true, landed, bytes);
		const done = {data, path: pathOf(events), bytes, landed, copied: copiedBytes(events)};
		const faults = faultsOf(events).length;
		if (last) {
			const chain = diskChain(events, {op, bytes, landed, answers: [answer]});
			this.log.keep(command, {verdict: {...done, chain}, events});
		} else this.log.count(data, faults);
		return {...done, faults};
	}

	/** Three of four are one segment of up to four pages, the rest of two to four segments, a page each. */
	private next({vm, disk, spec}: Guest, writes: number): DiskCommand {
		const segmented = this.upTo(4) === 0 && disk.sectors >= MAX_PAGES * PAGE_SECTORS;
		const segments = segmented ? 2 + this.upTo(MAX_PAGES - 1) : 1;
		const pages = segmented ? segments : 1 + this.upTo(MAX_PAGES);
		const sectors = Math.min(pages * PAGE_SECTORS, disk.sectors);
		const room = disk.sectors - SPARED.first - SPARED.last - sectors;
		const write = this.upTo(100) < writes && room >= 0;
		const [first, places] = write ? [SPARED.first, room] : [0, disk.sectors - sectors];
		const half = Math.floor(Math.min(spec.memory, 3 * GIB) / 2 / PAGE_SIZE);
		// NVMe's pieces lie a page apart, and the last of them is to be the guest's memory too.
		const pool = Math.min(POOL_PAGES, half - 2 * MAX_PAGES);
		const page = this.upTo(this.upTo(4) === 0 ? pool : HOT_PAGES);
		return {
			do: write ? 'write' : 'read',
			vm: vm.name,
			lba: first + PAGE_SECTORS * this.upTo(Math.floor(places / PAGE_SECTORS) + 1),
			sectors,
			segments,
			gpa: (half + page) * PAGE_SIZE,
		};
	}

	private upTo(n: number): number {
		return Math.floor(this.random() * n);
	}

	/** Text in the buffer, whose every sector ends with another byte than the disk's: no sector of it is alike. */
	private mark({vm}: Guest, pieces: readonly Piece[], text: Buffer, bytes: number): void {
		for (let end = SECTOR - 1; end < bytes; end += SECTOR) text[end] = ~this.onDisk[end];
		let done = 0;
		for (const {gpa, bytes: length} of pieces) {
			vm.map.write(gpa, text.subarray(done, done + length));
			done += length;
		}
	}

	/** How many bytes of the buffer, in whole sectors, are the first `known` of those that the disk holds. */
	private alike({vm}: Guest, pieces: readonly Piece[], known: number): number {
		const disk = this.onDisk;
		let done = 0;
		let same = 0;
		for (const {gpa, bytes} of pieces) {
			for (const run of vm.map.runs(gpa, bytes)) {
				const there = this.machine.memory.view(run.hpa, run.bytes);
				for (let at = 0; at < run.bytes && done < known; at += SECTOR) {
					if (disk.compare(there, at, at + SECTOR, done, done + SECTOR) === 0) same += SECTOR;
					done += SECTOR;
				}
			}
		}
		return same;
	}
}

/** 100 requests: 60 lost and 40 delivered, 512 KiB of 1.2 MiB landed. */
export function workText({requests, tally, bytes, landed}: Work): string {
	const counts = WORST.filter(data => tally[data] > 0).map(data => `${grouped(tally[data])} ${data}`);
	return `${plural(requests, 'request')}: ${counts.join(', ')}; ${sizeText(landed)} of ${sizeText(bytes)} landed`;
}
