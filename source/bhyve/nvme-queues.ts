// The queues of bhyve's pci_nvme.c, in guest memory: pair 0 is for admin commands, up to 16 more are for I/O.

import {join64} from '../formats/address.js';
import {
	COMMAND,
	COMMAND_BYTES,
	COMPLETION,
	COMPLETION_BYTES,
	CONTIGUOUS,
	PHASE,
	SC,
} from '../formats/nvme.js';
import {aborts, crashes, hangs} from './device-guard.js';
import {NULL, type VmContext} from './vmmapi.js';

/** NVME_QUEUES and NVME_MAX_QENTRIES. */
export const MAX_QUEUES = 16;
export const MAX_ENTRIES = 2048;

export type Command = {
	opcode: number;
	id: number;
	nsid: number;
	prp1: number;
	prp2: number;
	/** Command dwords 10 to 15. */
	cdw: readonly number[];
};

/** The device's position in a queue. `base` is NULL if the queue does not exist. */
type Submission = {base: number; size: number; head: number; tail: number; completion: number};
type Completion = {base: number; size: number; tail: number; vector: number};

export class NvmeQueues {
	/** The number of queues that the guest may use (num_squeues and num_cqueues). */
	submissions = MAX_QUEUES;
	completions = MAX_QUEUES;
	countIsSet = false;
	private readonly ctx: VmContext;
	private readonly submission: Submission[] = [];
	private readonly completion: Completion[] = [];

	constructor(ctx: VmContext) {
		this.ctx = ctx;
		for (let i = 0; i <= MAX_QUEUES; i++) {
			this.submission.push({base: NULL, size: 0, head: 0, tail: 0, completion: 0});
			this.completion.push({base: NULL, size: 0, tail: 0, vector: 0});
		}
	}

	/** The queues' part of pci_nvme_reset_locked. The allowed number of queues stays. */
	reset(): void {
		this.countIsSet = false;
		for (const queue of this.submission)
			Object.assign(queue, {base: NULL, size: 0, head: 0, tail: 0, completion: 0});
		for (const queue of this.completion) Object.assign(queue, {base: NULL, size: 0, tail: 0});
	}

	/** pci_nvme_init_controller. It does not check whether the queues are in guest memory. */
	setAdmin(submission: {gpa: number; size: number}, completion: {gpa: number; size: number}): void {
		const [sq, cq] = [this.submission[0], this.completion[0]];
		sq.size = submission.size;
		sq.base = this.ctx.mapGpa(submission.gpa, submission.size * COMMAND_BYTES);
		cq.size = completion.size;
		cq.base = this.ctx.mapGpa(completion.gpa, completion.size * COMPLETION_BYTES);
	}

	/** The guest has rung a queue's doorbell. Calls `run` for each new command. */
	ring(index: number, tail: number, run: (command: Command) => void): void {
		const queue = this.submission[index];
		queue.tail = tail;
		let head = queue.head;
		if (head === tail) return;
		if (queue.base === NULL)
			throw crashes(`the doorbell of submission queue ${index} was rung, but the queue has no memory`);
		if (tail >= queue.size) {
			throw hangs(`the doorbell of submission queue ${index} got tail ${tail} of ${queue.size} entries`);
		}
		while (head !== tail) {
			const command = this.command(queue.base + head * COMMAND_BYTES);
			head = (head + 1) % queue.size;
			run(command);
		}
		queue.head = head;
	}

	/**
	 * pci_nvme_cq_update. It does not check whether the queue is full. It inverts the entry's phase, and reports the
	 * submission queue's head as of the last time all commands had been taken.
	 */
	complete(index: number, id: number, status: number, value = 0): void {
		const {process} = this.ctx;
		const {head, completion} = this.submission[index];
		const queue = this.completion[completion];
		if (queue.base === NULL) throw aborts(`completion queue ${completion} has no memory`);
		const at = queue.base + queue.tail * COMPLETION_BYTES;
		const phase = ~process.u16(at + COMPLETION.STATUS) & PHASE;
		process.setU32(at + COMPLETION.VALUE, value);
		process.setU16(at + COMPLETION.SQ_HEAD, head);
		process.setU16(at + COMPLETION.SQ_ID, index);
		process.setU16(at + COMPLETION.ID, id);
		process.setU16(at + COMPLETION.STATUS, status | phase);
		queue.tail = (queue.tail + 1) % queue.size;
	}

