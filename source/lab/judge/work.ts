// The guests' workload: small requests from a seeded generator, so the same commands do the same work.
//
// Each request is judged by all its bytes, like any other transfer: every sector of the buffer first gets contents that
// differ from the disk's, and is compared afterwards. To be fast, it reuses buffers and builds no chain. Only a command's
// last request gets a chain and goes into the log.

import {GIB, PAGE_SIZE, SECTOR} from '../../formats/address.js';
import type {ProbeEvent} from '../../hardware/probe.js';
import type {DiskCommand, WorkCommand} from '../../machine/command.js';
import type {Work} from '../../machine/outcome.js';
import type {Data, Path} from '../../machine/transfer.js';
import {grouped, plural, sizeText} from '../../words.js';
import type {Guest, Machine} from '../build/machine.js';
import {seededRandom} from '../build/random.js';
import {type BufferSegment, segmentsOf} from './buffers.js';
import {copiedBytes, diskChain, faultsOf, pathOf} from './chain.js';
import {dataOf, uncheckedNote, unlessUnread} from './transfer.js';
import type {TransferLog} from './transfer-log.js';

const SEED = 34607;
const PAGE_SECTORS = PAGE_SIZE / SECTOR;
const MAX_PAGES = 4;
const MAX_BYTES = MAX_PAGES * PAGE_SIZE;
/** The pages for buffers: more than the IOTLB has entries. Three of four requests use only the first few. */
const POOL_PAGES = 2048;
const HOT_PAGES = 128;
/** Sectors that writes spare, because they hold the partition tables: the first MiB, and the backup GPT at the end. */
const SPARED = {first: 2048, last: 34};

/** Worst first: a silent loss comes before an error. */
const WORST = ['lost', 'torn', 'unchecked', 'failed', 'delivered'] as const satisfies readonly Data[];
const PATHS = ['direct', 'bounced', 'copied'] as const satisfies readonly Path[];

export class GuestWork {
	/** The time of all requests in milliseconds, without judging them. */
	spent = 0;
	private readonly machine: Machine;
	private readonly log: TransferLog;
	private readonly now: () => number;
	private readonly random = seededRandom(SEED);
	private readonly events: ProbeEvent[] = [];
	private readonly onDisk = Buffer.alloc(MAX_BYTES);
	private readonly texts = {
		read: Buffer.alloc(MAX_BYTES, "stale: from before a guest's read. "),
		write: Buffer.alloc(MAX_BYTES, "written by a guest's workload. "),
	};

	constructor(machine: Machine, log: TransferLog, now = () => 0) {
		this.machine = machine;
		this.log = log;
		this.now = now;
	}

