// What a step can be held to: each thing by its name, with what it may be, and what it is held against.

import {CAUSES, causeOf} from '../../explain/cause.js';
import {viewDomain} from '../../explain/ranges.js';
import type {ObservedMachine} from '../../machine/observed.js';
import type {Outcome} from '../../machine/outcome.js';
import type {Expectations} from '../../machine/scenario.js';
import {UserError, within} from '../../user-error.js';
import {
	type Context,
	consoleUnmet,
	page,
	pageUnmet,
	type Seen,
	walk,
	walkMakesSense,
	walkUnmet,
} from './expected-tables.js';
import {type Field, field, fieldsOf, neededIn, schemaOf} from './fields.js';
import {choice, flag, type Kind, listOf, oneOf, text, whole} from './kinds.js';
import {type OutcomeJson, outcomeJson} from './outcome-json.js';

type Expectation = Field<unknown> & {
	/** @throws UserError where it can be asked of no such step */
	check: (wanted: unknown, context: Context) => void;
	/** What is otherwise, as a sentence. */
	unmet: (wanted: unknown, seen: Seen) => string | undefined;
};

function expectation<T>(
	{name, about, kind}: Field<T>,
	unmet: (wanted: T, seen: Seen) => string | undefined,
	check: (wanted: T, context: Context) => void = () => {},
): Expectation {
	return {
		...{name, about, kind},
		check: (wanted, context) => check(kind.read(wanted, name), context),
		unmet: (wanted, seen) => unmet(kind.read(wanted, name), seen),
	};
}

/** One figure or word, and the same of what came of the step. */
const same = <T extends string | number | boolean>(
	asked: Field<T>,
	is: (seen: Seen) => unknown,
): Expectation =>
	expectation(asked, (wanted, seen) => {
		const got = is(seen) ?? 'none';
		return got === wanted ? undefined : `${asked.name} was to be ${wanted} and is ${got}`;
	});

/** The same of what the step's line of `--json` has by that name. */
const inOutcome = <T extends string | number | boolean>(
	asked: Field<T>,
	is: (outcome: OutcomeJson) => unknown,
) => same(asked, ({outcome}) => is(outcomeJson(outcome)));

const count = whole(0, Number.MAX_SAFE_INTEGER);

const DATA = field('data', choice(['delivered', 'lost', 'torn', 'failed']), 'what became of the data');
const PATH = field('path', choice(['direct', 'bounced', 'copied']), 'which way it took');
const BYTES = field('bytes', count, 'how many were asked for');
const LANDED = field('landed', count, 'how many of them arrived');
const COPIED = field('copied', count, 'how many the CPU copied on the way');
const FAULTS = field('faults', count, 'how many accesses the IOMMU refused');
const BOOTABLE = field('bootable', flag, 'whether the guest found a disk to boot');
const OWNER = field('owner', text, 'whose the memory is that a dma reached; none');
const ERROR = field(
	'error',
	choice(['none', 'ENOENT', 'EBUSY', 'ENXIO', 'unwired']),
	'why vmm or bhyve refused',
);
const DOMAINS = field('domains', count, 'how many there are now');
const MISSING = field('missing', count, 'pages of memory that the host’s domain does not map now');

const reason: Kind<number | (typeof CAUSES)[number]> = {
	schema: {anyOf: [{enum: CAUSES}, {type: 'integer', minimum: 0, maximum: 255}]},
	read: (value, name) =>
		typeof value === 'number' ? whole(0, 255).read(value, name) : oneOf(name, value, CAUSES),
};
const REASON = field(
	'reason',
	reason,
	'why they were refused: in words for both families, or the hardware’s number',
);
const CONSOLE = field('console', listOf(text), 'what the guest has printed since it last looked for a disk');
const EQUALS = field('equals', whole(1, 1_000_000), 'the number of a step before, which came to the same');