	/** nvme_opc_create_io_sq. @returns a status code */
	createSubmission({prp1, cdw: [ids, flags]}: Command): number {
		const index = ids & 0xffff;
		const queue = this.submission[index];
		if ((flags & CONTIGUOUS) === 0) return SC.INVALID_FIELD;
		if (index === 0 || index > this.submissions || queue.base !== NULL) return SC.INVALID_QUEUE;
		queue.size = (ids >>> 16) + 1;
		if (queue.size < 2 || queue.size > MAX_ENTRIES) return SC.INVALID_QUEUE_SIZE;
		queue.head = 0;
		queue.tail = 0;
		queue.completion = flags >>> 16;
		if (queue.completion === 0 || queue.completion > this.completions) return SC.INVALID_QUEUE;
		if (this.completion[queue.completion].base === NULL) return SC.INVALID_COMPLETION_QUEUE;
		queue.base = this.ctx.mapGpa(prp1, queue.size * COMMAND_BYTES);
		return SC.SUCCESS;
	}

	deleteSubmission({cdw: [ids]}: Command): number {
		const index = ids & 0xffff;
		const queue = this.submission[index];
		if (index === 0 || index > this.submissions || queue.base === NULL) return SC.INVALID_QUEUE;
		queue.base = NULL;
		queue.completion = 0;
		return SC.SUCCESS;
	}

	/** nvme_opc_create_io_cq. bhyve maps memory as if completions were as long as commands. */
	createCompletion({prp1, cdw: [ids, flags]}: Command): number {
		const index = ids & 0xffff;
		const queue = this.completion[index];
		if ((flags & CONTIGUOUS) === 0) return SC.INVALID_FIELD;
		if (index === 0 || index > this.completions || queue.base !== NULL) return SC.INVALID_QUEUE;
		queue.vector = flags >>> 16;
		if (queue.vector > MAX_QUEUES + 1) return SC.INVALID_INTERRUPT_VECTOR;
		queue.size = (ids >>> 16) + 1;
		if (queue.size < 2 || queue.size > MAX_ENTRIES) return SC.INVALID_QUEUE_SIZE;
		queue.tail = 0;
		queue.base = this.ctx.mapGpa(prp1, queue.size * COMMAND_BYTES);
		return SC.SUCCESS;
	}

	/** Refuses a queue that a submission queue uses, even a submission queue that could not be created. */
	deleteCompletion({cdw: [ids]}: Command): number {
		const index = ids & 0xffff;
		const queue = this.completion[index];
		if (index === 0 || index > this.completions || queue.base === NULL) return SC.INVALID_QUEUE;
		const users = this.submission.slice(1, this.submissions + 1);
		if (users.some(({completion}) => completion === index)) return SC.INVALID_QUEUE_DELETION;
		queue.base = NULL;
		return SC.SUCCESS;
	}

	/** Whether a completion queue uses this interrupt vector. */
	hasVector(vector: number): boolean {
		return this.completion.slice(0, this.completions + 1).some(queue => queue.vector === vector);
	}

	private command(at: number): Command {
		const {process} = this.ctx;
		const u64 = (field: number) => join64(process.u32(at + field), process.u32(at + field + 4));
		return {
			opcode: process.u8(at + COMMAND.OPCODE),
			id: process.u16(at + COMMAND.ID),
			nsid: process.u32(at + COMMAND.NSID),
			prp1: u64(COMMAND.PRP1),
			prp2: u64(COMMAND.PRP2),
			cdw: [0, 4, 8, 12, 16, 20].map(i => process.u32(at + COMMAND.CDW10 + i)),
		};
	}
}
