// The guest's NVMe driver, with an admin queue pair, an I/O queue pair and a PRP list per request in guest memory. A
// batch of requests takes one doorbell write.

import type {Nvme} from '../bhyve/nvme.js';
import {high32, join64, low32, PAGE_SIZE, SECTOR} from '../formats/address.js';
import {
	ADMIN,
	CC,
	CNS,
	COMMAND,
	COMMAND_BYTES,
	COMPLETION,
	COMPLETION_BYTES,
	CONTIGUOUS,
	DEALLOCATE,
	DOORBELLS,
	IO,
	MDTS_PAGES,
	NAMESPACE,
	PHASE,
	PRP_BYTES,
	RANGE,
	RANGE_BYTES,
	REG,
	SC,
	statusCode,
	statusText,
} from '../formats/nvme.js';
import type {Vm} from '../kernel/vm.js';
import type {VmMap} from '../kernel/vm-map.js';
import {UserError} from '../user-error.js';
import {grouped, sizeText} from '../words.js';
import type {Answer, GuestDisk, GuestRequest, Segment} from './driver.js';

/** The driver's structures in guest physical memory. */
const ADMIN_PAIR = {index: 0, entries: 16, submissions: 0x80000, completions: 0x81000};
const IO_PAIR = {index: 1, entries: 32, submissions: 0x82000, completions: 0x83000};
const PAGE = 0x84000;
const RANGES = 0x85000;
const LISTS = 0x88000;
const MEMORY = {start: ADMIN_PAIR.submissions, end: 0xa0000};
/** One PRP list per request limits a batch. */
const MAX_BATCH = (MEMORY.end - LISTS) / PAGE_SIZE;

const MAX_BYTES = MDTS_PAGES * PAGE_SIZE;
const MAX_DELETE = 2 ** 32 / SECTOR - 1;
const OPCODES = {read: IO.READ, write: IO.WRITE, flush: IO.FLUSH, delete: IO.DATASET_MANAGEMENT} as const;

type Pair = typeof ADMIN_PAIR;
type Entry = {opcode: number; nsid?: number; prp1?: number; prp2?: number; cdw?: readonly number[]};

/** Why no NVMe command can carry a request; undefined if one can. */
export function nvmeProblem({op, sectors, segments}: GuestRequest): string | undefined {
	// bhyve truncates a range's bytes to 32 bits.
	if (op === 'delete' && sectors > MAX_DELETE)
		return `bhyve's nvme deletes at most ${grouped(MAX_DELETE)} sectors per range; use fewer.`;
	if (op === 'flush' || op === 'delete') return undefined;
	const bytes = segments.reduce((sum, segment) => sum + segment.bytes, 0);
	if (bytes !== sectors * SECTOR || sectors === 0)
		return `The segments have ${grouped(bytes)} bytes and the sectors ${grouped(sectors * SECTOR)}; make them equal.`;
	if (bytes > MAX_BYTES)
		return `An NVMe command moves at most ${sizeText(MAX_BYTES)} (MDTS); use fewer sectors.`;
	const last = segments.length - 1;
	const misfit = segments.findIndex(
		({gpa, bytes: length}, i) =>
			length === 0 ||
			(i === 0 ? gpa % 4 !== 0 : gpa % PAGE_SIZE !== 0) ||
			(i < last && (gpa + length) % PAGE_SIZE !== 0),
	);
	if (misfit < 0) return undefined;
	return (
		`Segment ${misfit + 1} of ${segments.length} does not fit PRPs, which name pages; start the first segment at any ` +
		'dword and the others at a page, and end all but the last at a page.'
	);
}

export class GuestNvme implements GuestDisk {
	readonly model = 'nvme';
	readonly memory = MEMORY;
	/** The first segment may start inside a page. */
	readonly maxSegments = MDTS_PAGES + 1;
	readonly problem = nvmeProblem;
	sectors = 0;
	private readonly map: VmMap;
	private readonly device: Nvme;
	/** A logical block's size, in units of 512 bytes. */
	private unit = 1;
	/** The driver's position in each pair's queues, and the phase of a new completion. */
	private readonly places = [ADMIN_PAIR, IO_PAIR].map(() => ({tail: 0, head: 0, phase: PHASE}));

	constructor(vm: Vm, device: Nvme) {
		this.map = vm.map;
		this.device = device;
		this.reset();
	}

	get stopped(): string | undefined {
		return this.device.stopped;
	}

