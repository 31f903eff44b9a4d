// Questions about policies: which of them gives an outcome.

import {hex} from '../formats/address.js';
import {type DiskCommand, POLICIES} from '../machine/command.js';
import type {Comparison} from '../machine/workload.js';
import {grouped, plural} from '../words.js';
import {type Bench, TRANSLATING} from './bench.js';
import {LETTERS, pick, type Question} from './question.js';

/** What a person at the guest and at the host can see. */
const outcomeOf = ({data, path, landed, copied, faults, missing}: Comparison): string =>
	[
		`The data is ${data}: ${landed === undefined ? 'an unknown number of' : grouped(landed)} bytes arrived,`,
		`by the path "${path}"; the CPU copied ${plural(copied, 'byte')}; ${plural(faults, 'access')} refused;`,
		`${plural(missing, 'page')} of memory missing from the host's domain.`,
	]
		.join(' ')
		.replace('accesss', 'accesses');

export function policyQuestion(bench: Bench, random: () => number): Question {
	const iommu = pick(random, TRANSLATING);
	const lab = bench.lab(iommu);
	const vm = pick(random, lab.state().vms);
	const segments = pick(random, [1, 1, 4]);
	const sectors = pick(random, [8, 64]);
	const command: DiskCommand = {do: 'read', vm: vm.name, lba: 8, sectors, segments, gpa: lab.defaultGpa};
	const results = bench.compare(iommu, command);
	const shown = pick(random, results);
	const outcome = outcomeOf(shown);
	const fits = results.filter(each => outcomeOf(each) === outcome).map(({policy}) => policy);
	const passthru =
		vm.passthru.length > 0 ? `the passthru device ${vm.passthru.join(', ')}` : 'no passthru device';
	return {
		topic: 'policy',
		given: `${iommu}. ${vm.name} has ${passthru} and ${vm.model} on the raw disk. It reads ${plural(sectors, 'sector')} in ${plural(segments, 'segment')} to GPA ${hex(lab.defaultGpa)}. ${outcome}`,
		lines: [],
		asks: 'Under which policy, or policies, can that be? Answer with all letters that fit.',
		choices: POLICIES,
		answer: fits.map(policy => LETTERS.charAt(POLICIES.indexOf(policy))).join(''),
		because: `Under ${fits.join(' and ')} it is so.`,
	};
}
