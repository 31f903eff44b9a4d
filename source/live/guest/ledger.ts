// What a real guest's own requests come to. Nothing marks its buffers, since they are a living guest's. So a read has
// arrived where a page was not refused and its bytes are the disk's, compared before the guest gets the request back.
//
// A request that is compared costs another read of the disk. Of a guest in a hurry most are not: there the bytes that
// the controller moved and the IOMMU did not refuse are counted.

import type {Completion} from '../../bhyve/virtio-blk.js';
import {PAGE_SIZE, SECTOR} from '../../formats/address.js';
import type {ProbeEvent} from '../../hardware/probe.js';
import type {Guest, Machine} from '../../lab/build/machine.js';
import {copiedBytes, diskChain, faultsOf, hardwareError, pathOf} from '../../lab/judge/chain.js';
import {dataOf, uncheckedNote, unlessUnread} from '../../lab/judge/transfer.js';
import type {TransferLog} from '../../lab/judge/transfer-log.js';
import type {DiskCommand} from '../../machine/command.js';
import type {Stage} from '../../machine/transfer.js';
import type {Sample} from '../../machine/workload.js';

/** Requests and bytes that are compared at most between two ticks, which are a tenth of a second apart. */
const MOST_REQUESTS = 50;
const MOST_BYTES = 4 * 2 ** 20;

type Taken = Extract<ProbeEvent, {at: 'virtio-blk'}>;

export class Ledger {
	/** Since the last tick. */
	private sample: Sample = EMPTY;
	private compared = {requests: 0, bytes: 0};
	/** Requests that the device has taken, by the head of their chain. */
	private readonly taken = new Map<number, Taken>();
	private events: ProbeEvent[] = [];
	private dropped = 0;
	private counted = {hits: 0, misses: 0};

	constructor(
		private readonly log: TransferLog,
		private readonly machine: () => Machine,
		/** A station behind the guest, where its requests pass one. */
		private readonly station: () => Stage | undefined,
	) {}

	/** The device is about to work. */
	begin(): void {
		const machine = this.machine();
		this.dropped = machine.disks.dropped;
		const counters = machine.family.unit?.counters;
		this.counted = {hits: counters?.hits ?? 0, misses: counters?.misses ?? 0};
		if (this.hasTime) machine.listen(event => this.hear(event));
	}

	end(): void {
		const machine = this.machine();
		machine.listen(undefined);
		this.taken.clear();
		this.events = [];
		const counters = machine.family.unit?.counters;
		this.sample = {
			...this.sample,
			hits: this.sample.hits + (counters?.hits ?? 0) - this.counted.hits,
			misses: this.sample.misses + (counters?.misses ?? 0) - this.counted.misses,
		};
	}

	/** A request is done, and the guest does not know it yet. */
	readonly complete = (completion: Completion): void => {
		const machine = this.machine();
		const [guest] = machine.guests;
		const dropped = machine.disks.dropped - this.dropped;
		this.dropped += dropped;
		const station = this.station();
		const request = this.taken.get(completion.head);
		const events = request === undefined ? this.events : [request, ...this.events];
		this.events = [];
		if (completion.op !== 'read' && completion.op !== 'write') return;
		if (this.hasTime && request !== undefined)
			this.judge(machine, guest, completion, request, events, station);
		else this.count(completion, dropped);
	};

	/** A tenth of a second has passed. */
	tick(): Sample {
		const {sample} = this;
		this.sample = EMPTY;
		this.compared = {requests: 0, bytes: 0};
		return sample;
	}

	/** Whether another request may be compared. */
	private get hasTime(): boolean {
		return this.compared.requests < MOST_REQUESTS && this.compared.bytes < MOST_BYTES;
	}

	private hear(event: ProbeEvent): void {
		if (event.at === 'virtio-blk') this.taken.set(event.head, event);
		else if (event.at !== 'queue') this.events.push(event);
	}

	private count({bytes, errno}: Completion, dropped: number): void {
		const landed = errno === undefined ? bytes - dropped : 0;
		const faults = Math.ceil(dropped / PAGE_SIZE);
		this.log.count(dataOf(errno === undefined, landed, bytes), faults);
		this.add(bytes, landed, errno === undefined, faults);
	}

	private judge(
		machine: Machine,
		guest: Guest,
		{op, offset, bytes, errno}: Completion,
		{data: extents}: Taken,
		events: ProbeEvent[],
		station: Stage | undefined,
	): void {
		const ok = errno === undefined;
		const {value: landed, error} = ok
			? unlessUnread(() => landedBytes(machine, guest, offset, events))
			: {value: 0};
		const data = dataOf(ok, landed, bytes);
		const command: DiskCommand = {
			do: op === 'write' ? 'write' : 'read',
			vm: guest.vm.name,
			lba: offset / SECTOR,
			sectors: bytes / SECTOR,
			segments: extents.length,
			gpa: extents[0]?.address ?? 0,
		};
		const answers = [{ok, text: ok ? 'status OK' : `status error, ${errno}`}];
		const note = hardwareError(events) ?? (error === undefined ? undefined : uncheckedNote(error));
		const chain = diskChain(events, {op: command.do, bytes, landed, answers});
		if (station !== undefined) chain.splice(1, 0, station);
		const verdict = {
			...{data, path: pathOf(events), bytes, landed, copied: copiedBytes(events), note},
			chain,
		};
		this.log.add(command, {verdict, events});
		this.compared.requests++;
		this.compared.bytes += bytes;
		this.add(bytes, landed ?? bytes, ok, faultsOf(events).length);
	}

	private add(bytes: number, landed: number, ok: boolean, faults: number): void {
		const {sample} = this;
		this.sample = {
			...sample,
			transfers: sample.transfers + 1,
			delivered: sample.delivered + landed,
			lost: sample.lost + (ok ? bytes - landed : 0),
			faults: sample.faults + faults,
		};
	}
}

const EMPTY: Sample = {transfers: 0, delivered: 0, lost: 0, faults: 0, hits: 0, misses: 0};

/** The bytes in whole sectors that are the disk's and that no IOMMU refused. @throws the system's error */
function landedBytes(
	{memory, disks}: Machine,
	{device, spec}: Guest,
	offset: number,
	events: readonly ProbeEvent[],
): number {
	const refused = new Set(faultsOf(events).map(({iova}) => iova - (iova % PAGE_SIZE)));
	const peek = disks.peek(spec.disk);
	let landed = 0;
	// As the bhyve process has them.
	const iovec = events.find(event => event.at === 'block_if')?.iovec ?? [];
	for (const {address, bytes} of iovec) {
		const onDisk = peek(offset, bytes);
		offset += bytes;
		let done = 0;
		for (const run of device.ctx.process.runs(address, bytes)) {
			for (let at = 0; at < run.bytes && done < onDisk.length; ) {
				const hpa = run.hpa + at;
				// A sector, or what of it is on this page.
				const length = Math.min(SECTOR - (done % SECTOR), PAGE_SIZE - (hpa % PAGE_SIZE), run.bytes - at);
				const there = memory.view(hpa, length);
				const same = Buffer.compare(there, onDisk.subarray(done, done + length)) === 0;
				if (same && !refused.has(hpa - (hpa % PAGE_SIZE))) landed += length;
				at += length;
				done += length;
			}
		}
	}
	return landed;
}
