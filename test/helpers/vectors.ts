// Translation vectors: another IOMMU's results for probes of tables that are given word by word.

import {type Halves, HIGH, hex, pageAddress, pageOf} from '../../source/formats/address.js';
import {ridText} from '../../source/formats/pci.js';
import {contextLevels, contextType, PTE_PS, REG, reasonText, SRTP, TE} from '../../source/formats/vtd.js';
import {Memory} from '../../source/hardware/memory.js';
import {Vtd} from '../../source/hardware/vtd.js';
import {messageOf, UserError} from '../../source/user-error.js';

type Probe = {rid: number; iova: number; write: boolean; want: Answer};
/** The result of an access: an address, a fault's reason, or refused without a record. */
type Answer = {hpa: number} | {fault: number} | 'blocked';
type Scene = {root: number; words: Word[]; probes: Probe[]};
export type Vectors = {width: number; cap: Halves; ecap: Halves; scenes: Scene[]};

/** @throws UserError if the file is not one of vectors */
export function parseVectors(name: string, text: string): Vectors {
	try {
		const file = fields(JSON.parse(text));
		if (file.iommu !== 'vt-d') throw new Error(`iommu is ${JSON.stringify(file.iommu)}; only vt-d is known`);
		return {
			width: number(file.addressWidth),
			cap: halves(file.cap),
			ecap: halves(file.ecap),
			scenes: list(file.scenes).map(parseScene),
		};
	} catch (error) {
		throw new UserError(`${name} holds no vectors: ${messageOf(error)}.`);
	}
}

function parseScene(value: unknown): Scene {
	const scene = fields(value);
	return {
		root: number(scene.rtaddr),
		words: parseWords(scene.memory),
		probes: list(scene.probes).map(each => {
			const probe = fields(each);
			const want: Answer =
				probe.blocked === true
					? 'blocked'
					: probe.hpa === undefined
						? {fault: number(probe.fault)}
						: {hpa: number(probe.hpa)};
			return {rid: number(probe.sid), iova: number(probe.iova), write: probe.access === 'write', want};
		}),
	};
}

export type Word = {at: number; value: Halves};

export const parseWords = (value: unknown): Word[] =>
	list(value).map(pair => {
		const [at, word] = list(pair);
		return {at: number(at), value: halves(word)};
	});

export type Fields = Record<string, unknown>;
export function fields(value: unknown): Fields {
	if (typeof value !== 'object' || value === null)
		throw new Error(`expected an object, got ${JSON.stringify(value)}`);
	return {...value};
}
export function list(value: unknown): unknown[] {
	if (!Array.isArray(value)) throw new Error(`expected a list, got ${JSON.stringify(value)}`);
	return value;
}
function bigint(value: unknown): bigint {
	if (typeof value === 'number' || typeof value === 'string') return BigInt(value);
	throw new Error(`expected a number, got ${JSON.stringify(value)}`);
}
export const number = (value: unknown): number => Number(bigint(value));
export const halves = (value: unknown): Halves => ({
	lo: Number(bigint(value) & 0xffffffffn),
	hi: Number(bigint(value) >> 32n),
});

/** The vectors list only words that are not zero. Memory ends at the next power of two. */
const bytesFor = (words: readonly Word[]): number => {
	const last = Math.max(1, ...words.map(({at}) => at + 8));
	return Math.max(256 * 1024 ** 2, 2 ** Math.ceil(Math.log2(last)));
};

export function memoryOf(words: readonly Word[]): Memory {
	const memory = new Memory(bytesFor(words));
	for (const {at, value} of words) {
		if (!memory.has(at, 8)) continue;
		memory.setU32(at, value.lo);
		memory.setU32(at + 4, value.hi);
	}
	return memory;
}

/** Probes a scene. `disagree` receives each different result. @returns the number of equal ones */
export function runScene(vectors: Vectors, scene: Scene, disagree: (lines: string) => void): number {
	const memory = memoryOf(scene.words);
	const unit = new Vtd(memory, {
		capLo: vectors.cap.lo,
		capHi: vectors.cap.hi,
		ecapLo: vectors.ecap.lo,
		hostAddressWidth: vectors.width,
	});
	let logged: number | undefined;
	unit.probe = event => {
		if (event.at === 'fault') logged = event.fault.reason;
	};
	unit.write32(REG.RTADDR, scene.root % HIGH);
	unit.write32(REG.RTADDR + 4, Math.floor(scene.root / HIGH));
	unit.write32(REG.GCMD, SRTP);
	unit.write32(REG.GCMD, TE);
	let agreed = 0;
	for (const probe of scene.probes) {
		logged = undefined;
		const answer = unit.translate(probe.rid, probe.iova, probe.write);
		const got: Answer = answer >= 0 ? {hpa: answer} : logged === undefined ? 'blocked' : {fault: logged};
		if (JSON.stringify(got) === JSON.stringify(probe.want)) agreed++;
		else disagree(explain(memory, scene.root, probe, got));
	}
	return agreed;
}

const answerText = (answer: Answer): string =>
	answer === 'blocked'
		? 'blocked'
		: 'hpa' in answer
			? `hpa ${hex(answer.hpa)}`
			: `fault ${answer.fault} (${reasonText(answer.fault)})`;

/** The walk of one probe, entry by entry, with its bit fields. */
function explain(memory: Memory, root: number, {rid, iova, write, want}: Probe, got: Answer): string {
	const lines = [
		`${ridText(rid)} ${write ? 'write' : 'read'} ${hex(iova)}: here ${answerText(got)}, there ${answerText(want)}`,
	];
	const load = (at: number): Halves | undefined =>
		memory.has(at, 8) ? {lo: memory.u32(at), hi: memory.u32(at + 4)} : undefined;
	const show = (name: string, at: number, entry: Halves | undefined, bits: string): void => {
		const raw = entry
			? `${entry.hi.toString(16).padStart(8, '0')}_${entry.lo.toString(16).padStart(8, '0')}`
			: 'no memory';
		lines.push(`  ${name} at ${hex(at)}: ${raw} ${bits}`);
	};
	const rootAt = pageOf(root) + (rid >> 8) * 16;
	const rootEntry = load(rootAt);
	show('root', rootAt, rootEntry, `P=${(rootEntry?.lo ?? 0) & 1}`);
	if (!rootEntry || !(rootEntry.lo & 1)) return lines.join('\n');
	const at = pageAddress(rootEntry.lo, rootEntry.hi) + (rid & 0xff) * 16;
	const low = load(at);
	const high = load(at + 8);
	show(
		'context',
		at,
		low,
		`P=${(low?.lo ?? 0) & 1} FPD=${((low?.lo ?? 0) >> 1) & 1} TT=${contextType(low?.lo ?? 0)}`,
	);
	show('context', at + 8, high, `AW=${(high?.lo ?? 0) & 7} DID=${((high?.lo ?? 0) >> 8) & 0xffff}`);
	if (!low || !high) return lines.join('\n');
	let table = pageAddress(low.lo, low.hi);
	for (let level = contextLevels(high.lo); level > 0; level--) {
		const entryAt = table + 8 * (Math.floor(iova / 2 ** (12 + 9 * (level - 1))) % 512);
		const entry = load(entryAt);
		const lo = entry?.lo ?? 0;
		show(`level ${level}`, entryAt, entry, `R=${lo & 1} W=${(lo >> 1) & 1} PS=${(lo >> 7) & 1}`);
		if (!entry || !(lo & 3) || lo & PTE_PS) break;
		table = pageAddress(entry.lo, entry.hi);
	}
	return lines.join('\n');
}
