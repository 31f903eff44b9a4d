// Questions about reach: which pages a device can get at, from what its domain maps.

import {type Range, viewDomain} from '../explain/ranges.js';
import {hex, PAGE_SIZE} from '../formats/address.js';
import {ridText} from '../formats/pci.js';
import {POLICIES} from '../machine/command.js';
import {grouped} from '../words.js';
import {type Bench, TRANSLATING} from './bench.js';
import {below, LETTERS, pick, type Question} from './question.js';

const PAGES = 6;
const lastOf = (start: number, pages: number): number => start + pages * PAGE_SIZE - 1;

export function reachQuestion(bench: Bench, random: () => number): Question {
	const iommu = pick(random, TRANSLATING);
	const lab = bench.lab(iommu);
	const policy = pick(random, POLICIES);
	lab.dispatch({do: 'policy', policy});
	const state = lab.state();
	const device = pick(random, state.devices);
	const domain = state.domains.find(({id}) => id === device.domain);
	if (domain === undefined) return reachQuestion(bench, random);
	const ranges = joined(viewDomain(lab.memory, state.owned, domain).ranges);
	// Each page is as likely to be in reach as not.
	const inside = (hpa: number) =>
		ranges.some(range => hpa >= range.hpa && hpa <= lastOf(range.hpa, range.pages));
	const candidates = Array.from({length: PAGES}, () => pageOf(random, random() < 0.5 ? ranges : state.owned));
	const reached = candidates.map(inside);
	return {
		topic: 'reach',
		given: `${iommu}, policy ${policy}. ${device.name} (${ridText(device.rid)}) is in a domain that maps the following, address to physical address. No page has its owner's name on it.`,
		lines: ranges.map(lineOf),
		asks: `Which of these physical pages can ${device.name} reach? Answer with all letters that fit, or none.`,
		choices: candidates.map(hpa => hex(hpa)),
		answer: reached.flatMap((isReached, i) => (isReached ? [LETTERS.charAt(i)] : [])).join('') || 'none',
		because: `A page is in reach if some address leads to it; ${device.name} reaches ${grouped(ranges.reduce((sum, {pages}) => sum + pages, 0))} pages.`,
	};
}

type Run = Pick<Range, 'iova' | 'hpa' | 'pages' | 'read' | 'write'>;

/** What is mapped, without the borders between owners. */
function joined(ranges: readonly Range[]): Run[] {
	const runs: Run[] = [];
	for (const {iova, hpa, pages, read, write} of ranges) {
		const last = runs.at(-1);
		if (!read && !write) continue;
		if (
			last &&
			iova === last.iova + last.pages * PAGE_SIZE &&
			hpa === last.hpa + last.pages * PAGE_SIZE &&
			read === last.read &&
			write === last.write
		)
			runs[runs.length - 1] = {...last, pages: last.pages + pages};
		else runs.push({iova, hpa, pages, read, write});
	}
	return runs;
}

function pageOf(random: () => number, runs: readonly {hpa: number; pages: number}[]): number {
	const {hpa, pages} = pick(random, runs);
	return hpa + below(random, pages) * PAGE_SIZE;
}

const lineOf = ({iova, hpa, pages, read, write}: Run): string =>
	`${hex(iova)}-${hex(lastOf(iova, pages))} -> ${hex(hpa)}-${hex(lastOf(hpa, pages))} ${read ? 'r' : '-'}${write ? 'w' : '-'}`;
