// The faults that a QEMU machine's IOMMU still holds: in VT-d's fault recording registers, or in AMD-Vi's event log.
// Reading clears nothing.

import {pageAddress} from '../../formats/address.js';
import * as amdvi from '../../formats/amdvi.js';
import type {Rid} from '../../formats/pci.js';
import * as vtd from '../../formats/vtd.js';
import {faultText} from '../../formats/vtd-reasons.js';
import type {Fault, FaultLog} from '../../machine/fault.js';
import type {VtdUnit} from '../../machine/tables.js';
import type {TableView} from '../tables/table-pages.js';
import type {UnitPlace} from './iommu.js';
import {printedWords, type Qmp} from './qmp.js';

/** A record in hardware and its position there; `pending` until the guest's kernel has handled it. */
type Recorded = Pick<Fault, 'rid' | 'iova' | 'write' | 'reason' | 'text'> & {slot: number; pending: boolean};
export type FaultRecords = {log: FaultLog; records: readonly Recorded[]};

/**
 * The fault recording registers of VT-d. Linux clears only a record's F bit, so the fault itself can be read until the
 * next one overwrites it. A record is 16 bytes, and zero before its first fault.
 */
export async function vtdFaults(qmp: Qmp, {base}: UnitPlace, unit: VtdUnit): Promise<FaultRecords> {
	const {fro, records: total} = vtd.decodeCap(unit.capLo, unit.capHi);
	const [[status], words] = await Promise.all([
		printedWords(qmp, base + vtd.REG.FSTS, 1),
		printedWords(qmp, base + fro, total * 4),
	]);
	const records: Recorded[] = [];
	let used = 0;
	for (let at = 0; at < words.length; at += 4) {
		const [w0, w1, w2, w3] = words.slice(at, at + 4);
		const pending = (w3 & vtd.FRCD_F) !== 0;
		if (pending) used++;
		const record = vtd.decodeFaultRecord(w0, w1, w2, w3 | vtd.FRCD_F);
		if (record === undefined || (w0 | w1 | w2 | w3) === 0) continue;
		const {rid, iova, reason, read} = record;
		records.push({
			slot: at,
			pending,
			rid,
			iova,
			reason,
			write: !read,
			text: faultText(reason) ?? `reason ${reason}`,
		});
	}
	const overflow = (status & vtd.FSTS_PFO) !== 0;
	return {log: {kind: 'registers', total, used, overflow, kernelLines: []}, records};
}

/** Linux zeroes the events it has handled. QEMU 7.2 does not show its write position, so the whole log is read. */
export async function amdviFaults(qmp: Qmp, {base}: UnitPlace, view: TableView): Promise<FaultRecords> {
	const [[lo, hi], [status]] = await Promise.all([
		printedWords(qmp, base + amdvi.REG.EVENT_BASE, 2),
		printedWords(qmp, base + amdvi.REG.STATUS, 1),
	]);
	const bytes = amdvi.ringBytes(hi);
	const start = pageAddress(lo, hi);
	const records: Recorded[] = [];
	let used = 0;
	for (let at = 0; start !== 0 && at < bytes; at += 4096) {
		const words = (await view.at(start + at))?.words ?? new Uint32Array(0);
		for (let i = 0; i < Math.min(words.length, (bytes - at) / 4); i += 4) {
			if ((words[i] | words[i + 1] | words[i + 2] | words[i + 3]) === 0) continue;
			used++;
			const event = amdvi.decodeEvent(words[i], words[i + 1], words[i + 2], words[i + 3]);
			records.push({
				slot: start + at + 4 * i,
				pending: true,
				rid: event.rid,
				iova: event.address,
				write: (event.flags & amdvi.FLAG.RW) !== 0,
				reason: event.type,
				text: amdvi.eventText(event.type, event.flags),
			});
		}
	}
	const overflow = (status & amdvi.STATUS.EVENT_OVERFLOW) !== 0;
	const total = bytes / amdvi.ENTRY_BYTES;
	return {log: {kind: 'event log', total, used, overflow, kernelLines: []}, records};
}

const MOST = 1000;

/**
 * The faults of all views. A repeated fault in the same position counts as new only where the kernel had handled the
 * one before.
 */
export class FaultHistory {
	private last: ReadonlyMap<number, {key: string; pending: boolean}> = new Map();
	private count = 0;
	faults: readonly Fault[] = [];

	add({records}: FaultRecords, nameOf: (rid: Rid) => string): void {
		const now = new Map<number, {key: string; pending: boolean}>();
		const fresh: Fault[] = [];
		for (const {slot, pending, ...record} of records) {
			const key = [record.rid, record.iova, record.write, record.reason, record.text].join();
			const before = this.last.get(slot);
			if (before?.key !== key || (pending && !before.pending))
				fresh.push({...record, number: ++this.count, device: nameOf(record.rid), recorded: true});
			now.set(slot, {key, pending});
		}
		this.last = now;
		if (fresh.length > 0) this.faults = [...this.faults, ...fresh].slice(-MOST);
	}
}
