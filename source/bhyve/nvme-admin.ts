// The admin commands of bhyve's pci_nvme.c, the pages that IDENTIFY returns (pci_nvme_init_ctrldata,
// pci_nvme_init_nsdata), and the controller's features.

import {high32, join64, low32, PAGE_SIZE, SECTOR} from '../formats/address.js';
import {
	ADMIN,
	ALL_NAMESPACES,
	CNS,
	CONTROLLER,
	FEATURE,
	HEALTH,
	IDENTIFY_BYTES,
	LOG,
	MDTS,
	NAMESPACE,
	SC,
	SUPPORTS_DSM,
	VERSION_1_4,
	WARNING_TEMPERATURE,
} from '../formats/nvme.js';
import type {BlockIf} from './block-if.js';
import {crashes} from './device-guard.js';
import type {NvmeIo} from './nvme-io.js';
import {writePrp} from './nvme-prp.js';
import {type Command, MAX_QUEUES, type NvmeQueues} from './nvme-queues.js';
import {NULL, type VmContext} from './vmmapi.js';

/** AERL, the most pending requests for events. It counts from 0. */
const EVENT_LIMIT = 4;
const FIRMWARE = '1.0';
/** FreeBSD's OUI. */
const OUI = [0x58, 0x9c, 0xfc] as const;

const LOG_BYTES: Record<number, number> = {
	[LOG.ERROR]: 64,
	[LOG.HEALTH]: 512,
	[LOG.FIRMWARE]: 512,
	[LOG.CHANGED_NAMESPACES]: 4096,
};

/** A status code, and command specific dword 0 of the completion. */
type Outcome = {code: number; value: number};

/** Room temperature, in kelvins. */
const TEMPERATURE = 296;
/** PCI_NVME_AEN_DEFAULT_MASK. */
const ALL_EVENTS = 0x11f;
/** The type of an event whose details are in the health log. */
const EVENT_HEALTH = 1;
const ENDURANCE_GROUP_EVENT = 0x4000;
/** NVME_FID_MAX: higher feature IDs are rejected at once. */
const LAST_FEATURE = 0x18;
const SELECT_SUPPORTED = 3;
/** A feature of one namespace. */
const NAMESPACE_SPECIFIC = 0x2;

export class NvmeAdmin {
	private readonly ctx: VmContext;
	private readonly queues: NvmeQueues;
	private readonly io: NvmeIo;
	private readonly features: NvmeFeatures;
	private readonly controller: Uint8Array;
	private readonly namespace: Uint8Array;
	/** The command IDs of requests for events. They complete when there is an event. */
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

	/** Completes pending requests for events. */
	sendEvents(): void {
		while (this.eventRequests.length > 0) {
			const event = this.features.takeEvent();
			if (event === undefined) return;
			this.queues.complete(0, this.eventRequests.shift() ?? 0, SC.SUCCESS, event);
		}
	}

	/** @returns a status code, perhaps with a value; undefined if the command completes later */
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
				// bhyve looks for no command. 1: not aborted.
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

