// Another AMD-Vi unit's results for probes of device tables and page tables that are given word by word.

import {type Halves, hex} from '../../source/formats/address.js';
import {CONTROL, REG, refusalType} from '../../source/formats/amdvi.js';
import {ridText} from '../../source/formats/pci.js';
import {Amdvi} from '../../source/hardware/amdvi.js';
import {Memory} from '../../source/hardware/memory.js';
import {messageOf, UserError} from '../../source/user-error.js';
import {fields, halves, list, number} from './vectors.js';

/** The result of an access: an address, or refused, with the event's type where it is told. */
type Answer = {hpa: string} | {event?: number};
type Probe = {rid: number; iova: Halves; write: boolean; want: Answer};
export type AmdviScene = {table: Halves; words: {at: number; value: Halves}[]; probes: Probe[]};

const MEMORY = 256 * 1024 ** 2;
const text64 = ({lo, hi}: Halves): string => `0x${((BigInt(hi) << 32n) | BigInt(lo >>> 0)).toString(16)}`;

/** @throws UserError if the file is not one of AMD-Vi vectors */
export function parseAmdvi(name: string, text: string): AmdviScene[] {
	try {
		const file = fields(JSON.parse(text));
		if (file.iommu !== 'amd-vi') throw new Error(`iommu is ${JSON.stringify(file.iommu)}`);
		return parseScenes(file.scenes);
	} catch (error) {
		throw new UserError(`${name} holds no vectors: ${messageOf(error)}.`);
	}
}

const parseScenes = (scenes: unknown): AmdviScene[] =>
	list(scenes).map(each => {
		const scene = fields(each);
		return {
			table: halves(scene.devtab),
			words: list(scene.memory).map(pair => {
				const [at, word] = list(pair);
				return {at: number(at), value: halves(word)};
			}),
			probes: list(scene.probes).map(one => {
				const probe = fields(one);
				const event = probe.event === undefined ? {} : {event: number(probe.event)};
				const want: Answer = probe.hpa === undefined ? event : {hpa: text64(halves(probe.hpa))};
				return {rid: number(probe.sid), iova: halves(probe.iova), write: probe.access === 'write', want};
			}),
		};
	});

/** Probes a scene. `disagree` receives each different result. @returns the number of equal ones */
export function runAmdviScene({table, words, probes}: AmdviScene, disagree: (lines: string) => void): number {
	const memory = new Memory(MEMORY);
	for (const {at, value} of words) {
		if (!memory.has(at, 8)) continue;
		memory.setU32(at, value.lo);
		memory.setU32(at + 4, value.hi);
	}
	const unit = new Amdvi(memory);
	unit.write32(REG.DEVICE_TABLE, table.lo);
	unit.write32(REG.DEVICE_TABLE + 4, table.hi);
	unit.write32(REG.CONTROL, CONTROL.IOMMU_EN);
	let agreed = 0;
	for (const {rid, iova, write, want} of probes) {
		const answer = unit.translateHalves(rid, iova, write);
		const got = typeof answer === 'number' ? {event: refusalType(-answer)} : {hpa: text64(answer)};
		const same =
			'hpa' in want
				? 'hpa' in got && got.hpa === want.hpa
				: 'event' in got && (want.event ?? got.event) === got.event;
		if (same) agreed++;
		else
			disagree(
				`${ridText(rid)} ${write ? 'write' : 'read'} ${text64(iova)}: here ${JSON.stringify(got)}, there ${JSON.stringify(want)}; device table ${hex(table.lo)}`,
			);
	}
	return agreed;
}
