// Every expectation that a step can have: its name, its values, and its check.

import * as z from 'zod/mini';
import {CAUSES, causeOf} from '../../explain/cause.js';
import {viewDomain} from '../../explain/ranges.js';
import type {ObservedMachine} from '../../machine/observed.js';
import type {Expectations} from '../../machine/scenario.js';
import type {OutcomeJson} from '../../outputs.js';
import {about, choice, fields, flag, listOf, parseData, type Schema, text, whole} from '../../parse-data.js';
import {UserError, within} from '../../user-error.js';
import {
	type Context,
	checkWalks,
	consoleUnmet,
	page,
	pageUnmet,
	type Taken,
	walk,
	walkUnmet,
} from './expected-tables.js';
import {outcomeJson, transfersOf} from './step-report.js';

type Expectation = {
	name: string;
	schema: Schema<unknown>;
	/** @throws UserError if the step cannot have such an expectation */
	check: (wanted: unknown, context: Context) => void;
	/** A sentence if the machine does not meet it. */
	unmet: (wanted: unknown, taken: Taken) => string | undefined;
};

function expectation<T>(
	name: string,
	schema: Schema<T>,
	unmet: (wanted: T, taken: Taken) => string | undefined,
	check: (wanted: T, context: Context) => void = () => {},
): Expectation {
	return {
		name,
		schema,
		check: (wanted, context) => check(parseData(schema, wanted, name), context),
		unmet: (wanted, taken) => unmet(parseData(schema, wanted, name), taken),
	};
}

/** A number or a word that must be the same. */
const same = <T extends string | number | boolean>(
	name: string,
	schema: Schema<T>,
	get: (taken: Taken) => T | undefined,
): Expectation =>
	expectation(name, schema, (wanted, taken) => {
		const got = get(taken) ?? 'none';
		return got === wanted ? undefined : `expected ${name} ${wanted}, got ${got}`;
	});

/** The value that the step's line of `--json` has by that name. */
const inOutcome = <Name extends keyof OutcomeJson, T extends string | number | boolean>(
	name: Name,
	schema: Schema<T>,
	get: (outcome: OutcomeJson) => T | undefined,
) => same(name, schema, ({outcome}) => get(outcomeJson(outcome)));

const count = whole(0);
const reason = z.union([choice(CAUSES), whole(0, 255)]);

export const EXPECTATIONS: readonly Expectation[] = [
	inOutcome(
		'data',
		about('what happened to the data', choice(['delivered', 'lost', 'torn', 'failed', 'unchecked'])),
		({data}) => data,
	),
	inOutcome(
		'path',
		about('the path that the data took', choice(['direct', 'bounced', 'copied'])),
		({path}) => path,
	),
	inOutcome('bytes', about('bytes requested', count), ({bytes}) => bytes),
	inOutcome('landed', about('bytes that arrived', count), ({landed}) => landed),
	same('copied', about('bytes that the CPU copied', count), copiedIn),
	inOutcome('faults', about('accesses that the IOMMU refused', count), ({faults}) => faults),
	expectation(
		'reason',
		about('why they were refused: a word for both families, or the hardware’s number', reason),
		reasonUnmet,
	),
	inOutcome('bootable', about('whether the guest found a disk to boot', flag), ({bootable}) => bootable),
	inOutcome('owner', about('the owner of the memory that a dma reached, or none', text), ({owner}) => owner),
	inOutcome(
		'error',
		about('why vmm or bhyve refused', choice(['none', 'ENOENT', 'EBUSY', 'ENXIO', 'unwired'])),
		({error}) => error,
	),
	same(
		'domains',
		about('the number of domains after the step', count),
		({machine}) => machine.state().domains.length,
	),
	same(
		'missing',
		about('pages of memory that the host’s domain does not map after the step', count),
		({machine}) => missingIn(machine),
	),
	expectation('page', about('the owner of a page of host memory after the step', listOf(page)), pageUnmet),
	expectation(
		'walk',
		about('where the tables lead an access after the step', listOf(walk)),
		walkUnmet,
		checkWalks,
	),
	expectation(
		'console',
		about('text that the guest has printed since it last looked for a disk', listOf(text)),
		consoleUnmet,
	),
	expectation(
		'equals',
		about('the number of an earlier step with the same result', whole(1, 1_000_000)),
		equalsUnmet,
		checkEquals,
	),
];

export const expectations = fields(
	Object.fromEntries(EXPECTATIONS.map(({name, schema}) => [name, z.optional(schema)])),
);

/** @throws UserError if a step after these commands cannot be held to the expectations */
export function checkExpectations(expect: Expectations, context: Context): void {
	for (const {name, check} of EXPECTATIONS)
		if (Object.hasOwn(expect, name)) within(name, () => check(expect[name], context));
}

/** The expectations of a step that were not met, each as a sentence. */
export const unmet = (expect: Expectations, taken: Taken): string[] =>
	EXPECTATIONS.filter(({name}) => Object.hasOwn(expect, name))
		.map(({name, unmet}) => unmet(expect[name], taken))
		.filter(sentence => sentence !== undefined);

function copiedIn({outcome}: Taken): number | undefined {
	if (outcome.kind === 'work') return outcome.work.copied;
	const transfers = transfersOf(outcome);
	return transfers.length === 0 ? undefined : transfers.reduce((sum, {copied}) => sum + copied, 0);
}

/** Pages of memory that the host's domain does not map. */
function missingIn(machine: ObservedMachine): number {
	const {domains, owned} = machine.state();
	const host = domains.find(({role}) => role === 'host');
	return host ? viewDomain(machine.memory, owned, host).removedPages : 0;
}

/** Every fault of the step's transfers that is still logged must have the reason. */
function reasonUnmet(wanted: number | string, {outcome, machine}: Taken): string | undefined {
	const numbers = new Set<number | undefined>(transfersOf(outcome).map(({number}) => number));
	const faults = machine.state().faults.filter(({transfer}) => numbers.has(transfer));
	const got = new Set<number | string>(
		faults.map(({reason, text}) => (typeof wanted === 'number' ? reason : causeOf(text))),
	);
	if (got.size === 1 && got.has(wanted)) return undefined;
	return `expected reason ${wanted}, got ${[...got].join(' and ') || 'none'}`;
}

/** What two equal steps have in common. */
const EQUAL = ['data', 'path', 'bytes', 'landed', 'faults'] as const;
const MOVES_DATA = ['read', 'write', 'delete', 'dma', 'boot', 'work'];

function equalsUnmet(number: number, {outcome, earlier}: Taken): string | undefined {
	const now = outcomeJson(outcome);
	const other = earlier[number - 1];
	const before = other === undefined ? {} : outcomeJson(other);
	const unequal = EQUAL.filter(name => now[name] !== before[name]).map(
		name => `${name} ${before[name] ?? 'none'}, got ${now[name] ?? 'none'}`,
	);
	return unequal.length === 0 ? undefined : `expected the result of step ${number}: ${unequal.join('; ')}`;
}

function checkEquals(number: number, {commands}: Context): void {
	const moves = commands.flatMap(({do: verb}, i) => (MOVES_DATA.includes(verb) ? [i + 1] : []));
	const own = commands.length;
	if (!moves.includes(own)) throw new UserError('equals needs a step that moves data; this step does not.');
	if (number < own && moves.includes(number)) return;
	const known = moves.filter(step => step < own);
	const use =
		known.length === 0
			? 'no earlier step moves data'
			: `use ${known.length < 15 ? known.join(', ') : `1 to ${own - 1}`}`;
	throw new UserError(`equals is ${number}, which is not an earlier step that moves data; ${use}.`);
}
