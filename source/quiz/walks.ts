// Questions about walks: where an access leads, and what a fault means, from a dump of the tables' bytes.

import {causeOf} from '../explain/cause.js';
import {explainWalk, type Walk} from '../explain/walk.js';
import {hex, PAGE_SIZE} from '../formats/address.js';
import {ridText} from '../formats/pci.js';
import type {Lab} from '../lab/lab.js';
import {POLICIES} from '../machine/command.js';
import type {MachineState} from '../machine/observed.js';
import type {Bench} from './bench.js';
import {TRANSLATING} from './bench.js';
import {type Exercise, FLAWS, writeExercise} from './exercise-tables.js';
import {below, LETTERS, pick, type Question} from './question.js';

type Random = () => number;
type Asked = {lab: Lab; state: MachineState; walk: Walk; name: string};

export function walkQuestion(bench: Bench, random: Random): Question {
	const asked = anAccess(bench, random, {written: 0.75, sound: 0.6});
	const {end} = asked.walk;
	return {
		topic: 'walk',
		given: givenOf(asked),
		lines: dumpOf(asked),
		asks: 'Which physical address does it reach? If it is refused, answer: fault.',
		choices: [],
		answer: end.kind === 'memory' ? hex(end.hpa) : 'fault',
		because: end.sentence,
	};
}

/** What is behind a fault, as a choice. */
const CAUSES = [
	['no domain', 'the function has no tables'],
	['too wide', 'the address is wider than the tables translate'],
	['not mapped', 'nothing is mapped at the address'],
	['not allowed', 'an entry on the way denies this access'],
	['bad entry', 'an entry has bits set that are reserved'],
] as const;

export function faultQuestion(bench: Bench, random: Random): Question {
	const shares = {written: 0.9, sound: 0};
	let asked = anAccess(bench, random, shares);
	while (asked.walk.end.kind !== 'fault') asked = anAccess(bench, random, shares);
	const {end} = asked.walk;
	const cause = causeIn(asked.walk);
	const code = end.kind === 'fault' ? `${end.reason} (${end.text})` : '';
	const what = asked.state.iommu === 'vt-d' ? 'reason' : 'event';
	return {
		topic: 'fault',
		given: `${givenOf(asked)} The IOMMU refuses it with ${what} ${code}.`,
		lines: dumpOf(asked),
		asks: 'What does the fault mean? Answer with a letter.',
		choices: CAUSES.map(([, words]) => words),
		answer: LETTERS.charAt(CAUSES.findIndex(([id]) => id === cause)),
		because: end.sentence,
	};
}

/** Some reasons are the same for different causes; the last entry tells them apart. */
function causeIn({end, steps}: Walk): (typeof CAUSES)[number][0] {
	const cause = end.kind === 'fault' ? causeOf(end.text) : 'not mapped';
	const last = steps.at(-1);
	const [[lo, hi] = [0, 0]] = last?.raw ?? [];
	if (cause === 'not mapped' && typeof last?.at !== 'number') return 'too wide';
	if (cause === 'not mapped' && (lo | hi) !== 0) return 'not allowed';
	return cause === 'interrupt' ? 'not allowed' : cause;
}

/** How many accesses are of tables written for the exercise, and how many of those tables are sound. */
type Shares = {written: number; sound: number};
const INTERRUPTS = 0xfee00000;

/** An access of a function of the lab, or of one whose tables are written for the exercise. */
function anAccess(bench: Bench, random: Random, shares: Shares): Asked {
	const lab = bench.lab(pick(random, TRANSLATING));
	lab.dispatch({do: 'policy', policy: pick(random, POLICIES)});
	const state = lab.state();
	const {rid, iova, write} =
		random() < shares.written
			? writeExercise(lab.memory, state, random, random() < shares.sound ? 'none' : pick(random, FLAWS))
			: ofTheLab(state, random);
	// What is there is not looked up in any table.
	if (iova >= INTERRUPTS && iova < INTERRUPTS + 2 ** 20) return anAccess(bench, random, shares);
	const name = state.devices.find(device => device.rid === rid)?.name ?? 'A device';
	return {lab, state, name, walk: explainWalk(lab.memory, state, rid, iova, write)};
}

function ofTheLab({devices, owned}: MachineState, random: Random): Exercise {
	const {rid, vm} = pick(random, devices);
	const {hpa, pages} = pick(random, owned);
	const address =
		vm === undefined ? hpa + below(random, pages) * PAGE_SIZE : below(random, 0x5000) * PAGE_SIZE;
	return {rid, iova: address + below(random, 1024) * 4, write: random() < 0.5};
}

function givenOf({state, name, walk: {rid, iova, write}}: Asked): string {
	const {unit} = state;
	const tables =
		unit?.format === 'vt-d'
			? `VT-d, legacy mode: the root table is at ${hex(unit.table)}.`
			: `AMD-Vi: the device table is at ${hex(unit?.table ?? 0)}.`;
	return `${tables} ${name} (${ridText(rid)}) ${write ? 'writes to' : 'reads'} ${hex(iova)}.`;
}

const ROW = 16;
const ROWS = 4;

/** The bytes around each entry of the walk. */
function dumpOf({lab, walk}: Asked): string[] {
	return walk.steps.flatMap(({entryAddress}) => {
		const from = entryAddress - (entryAddress % (ROW * ROWS));
		const bytes = lab.memory.view(from, ROW * ROWS);
		return [
			...Array.from({length: ROWS}, (_, row) => {
				const digits = [...bytes.subarray(row * ROW, (row + 1) * ROW)].map(byte =>
					byte.toString(16).padStart(2, '0'),
				);
				const address = (from + row * ROW).toString(16).padStart(8, '0');
				return `${address}  ${digits.slice(0, 8).join(' ')}  ${digits.slice(8).join(' ')}`;
			}),
			'',
		];
	});
}