	/** nvme_opc_identify. Pages use PRPs; lists go straight to PRP1. */
	private identify({nsid, prp1, prp2, cdw: [cdw10]}: Command): number {
		switch (cdw10 & 0xff) {
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
				// A single descriptor: type 1, an EUI-64 of 8 bytes.
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

	/** nvme_opc_get_log_page. From any offset bhyve copies up to a log's full length. Here zeros follow the log. */
	private log({prp1, prp2, cdw: [cdw10, cdw11, offsetLo, offsetHi]}: Command): number {
		const length = LOG_BYTES[cdw10 & 0xff];
		if (length === undefined) return SC.INVALID_LOG_PAGE;
		// A count of dwords minus one, converted to a 32-bit count of bytes.
		const requested = low32((((cdw11 << 16) | (cdw10 >>> 16)) + 1) * 4);
		const offset = join64(offsetLo, offsetHi);
		if (offset >= length) return SC.INVALID_FIELD;
		const copied = requested < offset ? length : Math.min(requested - offset, length);
		const log = new Uint8Array(2 * length);
		log.set(this.logPage(cdw10 & 0xff));
		writePrp(this.ctx, prp1, prp2, log.subarray(offset, offset + copied));
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
		// In units of 1,000 × 512 bytes, rounded up.
		count(HEALTH.UNITS_READ, Math.ceil(reads.sectors / 1000));
		count(HEALTH.UNITS_WRITTEN, Math.ceil(writes.sectors / 1000));
		count(HEALTH.READS, reads.commands);
		count(HEALTH.WRITES, writes.commands);
		count(HEALTH.POWER_CYCLES, 1);
		return log;
	}

	/** nvme_opc_format_nvm: one format, no protection; erasing deletes the whole disk. */
	private format({id, cdw: [cdw10]}: Command): number | undefined {
		if (((cdw10 >>> 9) & 0x7) > 1) return SC.INVALID_FIELD;
		if ((cdw10 & 0xf) !== 0) return SC.INVALID_FORMAT;
		if (((cdw10 >>> 5) & 0x7) !== 0) return SC.INVALID_FIELD;
		return this.io.deleteAll(0, id);
	}
}

function controllerPage(disk: BlockIf, serial: string): Uint8Array {
	const page = new Uint8Array(IDENTIFY_BYTES);
	const view = new DataView(page.buffer);
	const text = (at: number, bytes: number, value: string) => {
		page.set(new TextEncoder().encode(value.padEnd(bytes)).subarray(0, bytes), at);
	};
	view.setUint16(CONTROLLER.VENDOR, 0xfb5d, true);
	text(CONTROLLER.SERIAL, 20, serial);
	text(CONTROLLER.MODEL, 40, 'bhyve-NVMe');
	text(CONTROLLER.FIRMWARE, 8, FIRMWARE);
	page[CONTROLLER.ARBITRATION_BURST] = 4;
	page.set(OUI, CONTROLLER.OUI);
	page[CONTROLLER.MDTS] = MDTS;
	view.setUint32(CONTROLLER.VERSION, VERSION_1_4, true);
	// Events for changed namespace attributes; an I/O controller; FORMAT NVM.
	view.setUint32(CONTROLLER.EVENTS, 0x100, true);
	page[CONTROLLER.TYPE] = 1;
	view.setUint16(CONTROLLER.ADMIN_COMMANDS, 0x2, true);
	page[CONTROLLER.ABORT_LIMIT] = 2;
	page[CONTROLLER.EVENT_LIMIT] = EVENT_LIMIT;
	// One firmware slot, read-only.
	page[CONTROLLER.FIRMWARE_SLOTS] = 0x3;
	view.setUint16(CONTROLLER.WARNING_TEMPERATURE, 0x157, true);
	view.setUint16(CONTROLLER.CRITICAL_TEMPERATURE, 0x157, true);
	view.setUint32(CONTROLLER.SANITIZE, 0x4000_0000, true);
	page[CONTROLLER.SQ_ENTRY] = 0x66;
	page[CONTROLLER.CQ_ENTRY] = 0x44;
	view.setUint32(CONTROLLER.NAMESPACES, 1, true);
	view.setUint16(CONTROLLER.OPTIONAL_COMMANDS, disk.canDelete ? SUPPORTS_DSM : 0, true);
	page[CONTROLLER.FORMAT] = 0x1;
	page[CONTROLLER.WRITE_CACHE] = 0x4;
	return page;
}

function namespacePage({sectors, sectorSize}: BlockIf): Uint8Array {
	const page = new Uint8Array(IDENTIFY_BYTES);
	const view = new DataView(page.buffer);
	const blocks = (sectors * SECTOR) / sectorSize;
	for (const field of [NAMESPACE.SIZE, NAMESPACE.CAPACITY, NAMESPACE.USED]) {
		view.setUint32(field, low32(blocks), true);
		view.setUint32(field + 4, high32(blocks), true);
	}
	// bhyve fills the middle with a hash of the VM's name and the slot.
	page.set([...OUI, 0, 0, 0, 0, 1], NAMESPACE.EUI64);
	view.setUint32(NAMESPACE.FORMATS, Math.log2(sectorSize) << 16, true);
	return page;
}

/** nvme_opc_set_features, nvme_opc_get_features, and the only event: a temperature beyond its threshold. */
class NvmeFeatures {
	warning = 0;
	/** A warning that no request for events has delivered yet (pci_nvme_aen_post). */
	private posted: number | undefined;
	private readonly queues: NvmeQueues;
	private readonly values = new Map<number, number>(Object.values(FEATURE).map(feature => [feature, 0]));

	constructor(queues: NvmeQueues) {
		this.queues = queues;
		this.values.set(FEATURE.ASYNC_EVENTS, ALL_EVENTS);
	}

	/** A reset drops events and keeps the features' values. */
	reset(): void {
		this.posted = undefined;
	}

	get({cdw: [cdw10]}: Command): Outcome {
		const feature = cdw10 & 0xff;
		const value = this.values.get(feature);
		if (value === undefined) return {code: SC.INVALID_FIELD, value: 0};
		const select = (cdw10 >>> 8) & 0x7;
		const supported = select === SELECT_SUPPORTED && feature === FEATURE.ERROR_RECOVERY;
		return {code: SC.SUCCESS, value: supported ? NAMESPACE_SPECIFIC : value};
	}

	set({nsid, cdw: [cdw10, cdw11]}: Command): Outcome {
		const feature = cdw10 & 0xff;
		const namespaceSpecific = feature === FEATURE.ERROR_RECOVERY;
		if (feature > LAST_FEATURE || (namespaceSpecific && nsid === ALL_NAMESPACES))
			return {code: SC.INVALID_FIELD, value: 0};
		if (!namespaceSpecific && nsid !== 0 && nsid !== ALL_NAMESPACES)
			return {code: SC.FEATURE_NOT_OF_NAMESPACE, value: 0};
		const code = this.apply(feature, cdw11);
		if (code !== SC.SUCCESS) return {code, value: 0};
		if (feature !== FEATURE.NUMBER_OF_QUEUES) {
			this.values.set(feature, cdw11);
			return {code, value: 0};
		}
		const value = ((this.queues.submissions - 1) | ((this.queues.completions - 1) << 16)) >>> 0;
		this.values.set(feature, value);
		return {code, value};
	}

	/** pci_nvme_aen_process. @returns the next event, as a completion reports it, and removes it */
	takeEvent(): number | undefined {
		const warning = this.posted;
		const mask = this.values.get(FEATURE.ASYNC_EVENTS) ?? 0;
		if (warning === undefined || (warning & mask & 0xff) === 0) return undefined;
		this.posted = undefined;
		return (LOG.HEALTH << 16) | (warning << 8) | EVENT_HEALTH;
	}

	private apply(feature: number, value: number): number {
		switch (feature) {
			case FEATURE.NUMBER_OF_QUEUES:
				return this.setQueues(value & 0xffff, value >>> 16);
			case FEATURE.TEMPERATURE_THRESHOLD:
				return this.setThreshold(value);
			case FEATURE.INTERRUPT_VECTOR:
				return this.checkVector(value & 0xffff, (value & 0x1_0000) !== 0);
			case FEATURE.ASYNC_EVENTS:
				return value & ENDURANCE_GROUP_EVENT ? SC.INVALID_FIELD : SC.SUCCESS;
			default:
				return this.values.has(feature) ? SC.SUCCESS : SC.INVALID_FIELD;
		}
	}

	/** Both counts start from 0 and can be set once per reset. If the second is invalid, the first stays set. */
	private setQueues(submissions: number, completions: number): number {
		const queues = this.queues;
		if (queues.countIsSet) return SC.COMMAND_SEQUENCE_ERROR;
		if (submissions === 0xffff) return SC.INVALID_FIELD;
		queues.submissions = Math.min(submissions + 1, MAX_QUEUES);
		if (completions === 0xffff) return SC.INVALID_FIELD;
		queues.completions = Math.min(completions + 1, MAX_QUEUES);
		queues.countIsSet = true;
		return SC.SUCCESS;
	}

	private setThreshold(value: number): number {
		const [threshold, sensor, type] = [value & 0xffff, (value >>> 16) & 0xf, (value >>> 20) & 0x3];
		if ((sensor !== 0 && sensor !== 0xf) || type > 1) return SC.INVALID_FIELD;
		const beyond = type === 0 ? TEMPERATURE >= threshold : TEMPERATURE <= threshold;
		this.warning = beyond ? WARNING_TEMPERATURE : 0;
		if (beyond) this.posted ??= this.warning;
		return SC.SUCCESS;
	}

	/** The admin queue's interrupt is never coalesced. Other vectors must belong to a completion queue. */
	private checkVector(vector: number, coalescingOff: boolean): number {
		if (vector > MAX_QUEUES + 1 || (vector === 0 && !coalescingOff)) return SC.INVALID_FIELD;
		return this.queues.hasVector(vector) ? SC.SUCCESS : SC.INVALID_FIELD;
	}
}