export const EXPECTATIONS: readonly Expectation[] = [
	inOutcome(DATA, ({data}) => data),
	inOutcome(PATH, ({path}) => path),
	inOutcome(BYTES, ({bytes}) => bytes),
	inOutcome(LANDED, ({landed}) => landed),
	same(COPIED, ({outcome}) => copiedIn(outcome)),
	inOutcome(FAULTS, ({faults}) => faults),
	expectation(REASON, reasonUnmet),
	inOutcome(BOOTABLE, ({bootable}) => bootable),
	inOutcome(OWNER, ({owner}) => owner),
	inOutcome(ERROR, ({error}) => error),
	same(DOMAINS, ({machine}) => machine.state().domains.length),
	same(MISSING, ({machine}) => missingIn(machine)),
	expectation(field('page', listOf(page), 'whose a page of host memory is now'), pageUnmet),
	expectation(field('walk', listOf(walk), 'where the tables lead an access now'), walkUnmet, walkMakesSense),
	expectation(CONSOLE, consoleUnmet),
	expectation(EQUALS, equalsUnmet, equalsMakesSense),
];
export const expectationsSchema = schemaOf(EXPECTATIONS);

/** What a step is held to, from a file. @throws UserError */
export function parseExpectations(value: unknown, context: Context): Expectations {
	const wanted = fieldsOf('expect', value, EXPECTATIONS);
	for (const asked of EXPECTATIONS) {
		if (!Object.hasOwn(wanted, asked.name)) continue;
		neededIn(wanted, asked);
		within(asked.name, () => asked.check(wanted[asked.name], context));
	}
	return wanted;
}

/** What of a step's expectations did not come true, each as a sentence. */
export const unmet = (expect: Expectations, seen: Seen): string[] =>
	EXPECTATIONS.filter(({name}) => Object.hasOwn(expect, name))
		.map(asked => asked.unmet(expect[asked.name], seen))
		.filter(sentence => sentence !== undefined);

function copiedIn(outcome: Outcome): number | undefined {
	if (outcome.kind === 'work') return outcome.work.copied;
	const transfers =
		outcome.kind === 'transfer' ? [outcome.transfer] : outcome.kind === 'boot' ? outcome.transfers : [];
	return transfers.length === 0 ? undefined : transfers.reduce((sum, {copied}) => sum + copied, 0);
}

/** Pages of memory that the host's domain does not map. */
function missingIn(machine: ObservedMachine): number {
	const {domains, owned} = machine.state();
	const host = domains.find(({role}) => role === 'host');
	return host ? viewDomain(machine.memory, owned, host).removedPages : 0;
}

/** All faults of the step's transfers that are still known have to be for that reason. */
function reasonUnmet(wanted: number | string, {outcome, machine}: Seen): string | undefined {
	const transfers =
		outcome.kind === 'transfer' ? [outcome.transfer] : outcome.kind === 'boot' ? outcome.transfers : [];
	const numbers = new Set<number | undefined>(transfers.map(({number}) => number));
	const faults = machine.state().faults.filter(({transfer}) => numbers.has(transfer));
	const got = new Set<number | string>(
		faults.map(({reason, text}) => (typeof wanted === 'number' ? reason : causeOf(text))),
	);
	if (got.size === 1 && got.has(wanted)) return undefined;
	return `reason was to be ${wanted} and is ${[...got].join(' and ') || 'none'}`;
}

/** What two steps have to have in common. */
const ALIKE = ['data', 'path', 'bytes', 'landed', 'faults'] as const;
const MOVES = ['read', 'write', 'delete', 'dma', 'boot', 'work'];

function equalsUnmet(number: number, {outcome, earlier}: Seen): string | undefined {
	const is = outcomeJson(outcome);
	const other = earlier[number - 1];
	const was = other === undefined ? {} : outcomeJson(other);
	const unlike = ALIKE.filter(name => is[name] !== was[name]).map(
		name => `${name} is ${is[name] ?? 'none'}, not ${was[name] ?? 'none'}`,
	);
	return unlike.length === 0 ? undefined : `it was to equal step ${number}, and ${unlike.join(', ')}`;
}

function equalsMakesSense(number: number, {commands}: Context): void {
	const moves = commands.flatMap(({do: verb}, i) => (MOVES.includes(verb) ? [i + 1] : []));
	const own = commands.length;
	if (!moves.includes(own))
		throw new UserError('equals is for a step that moves data, and this one does not.');
	if (number < own && moves.includes(number)) return;
	const known = moves.filter(step => step < own).join(', ');
	const may =
		known === '' ? 'there is none' : `it may be ${known.length < 40 ? known : `from 1 to ${own - 1}`}`;
	throw new UserError(`equals is ${number}, to be the number of a step before that moves data; ${may}.`);
}
