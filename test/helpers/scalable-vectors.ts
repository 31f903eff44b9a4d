// Translation vectors of VT-d's scalable mode, held against the walk that the dashboard shows. What hardware writes on its
// way, accessed and dirty bits, the walk names, and the run sets.

import {isScalable, scalableStart, scalableTables} from '../../source/explain/walk-scalable.js';
import {type EntryRead, qwordText} from '../../source/explain/walk-steps.js';
import {type Halves, hex, hexHalves} from '../../source/formats/address.js';
import {ridText} from '../../source/formats/pci.js';
import {tableMode} from '../../source/formats/vtd-scalable.js';
import type {Memory} from '../../source/hardware/memory.js';
import type {VtdUnit} from '../../source/machine/tables.js';
import {messageOf, UserError} from '../../source/user-error.js';
import {fields, halves, list, memoryOf, number, parseWords, type Word} from './vectors.js';

type Probe = {rid: number; iova: Halves; write: boolean; want: Answer};
/** `refused`: for a reason that the vectors do not tell. */
type Answer = {hpa: number} | {fault: number} | 'blocked' | 'refused';
export type ScalableScene = {unit: VtdUnit; words: Word[]; probes: Probe[]; accessed: Word[]};

export const isScalableFile = (text: string): boolean => /"mode"\s*:\s*"scalable"/.test(text.slice(0, 400));

/** @throws UserError if the file is not one of vectors */
export function parseScalable(name: string, text: string): ScalableScene[] {
	try {
		const file = fields(JSON.parse(text));
		if (file.iommu !== 'vt-d' || file.mode !== 'scalable') throw new Error('not of VT-d’s scalable mode');
		const width = number(file.addressWidth);
		return list(file.scenes).map(scene => parseScene(width, scene));
	} catch (error) {
		throw new UserError(`${name} holds no vectors: ${messageOf(error)}.`);
	}
}

function parseScene(hostAddressWidth: number, value: unknown): ScalableScene {
	const scene = fields(value);
	const [cap, ecap, rtaddr] = [halves(scene.cap), halves(scene.ecap), number(scene.rtaddr)];
	if (tableMode(rtaddr) !== 'scalable') throw new Error(`rtaddr ${hex(rtaddr)} is not of scalable mode`);
	const unit: VtdUnit = {
		format: 'vt-d',
		enabled: true,
		table: rtaddr - (rtaddr % 4096),
		capLo: cap.lo,
		capHi: cap.hi,
		ecapLo: ecap.lo,
		ecapHi: ecap.hi,
		hostAddressWidth,
	};
	return {
		unit,
		words: parseWords(scene.memory),
		accessed: scene.accessed === undefined ? [] : parseWords(scene.accessed),
		probes: list(scene.probes).map(each => {
			const probe = fields(each);
			return {
				rid: number(probe.sid),
				iova: halves(probe.iova),
				write: probe.access === 'write',
				want: answerOf(probe),
			};
		}),
	};
}

function answerOf({blocked, refused, hpa, fault}: Record<string, unknown>): Answer {
	if (blocked === true) return 'blocked';
	if (refused === true) return 'refused';
	return hpa === undefined ? {fault: number(fault)} : {hpa: number(hpa)};
}

/** Probes a scene. `disagree` receives each different result. @returns the number of equal ones */
export function runScalable(
	{unit, words, probes, accessed}: ScalableScene,
	disagree: (lines: string) => void,
): number {
	const memory = memoryOf(words);
	let agreed = 0;
	for (const probe of probes) {
		const steps: EntryRead[] = [];
		const got = probeOnce(memory, unit, probe, steps);
		if (same(got, probe.want)) agreed++;
		else disagree(explain(probe, got, steps));
		for (const {entryAddress, sets = 0} of steps)
			if (sets !== 0) memory.setU32(entryAddress, memory.u32(entryAddress) | sets);
	}
	for (const {at, value} of accessed) {
		const now = {lo: memory.u32(at), hi: memory.u32(at + 4)};
		if (now.lo !== value.lo || now.hi !== value.hi)
			disagree(`after all probes ${hex(at)} is here ${hexHalves(now)}, there ${hexHalves(value)}`);
	}
	return agreed;
}

function probeOnce(memory: Memory, unit: VtdUnit, {rid, iova, write}: Probe, steps: EntryRead[]): Answer {
	if (!isScalable(unit)) throw new Error('the unit is not in scalable mode');
	const start = scalableStart(memory, unit, rid, steps);
	const end = start.to === 'tables' ? scalableTables(memory, unit, start, {iova, write}, steps) : start;
	if (end.to === 'page') return {hpa: end.hpa};
	if (end.to === 'memory') return {hpa: iova.hi * 2 ** 32 + iova.lo};
	return end.unrecorded === undefined ? {fault: end.reason} : 'blocked';
}

const same = (got: Answer, want: Answer): boolean =>
	want === 'refused'
		? typeof got === 'string' || 'fault' in got
		: JSON.stringify(got) === JSON.stringify(want);

const answerText = (answer: Answer): string =>
	typeof answer === 'string' ? answer : 'hpa' in answer ? `hpa ${hex(answer.hpa)}` : `fault ${answer.fault}`;

const explain = ({rid, iova, write, want}: Probe, got: Answer, steps: readonly EntryRead[]): string =>
	[
		`${ridText(rid)} ${write ? 'write' : 'read'} ${hexHalves(iova)}: here ${answerText(got)}, there ${answerText(want)}`,
		...steps.map(
			({at, entryAddress, raw, verdict = ''}) =>
				`  ${typeof at === 'number' ? `level ${at}` : at} at ${hex(entryAddress)}: ${raw.map(qwordText).join(' ')} ${verdict}`,
		),
	].join('\n');
