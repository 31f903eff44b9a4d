// The admin commands of bhyve's pci_nvme.c.

import {high32, join64, low32, PAGE_SIZE} from '../formats/address.js';
import {ADMIN, ALL_NAMESPACES, CNS, HEALTH, LOG, NAMESPACE, SC} from '../formats/nvme.js';
import type {BlockIf} from './block-if.js';
import {NvmeFeatures, type Outcome, TEMPERATURE} from './nvme-features.js';
import {controllerPage, EVENT_LIMIT, FIRMWARE, namespacePage} from './nvme-identify.js';
import type {NvmeIo} from './nvme-io.js';
import {writePrp} from './nvme-prp.js';
import type {Command, NvmeQueues} from './nvme-queues.js';
import {crashes} from './stopped.js';
import {NULL, type VmContext} from './vmmapi.js';

/** The lengths of the logs. */
const LOG_BYTES: Record<number, number> = {
	[LOG.ERROR]: 64,
	[LOG.HEALTH]: 512,
	[LOG.FIRMWARE]: 512,
	[LOG.CHANGED_NAMESPACES]: 4096,
};

export class NvmeAdmin {
	private readonly ctx: VmContext;
	private readonly queues: NvmeQueues;
	private readonly io: NvmeIo;
	private readonly features: NvmeFeatures;
	private readonly controller: Uint8Array;
	private readonly namespace: Uint8Array;
	/** Requests for events, which are kept until there is one: their command ids. */
	private eventRequests: number[] = [];

	constructor(ctx: VmContext, disk: BlockIf, serial: string, queues: NvmeQueues, io: NvmeIo) {
		this.ctx = ctx;
		this.queues = queues;
		this.io = io;
		this.features = new NvmeFeatures(queues);
		this.controller = controllerPage(disk, serial);
		this.namespace = namespacePage(disk);
	}

	reset(): void {
		this.eventRequests = [];
		this.features.reset();
	}

	/** pci_nvme_handle_admin_cmd, for one command. */
	run(command: Command): void {
		const outcome = this.outcome(command);
		if (outcome === undefined) return;
		const {code, value} = typeof outcome === 'number' ? {code: outcome, value: 0} : outcome;
		this.queues.complete(0, command.id, code << 1, value);
	}

	/** Events go to the requests that wait for them. */
	tellEvents(): void {
		while (this.eventRequests.length > 0) {
			const event = this.features.takeEvent();
			if (event === undefined) return;
			this.queues.complete(0, this.eventRequests.shift() ?? 0, SC.SUCCESS, event);
		}
	}

	/** @returns a status code, perhaps with a value; undefined where the command completes later. */
	private outcome(command: Command): number | Outcome | undefined {
		switch (command.opcode) {
			case ADMIN.DELETE_IO_SQ:
				return this.queues.deleteSubmission(command);
			case ADMIN.CREATE_IO_SQ:
				return this.queues.createSubmission(command);
			case ADMIN.DELETE_IO_CQ:
				return this.queues.deleteCompletion(command);
			case ADMIN.CREATE_IO_CQ:
				return this.queues.createCompletion(command);
			case ADMIN.GET_LOG_PAGE:
				return this.log(command);
			case ADMIN.IDENTIFY:
				return this.identify(command);
			case ADMIN.ABORT:
				// Nothing is looked for: the command was not aborted.
				return {code: SC.SUCCESS, value: 1};
			case ADMIN.SET_FEATURES:
				return this.features.set(command);
			case ADMIN.GET_FEATURES:
				return this.features.get(command);
			case ADMIN.ASYNC_EVENT_REQUEST:
				if (this.eventRequests.length > EVENT_LIMIT) return SC.EVENT_REQUEST_LIMIT;
				this.eventRequests.push(command.id);
				return undefined;
			case ADMIN.FIRMWARE_COMMIT:
				return SC.INVALID_FIRMWARE_SLOT;
			case ADMIN.FORMAT_NVM:
				return this.format(command);
			case ADMIN.SECURITY_SEND:
			case ADMIN.SECURITY_RECEIVE:
			case ADMIN.SANITIZE:
			case ADMIN.GET_LBA_STATUS:
				return SC.INVALID_FIELD;
			default:
				return SC.INVALID_OPCODE;
		}
	}

