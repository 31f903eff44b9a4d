// What a QEMU machine's IOMMU has refused, as far as it can still be read: VT-d's fault record registers, AMD-Vi's
// event log. Nothing is cleared.

import {pageAddress} from '../formats/address.js';
import * as amdvi from '../formats/amdvi.js';
import type {Rid} from '../formats/pci.js';
import * as vtd from '../formats/vtd.js';
import type {Fault, FaultLog, VtdUnit} from '../seam/observed.js';
import type {UnitPlace} from './qemu-iommu.js';
import {printedWords, type Qmp} from './qmp.js';
import type {Look} from './table-pages.js';

/** A record as it stands in hardware. */
type Recorded = Pick<Fault, 'rid' | 'iova' | 'write' | 'reason' | 'text'>;
export type FaultsSeen = {log: FaultLog; records: readonly Recorded[]};

/**
 * The records of VT-d's registers. Linux clears the F bit of each as it takes it, and nothing else: what the fault was
 * stays there until the next one, so that it is seen all the same. A record is 16 bytes, and zero before its first fault.
 */
export async function vtdFaults(qmp: Qmp, {base}: UnitPlace, unit: VtdUnit): Promise<FaultsSeen> {
	const {fro, records: total} = vtd.decodeCap(unit.capLo, unit.capHi);
	const [status] = await printedWords(qmp, base + vtd.REG.FSTS, 1);
	const words = await printedWords(qmp, base + fro, total * 4);
	const records: Recorded[] = [];
	let used = 0;
	for (let at = 0; at < words.length; at += 4) {
		const [w0, w1, w2, w3] = words.slice(at, at + 4);
		if ((w3 & vtd.FRCD_F) !== 0) used++;
		const record = vtd.decodeFaultRecord(w0, w1, w2, w3 | vtd.FRCD_F);
		if (record === undefined || (w0 | w1 | w2 | w3) === 0) continue;
		const {rid, iova, reason, read} = record;
		records.push({rid, iova, reason, write: !read, text: vtd.reasonText(reason)});
	}
	const overflow = (status & vtd.FSTS_PFO) !== 0;
	return {log: {kind: 'registers', total, used, overflow, kernelLines: []}, records};
}

/** Events that Linux has taken are zero. QEMU 7.2 does not show how far it has written: the whole log is looked at. */
export async function amdviFaults(qmp: Qmp, {base}: UnitPlace, look: Look): Promise<FaultsSeen> {
	const [lo, hi] = await printedWords(qmp, base + amdvi.REG.EVENT_BASE, 2);
	const [status] = await printedWords(qmp, base + amdvi.REG.STATUS, 1);
	const bytes = amdvi.ringBytes(hi);
	const start = pageAddress(lo, hi);
	const records: Recorded[] = [];
	let used = 0;
	for (let at = 0; start !== 0 && at < bytes; at += 4096) {
		const words = (await look.at(start + at))?.words ?? new Uint32Array(0);
		for (let i = 0; i < Math.min(words.length, (bytes - at) / 4); i += 4) {
			if ((words[i] | words[i + 1] | words[i + 2] | words[i + 3]) === 0) continue;
			used++;
			const event = amdvi.decodeEvent(words[i], words[i + 1], words[i + 2], words[i + 3]);
			records.push({
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

/** All faults that were seen, as records came and went. One that is the same as another in its place is not told from it. */
export class FaultsKept {
	private last = new Set<string>();
	private count = 0;
	faults: readonly Fault[] = [];

	add({records}: FaultsSeen, nameOf: (rid: Rid) => string): void {
		const now = new Set<string>();
		const fresh: Fault[] = [];
		for (const record of records) {
			const key = [record.rid, record.iova, record.write, record.reason, record.text].join();
			if (!this.last.has(key) && !now.has(key))
				fresh.push({...record, number: ++this.count, device: nameOf(record.rid), recorded: true});
			now.add(key);
		}
		this.last = now;
		if (fresh.length > 0) this.faults = [...this.faults, ...fresh].slice(-MOST);
	}
}
