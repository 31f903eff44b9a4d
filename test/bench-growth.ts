// How costs grow with the work: each is measured at one size and at twice or four times that, one after the other,
// round after round. Twice the work is to cost at most 2.2 times as much, and what does not depend on the size nothing
// more.

import {memoryMap} from '../source/explain/memory-map.js';
import {viewDomain} from '../source/explain/ranges.js';
import {Disk} from '../source/hardware/disk.js';
import {sampleDisk} from '../source/lab/build/sample-disk.js';
import {defaultSpec} from '../source/lab/build/spec.js';
import {Lab} from '../source/lab/lab.js';
import type {Mapping} from '../source/machine/tables.js';

const MIB = 1024 ** 2;
const GIB = 1024 ** 3;
const ROUNDS = 9;
const GUESTS = [64, 256] as const;
const MEMORY = [16, 64] as const;
const HOLES = [500_000, 1_000_000] as const;
/** As many as a map at 300×100 has, two a character. */
const CELLS = 300 * 100 * 2;

/** One cost at two sizes of the work. `ratio` has the costs, `work` the sizes. */
export type Growth = {
	what: string;
	sizes: string;
	small: number;
	large: number;
	unit: string;
	ratio: number;
	work: number;
};

const median = (values: readonly number[]): number => values.toSorted((a, b) => a - b)[values.length >> 1];

/** Milliseconds of this process, as others may use the cores. */
function cpuOf(work: () => void): number {
	const before = process.cpuUsage();
	work();
	const {user, system} = process.cpuUsage(before);
	return (user + system) / 1000;
}

function curve(
	what: string,
	sizes: readonly [number, number],
	name: string,
	unit: string,
	works: readonly (() => number)[],
): Growth {
	const rounds = Array.from({length: ROUNDS}, () => works.map(work => work()));
	const [small, large] = works.map((_, i) => median(rounds.map(round => round[i])));
	return {
		what,
		sizes: `${sizes.join(' → ')} ${name}`,
		small,
		large,
		unit,
		ratio: large / small,
		work: sizes[1] / sizes[0],
	};
}

const open = (spec: Lab['spec']): Lab => new Lab(spec, {disk: Disk.open(sampleDisk()), sample: true});

/** Guests with a passthru device each. */
function withGuests(count: number): Lab {
	const spec = defaultSpec(4 * GIB);
	const pptdevs = Array.from({length: count}, (_, i) => `${4 + (i >> 5)}:${i & 31}:0`);
	const guests = pptdevs.map((_, i) => ({
		...spec.guests[0],
		name: `vm${i}`,
		memory: 8 * MIB,
		passthru: [`ppt${i}`],
	}));
	return open({...spec, pptdevs, guests});
}

/** A host domain in which every second page is missing. */
function withHoles(count: number) {
	const mappings = Array.from({length: count}, (_, i): Mapping => {
		const hpa = 4 * GIB + i * 8192;
		return {iova: hpa, hpa, pages: 1, read: true, write: true};
	});
	const domain = {id: 2, role: 'host', format: 'vt-d', root: 4096, levels: 4, mappings} as const;
	const owned = [{hpa: 4 * GIB, pages: 2 * count, owner: 'vm0'}];
	return () => viewDomain({page: () => undefined}, owned, domain);
}

export function growthFigures(): Growth[] {
	const guests = GUESTS.map(withGuests);
	const memory = MEMORY.map(size => open(defaultSpec(size * GIB)));
	const holes = HOLES.map(withHoles);
	const curves = [
		curve(
			'100 reads',
			GUESTS,
			'guests',
			'ms',
			guests.map(
				lab => () =>
					cpuOf(() => {
						for (let i = 0; i < 100; i++)
							lab.dispatch({do: 'read', vm: 'vm1', lba: 0, sectors: 8, segments: 1, gpa: MIB});
					}),
			),
		),
		curve(
			'a switch to keep and back',
			GUESTS,
			'guests',
			'ms',
			guests.map(
				lab => () =>
					cpuOf(() => {
						lab.dispatch({do: 'policy', policy: 'keep'});
						lab.dispatch({do: 'policy', policy: 'remove'});
					}),
			),
		),
		curve(
			'the map of memory, 60,000 cells',
			GUESTS,
			'guests',
			'ms',
			guests.map(lab => {
				const state = lab.state();
				const host = state.domains.find(({role}) => role === 'host');
				const view = host && viewDomain(lab.memory, state.owned, host);
				return () => cpuOf(() => void memoryMap(state, view, CELLS));
			}),
		),
		curve(
			'the unmap of a page, 10 times',
			MEMORY,
			'GiB',
			'ms',
			memory.map(
				lab => () =>
					cpuOf(() => {
						for (let i = 0; i < 10; i++)
							lab.dispatch({do: 'unmap', from: 'guest', vm: 'vm0', gpa: MIB, pages: 1, invalidate: true});
					}),
			),
		),
		curve(
			'the rows of a domain',
			HOLES,
			'holes',
			'ms',
			holes.map(view => () => cpuOf(() => void view())),
		),
	];
	for (const lab of [...guests, ...memory]) lab.close();
	return curves;
}

const figure = (value: number): string => value.toFixed(value < 100 ? 1 : 0);

export const growthLines = (curves: readonly Growth[]): string[] => [
	'growth',
	...curves.map(
		({what, sizes, small, large, unit, ratio, work}) =>
			`    ${what.padEnd(32)}${sizes.padEnd(26)}${figure(small).padStart(7)} → ${figure(large).padStart(6)} ${unit}  ×${ratio.toFixed(2)} for ×${work}`,
	),
];