	/** Runs the next requests, one after the other. */
	run({count, writes = 0}: WorkCommand): Work {
		const {family} = this.machine;
		const before = family.unit?.counters;
		const tally = {delivered: 0, lost: 0, torn: 0, failed: 0, unchecked: 0};
		const paths = {direct: 0, bounced: 0, copied: 0};
		let known = true;
		const sums = {bytes: 0, landed: 0, lost: 0, copied: 0, faults: 0};
		this.machine.listen(event => this.events.push(event));
		try {
			for (let i = 1; i <= count; i++) {
				const {data, path, bytes, landed, copied, faults} = this.request(writes, i === count);
				tally[data]++;
				paths[path]++;
				sums.bytes += bytes;
				known &&= landed !== undefined;
				sums.landed += landed ?? 0;
				if (data === 'lost' || data === 'torn') sums.lost += bytes - (landed ?? 0);
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
			landed: known ? sums.landed : undefined,
			hits: (after?.hits ?? 0) - (before?.hits ?? 0),
			misses: (after?.misses ?? 0) - (before?.misses ?? 0),
		};
	}

	/** Marks the buffer, runs the next request, and compares. The `last` one gets a chain and goes into the log. */
	private request(writes: number, last: boolean) {
		const guests = this.machine.running;
		const guest = guests[this.upTo(guests.length)];
		if (guest.disk.stopped !== undefined) guest.disk.reset();
		const command = this.next(guest, writes);
		const {do: op, lba, sectors} = command;
		const bytes = sectors * SECTOR;
		const segments = segmentsOf(guest, command, 0);
		const peek = this.machine.disks.peek(guest.spec.disk);
		const events = this.events;
		events.length = 0;

		const read = () => peek(lba * SECTOR, bytes, this.onDisk).length;
		const before = unlessUnread(read);
		this.mark(guest, segments, op === 'write' ? this.texts.write : this.texts.read, bytes);
		const start = this.now();
		const answer = guest.disk.request({op, sector: lba, segments, sectors});
		this.spent += this.now() - start;
		const after = op === 'write' ? unlessUnread(read) : before;
		const unread = before.error ?? after.error;
		const landed = unread === undefined ? this.matchingBytes(guest, segments, after.value ?? 0) : undefined;

		const data = dataOf(answer?.ok === true, landed, bytes);
		const outcome = {data, path: pathOf(events), bytes, landed, copied: copiedBytes(events)};
		const faults = faultsOf(events).length;
		if (last) {
			const chain = diskChain(events, {op, bytes, landed, answers: [answer]});
			const note = data === 'unchecked' && unread !== undefined ? uncheckedNote(unread) : undefined;
			this.log.add(command, {verdict: {...outcome, chain, note}, events});
		} else this.log.count(data, faults);
		return {...outcome, faults};
	}

	/** Three of four requests have one segment of up to four pages, the others two to four segments of one page. */
	private next({vm, disk, spec}: Guest, writes: number): DiskCommand {
		const segmented = this.upTo(4) === 0 && disk.sectors >= MAX_PAGES * PAGE_SECTORS;
		const segments = segmented ? 2 + this.upTo(MAX_PAGES - 1) : 1;
		const pages = segmented ? segments : 1 + this.upTo(MAX_PAGES);
		const sectors = Math.min(pages * PAGE_SECTORS, disk.sectors);
		const room = disk.sectors - SPARED.first - SPARED.last - sectors;
		const write = this.upTo(100) < writes && room >= 0;
		const [first, places] = write ? [SPARED.first, room] : [0, disk.sectors - sectors];
		const half = Math.floor(Math.min(spec.memory, 3 * GIB) / 2 / PAGE_SIZE);
		// With NVMe, segments are a page apart, and the last one must still be in guest memory.
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

	/** Fills the buffer with text. The last byte of each sector differs from the disk's, so no sector matches. */
	private mark({vm}: Guest, segments: readonly BufferSegment[], text: Buffer, bytes: number): void {
		for (let end = SECTOR - 1; end < bytes; end += SECTOR) text[end] = ~this.onDisk[end];
		let done = 0;
		for (const {gpa, bytes: length} of segments) {
			vm.map.write(gpa, text.subarray(done, done + length));
			done += length;
		}
	}

	/** The bytes of the buffer, in whole sectors, that match the first `known` bytes from the disk. */
	private matchingBytes({vm}: Guest, segments: readonly BufferSegment[], known: number): number {
		const disk = this.onDisk;
		let done = 0;
		let matching = 0;
		for (const {gpa, bytes} of segments) {
			for (const run of vm.map.runs(gpa, bytes)) {
				const inMemory = this.machine.memory.view(run.hpa, run.bytes);
				for (let at = 0; at < run.bytes && done < known; at += SECTOR) {
					if (disk.compare(inMemory, at, at + SECTOR, done, done + SECTOR) === 0) matching += SECTOR;
					done += SECTOR;
				}
			}
		}
		return matching;
	}
}

/** "100 requests: 60 lost, 40 delivered; 512 KiB of 1.2 MiB arrived". */
export function workText({requests, tally, bytes, landed}: Work): string {
	const counts = WORST.filter(data => tally[data] > 0).map(data => `${grouped(tally[data])} ${data}`);
	return `${plural(requests, 'request')}: ${counts.join(', ')}; ${landed === undefined ? '?' : sizeText(landed)} of ${sizeText(bytes)} arrived`;
}