	/** nvme_opc_identify. Pages go out by PRPs, and lists to wherever PRP1 points. */
	private identify({nsid, prp1, prp2, cdw: [what]}: Command): number {
		switch (what & 0xff) {
			case CNS.NAMESPACE:
				if (nsid === ALL_NAMESPACES) return SC.INVALID_NAMESPACE;
				writePrp(this.ctx, prp1, prp2, this.namespace);
				return SC.SUCCESS;
			case CNS.CONTROLLER:
				writePrp(this.ctx, prp1, prp2, this.controller);
				return SC.SUCCESS;
			case CNS.ACTIVE:
				return this.list(prp1, [1]);
			case CNS.DESCRIPTORS: {
				if (nsid !== 1) return SC.INVALID_NAMESPACE;
				// One descriptor: type 1, an EUI-64 of 8 bytes.
				const eui64 = this.namespace.subarray(NAMESPACE.EUI64, NAMESPACE.EUI64 + 8);
				return this.list(prp1, [1, 8, 0, 0, ...eui64]);
			}
			case CNS.CONTROLLERS:
				return this.list(prp1, []);
			default:
				return SC.INVALID_FIELD;
		}
	}

	private list(gpa: number, bytes: readonly number[]): number {
		const pointer = this.ctx.mapGpa(gpa, PAGE_SIZE);
		if (pointer === NULL) throw crashes('the page for IDENTIFY is not in guest memory');
		const page = new Uint8Array(PAGE_SIZE);
		page.set(bytes);
		this.ctx.process.write(pointer, page);
		return SC.SUCCESS;
	}

	/** nvme_opc_get_log_page. bhyve copies as much as a log is long from any offset; what lies behind it is zeros here. */
	private log({prp1, prp2, cdw: [what, more, offsetLo, offsetHi]}: Command): number {
		const length = LOG_BYTES[what & 0xff];
		if (length === undefined) return SC.INVALID_LOG_PAGE;
		// A dword count that starts from 0, in 32 bits of bytes.
		const asked = low32((((more << 16) | (what >>> 16)) + 1) * 4);
		const offset = join64(offsetLo, offsetHi);
		if (offset >= length) return SC.INVALID_FIELD;
		const wanted = asked < offset ? length : Math.min(asked - offset, length);
		const log = new Uint8Array(2 * length);
		log.set(this.logPage(what & 0xff));
		writePrp(this.ctx, prp1, prp2, log.subarray(offset, offset + wanted));
		return SC.SUCCESS;
	}

	private logPage(page: number): Uint8Array {
		const log = new Uint8Array(LOG_BYTES[page]);
		const view = new DataView(log.buffer);
		if (page === LOG.FIRMWARE) {
			log[0] = 1;
			log.set(new TextEncoder().encode(FIRMWARE.padEnd(8)), 8);
		}
		if (page !== LOG.HEALTH) return log;
		const count = (at: number, value: number) => {
			view.setUint32(at, low32(value), true);
			view.setUint32(at + 4, high32(value), true);
		};
		const {reads, writes} = this.io;
		log[HEALTH.WARNING] = this.features.warning;
		view.setUint16(HEALTH.TEMPERATURE, TEMPERATURE, true);
		log[HEALTH.SPARE] = 100;
		log[HEALTH.SPARE_THRESHOLD] = 10;
		// In thousands of 512 bytes, rounded up.
		count(HEALTH.UNITS_READ, Math.ceil(reads.sectors / 1000));
		count(HEALTH.UNITS_WRITTEN, Math.ceil(writes.sectors / 1000));
		count(HEALTH.READS, reads.commands);
		count(HEALTH.WRITES, writes.commands);
		count(HEALTH.POWER_CYCLES, 1);
		return log;
	}

	/** nvme_opc_format_nvm: one format, no protection, and erasing is deleting the whole disk. */
	private format({id, cdw: [what]}: Command): number | undefined {
		if (((what >>> 9) & 0x7) > 1) return SC.INVALID_FIELD;
		if ((what & 0xf) !== 0) return SC.INVALID_FORMAT;
		if (((what >>> 5) & 0x7) !== 0) return SC.INVALID_FIELD;
		return this.io.deleteAll(0, id);
	}
}
