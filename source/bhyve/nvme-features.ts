// The features of bhyve's NVMe controller (nvme_opc_set_features in pci_nvme.c), and the one event that comes of
// them: a temperature past its threshold.

import {ALL_NAMESPACES, FEATURE, LOG, SC, WARNING_TEMPERATURE} from '../formats/nvme.js';
import {type Command, MAX_QUEUES, type NvmeQueues} from './nvme-queues.js';

/** A status code, and command specific dword 0 of the completion. */
export type Outcome = {code: number; value: number};

/** In Kelvin: the room's. */
export const TEMPERATURE = 296;
/** PCI_NVME_AEN_DEFAULT_MASK. */
const ALL_EVENTS = 0x11f;
/** An event of this type is read of in the log of the disk's health. */
const EVENT_HEALTH = 1;
const ENDURANCE_GROUP_EVENT = 0x4000;
/** NVME_FID_MAX: what is above is not looked at any further. */
const LAST_FEATURE = 0x18;
const SELECT_SUPPORTED = 3;
const OF_NAMESPACE = 0x2;

export class NvmeFeatures {
	warning = 0;
	/** A warning that no request for events has carried yet (pci_nvme_aen_post). */
	private posted: number | undefined;
	private readonly queues: NvmeQueues;
	private readonly values = new Map<number, number>(Object.values(FEATURE).map(feature => [feature, 0]));

	constructor(queues: NvmeQueues) {
		this.queues = queues;
		this.values.set(FEATURE.ASYNC_EVENTS, ALL_EVENTS);
	}

	/** A reset forgets events, and keeps what was set. */
	reset(): void {
		this.posted = undefined;
	}

	get({cdw: [what]}: Command): Outcome {
		const feature = what & 0xff;
		const value = this.values.get(feature);
		if (value === undefined) return {code: SC.INVALID_FIELD, value: 0};
		const select = (what >>> 8) & 0x7;
		const supported = select === SELECT_SUPPORTED && feature === FEATURE.ERROR_RECOVERY;
		return {code: SC.SUCCESS, value: supported ? OF_NAMESPACE : value};
	}

	set({nsid, cdw: [what, asked]}: Command): Outcome {
		const feature = what & 0xff;
		const ofNamespace = feature === FEATURE.ERROR_RECOVERY;
		if (feature > LAST_FEATURE || (ofNamespace && nsid === ALL_NAMESPACES))
			return {code: SC.INVALID_FIELD, value: 0};
		if (!ofNamespace && nsid !== 0 && nsid !== ALL_NAMESPACES)
			return {code: SC.FEATURE_NOT_OF_NAMESPACE, value: 0};
		const code = this.apply(feature, asked);
		if (code !== SC.SUCCESS) return {code, value: 0};
		if (feature !== FEATURE.NUMBER_OF_QUEUES) {
			this.values.set(feature, asked);
			return {code, value: 0};
		}
		const value = ((this.queues.submissions - 1) | ((this.queues.completions - 1) << 16)) >>> 0;
		this.values.set(feature, value);
		return {code, value};
	}

	/** pci_nvme_aen_process. @returns what the completion of a request for events says, once, where there is an event. */
	takeEvent(): number | undefined {
		const warning = this.posted;
		const mask = this.values.get(FEATURE.ASYNC_EVENTS) ?? 0;
		if (warning === undefined || (warning & mask & 0xff) === 0) return undefined;
		this.posted = undefined;
		return (LOG.HEALTH << 16) | (warning << 8) | EVENT_HEALTH;
	}

	private apply(feature: number, asked: number): number {
		switch (feature) {
			case FEATURE.NUMBER_OF_QUEUES:
				return this.setQueues(asked & 0xffff, asked >>> 16);
			case FEATURE.TEMPERATURE_THRESHOLD:
				return this.setThreshold(asked);
			case FEATURE.INTERRUPT_VECTOR:
				return this.checkVector(asked & 0xffff, (asked & 0x1_0000) !== 0);
			case FEATURE.ASYNC_EVENTS:
				return asked & ENDURANCE_GROUP_EVENT ? SC.INVALID_FIELD : SC.SUCCESS;
			default:
				return this.values.has(feature) ? SC.SUCCESS : SC.INVALID_FIELD;
		}
	}

	/** Both counts start from 0, and are set once after each reset. The first stays where the second is wrong. */
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

	private setThreshold(asked: number): number {
		const [threshold, sensor, type] = [asked & 0xffff, (asked >>> 16) & 0xf, (asked >>> 20) & 0x3];
		if ((sensor !== 0 && sensor !== 0xf) || type > 1) return SC.INVALID_FIELD;
		const past = type === 0 ? TEMPERATURE >= threshold : TEMPERATURE <= threshold;
		this.warning = past ? WARNING_TEMPERATURE : 0;
		if (past) this.posted ??= this.warning;
		return SC.SUCCESS;
	}

	/** The administrator's interrupt is never coalesced, and others are some completion queue's. */
	private checkVector(vector: number, coalescingOff: boolean): number {
		if (vector > MAX_QUEUES + 1 || (vector === 0 && !coalescingOff)) return SC.INVALID_FIELD;
		return this.queues.hasVector(vector) ? SC.SUCCESS : SC.INVALID_FIELD;
	}
}