	/** Resets the controller, sets up the admin queues, identifies the namespace, and creates an I/O pair. */
	reset(): void {
		const device = this.device;
		this.map.write(MEMORY.start, new Uint8Array(MEMORY.end - MEMORY.start));
		for (const place of this.places) Object.assign(place, {tail: 0, head: 0, phase: PHASE});
		device.write(REG.CC, 0);
		device.write(REG.AQA, (ADMIN_PAIR.entries - 1) | ((ADMIN_PAIR.entries - 1) << 16));
		device.write(REG.ASQ_LO, ADMIN_PAIR.submissions);
		device.write(REG.ASQ_HI, 0);
		device.write(REG.ACQ_LO, ADMIN_PAIR.completions);
		device.write(REG.ACQ_HI, 0);
		device.write(REG.CC, CC.EN | CC.IOSQES_64 | CC.IOCQES_16);
		this.submit(ADMIN_PAIR, [{opcode: ADMIN.IDENTIFY, nsid: 1, prp1: PAGE, cdw: [CNS.NAMESPACE]}]);
		this.unit = 2 ** ((this.map.u32(PAGE + NAMESPACE.FORMATS) >>> 16) & 0xff) / SECTOR;
		const blocks = join64(this.map.u32(PAGE + NAMESPACE.SIZE), this.map.u32(PAGE + NAMESPACE.SIZE + 4));
		this.sectors = blocks * this.unit;
		const {index, entries, submissions, completions} = IO_PAIR;
		const queue = index | ((entries - 1) << 16);
		const completeTo = CONTIGUOUS | (index << 16);
		this.submit(ADMIN_PAIR, [
			{opcode: ADMIN.CREATE_IO_CQ, prp1: completions, cdw: [queue, CONTIGUOUS]},
			{opcode: ADMIN.CREATE_IO_SQ, prp1: submissions, cdw: [queue, completeTo]},
		]);
	}

	request(request: GuestRequest): Answer {
		return this.batch([request])[0];
	}

	/** Sends as many at a time as fit. @throws UserError if no command can carry a request */
	batch(requests: readonly GuestRequest[]): Answer[] {
		for (const request of requests) this.check(request);
		const answers: Answer[] = [];
		while (answers.length < requests.length) {
			const some = requests.slice(answers.length, answers.length + MAX_BATCH);
			const commands = some.map((request, i) => this.entry(request, i));
			answers.push(...this.submit(IO_PAIR, commands));
		}
		return answers;
	}

	private check(request: GuestRequest): void {
		const problem = nvmeProblem(request);
		if (problem !== undefined) throw new UserError(problem);
		if (request.sector % this.unit !== 0 || request.sectors % this.unit !== 0)
			throw new UserError(`The disk has ${this.unit * SECTOR}-byte blocks; use whole ones.`);
	}

	private entry({op, sector, sectors, segments}: GuestRequest, number: number): Entry {
		const opcode = OPCODES[op];
		const lba = sector / this.unit;
		const count = sectors / this.unit;
		if (op === 'flush') return {opcode, nsid: 1};
		if (op === 'delete') {
			const range = RANGES + number * RANGE_BYTES;
			this.map.setU32(range + RANGE.SECTORS, count);
			this.setU64(range + RANGE.LBA, lba);
			return {opcode, nsid: 1, prp1: range, cdw: [0, DEALLOCATE]};
		}
		const [prp1, ...rest] = pagesOf(segments);
		const list = LISTS + number * PAGE_SIZE;
		rest.forEach((page, i) => {
			this.setU64(list + i * PRP_BYTES, page);
		});
		const prp2 = rest.length > 1 ? list : rest[0];
		return {opcode, nsid: 1, prp1, prp2, cdw: [low32(lba), high32(lba), count - 1]};
	}

	/** Puts commands in a queue, rings its doorbell, and reads the completions. A command's ID is its index. */
	private submit(pair: Pair, commands: readonly Entry[]): Answer[] {
		const map = this.map;
		const place = this.places[pair.index];
		commands.forEach((command, id) => {
			this.put(pair.submissions + place.tail * COMMAND_BYTES, command, id);
			place.tail = (place.tail + 1) % pair.entries;
		});
		this.device.write(DOORBELLS + pair.index * 8, place.tail);
		const answers: Answer[] = commands.map(() => undefined);
		for (let left = commands.length; left > 0; left--) {
			const at = pair.completions + place.head * COMPLETION_BYTES;
			const status = map.u16(at + COMPLETION.STATUS);
			if ((status & PHASE) !== place.phase) break;
			const code = statusCode(status);
			const id = map.u16(at + COMPLETION.ID);
			if (id < answers.length) answers[id] = {ok: code === SC.SUCCESS, text: statusText(code)};
			place.head = (place.head + 1) % pair.entries;
			if (place.head === 0) place.phase ^= PHASE;
		}
		this.device.write(DOORBELLS + pair.index * 8 + 4, place.head);
		return answers;
	}

	private put(at: number, {opcode, nsid = 0, prp1 = 0, prp2 = 0, cdw = []}: Entry, id: number): void {
		this.map.write(at, new Uint8Array(COMMAND_BYTES));
		this.map.setU8(at + COMMAND.OPCODE, opcode);
		this.map.setU16(at + COMMAND.ID, id);
		this.map.setU32(at + COMMAND.NSID, nsid);
		this.setU64(at + COMMAND.PRP1, prp1);
		this.setU64(at + COMMAND.PRP2, prp2);
		cdw.forEach((dword, i) => {
			this.map.setU32(at + COMMAND.CDW10 + 4 * i, dword);
		});
	}

	private setU64(gpa: number, value: number): void {
		this.map.setU32(gpa, low32(value));
		this.map.setU32(gpa + 4, high32(value));
	}
}

/** The pages of all segments. The first keeps its offset. */
function pagesOf(segments: readonly Segment[]): number[] {
	return segments.flatMap(({gpa, bytes}) => {
		const base = gpa - (gpa % PAGE_SIZE);
		const pages = Math.ceil((gpa + bytes - base) / PAGE_SIZE);
		return Array.from({length: pages}, (_, i) => (i === 0 ? gpa : base + i * PAGE_SIZE));
	});
}
