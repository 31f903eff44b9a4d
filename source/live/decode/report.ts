// The report of dmascope decode: a paragraph for each kind of fault, in 80 columns.

import {hexHalves} from '../../formats/address.js';
import type {LogFault} from '../../machine/fault.js';
import type {Line, Span} from '../../text/rows.js';
import {WIDTH, wrapped} from '../../text/width.js';
import {grouped, plural} from '../../words.js';
import type {Explained} from './explain.js';
import {excerpt} from './fault.js';
import {type Group, type Place, rateOf, type Storm} from './storm.js';

const INDENT = 10;
const MOST_PLACES = 4;

/** A fault's paragraph. */
export function paragraph(group: Group, explained: Explained, width = WIDTH): Line[] {
	return [
		...wrapped(explained.title, width).map((line): Line => [[line, 'warn']]),
		...partsOf(group, explained).flatMap(({label, texts}) =>
			texts.flatMap((text, i) => {
				const look = label === 'look';
				const lines = look ? [text] : wrapped(text, width - INDENT);
				const head: Span = [(i === 0 ? `  ${label}` : '').padEnd(INDENT), 'dim'];
				return lines.map(
					(line, j): Line => [j === 0 ? head : ' '.repeat(INDENT), look ? [line, 'key'] : line],
				);
			}),
		),
	];
}

/** The parts of an explanation, each under its label. */
export function partsOf(group: Group, {what, why, here, usually, look}: Explained): LogFault['parts'] {
	const where = whereWords(group);
	const parts = [
		{label: 'what', texts: [what]},
		{label: 'why', texts: why.length > 0 ? [why.join(' ')] : []},
		{label: 'often', texts: [frequencyText(group)]},
		{label: 'where', texts: where === '' ? [] : [where]},
		{label: 'here', texts: here},
		{label: 'usually', texts: usually},
		{label: 'look', texts: look},
	];
	return parts.filter(({texts}) => texts.length > 0);
}

/** 1,284 in 12.3 s, 104/s */
export function frequencyText(group: Group): string {
	const {count, span} = group;
	if (count === 1) return 'once';
	const rate = rateOf(group);
	if (rate === undefined) return grouped(count);
	return `${grouped(count)} in ${secondsText(span)}, ${rateText(rate)}`;
}

const secondsText = (seconds: number): string =>
	seconds < 0.1
		? `${(seconds * 1000).toFixed(1)} ms`
		: seconds < 600
			? `${seconds.toFixed(1)} s`
			: `${grouped(Math.round(seconds / 60))} min`;

function rateText(rate: number): string {
	if (rate >= 1) return `${rounded(rate)}/s`;
	return rate >= 1 / 60 ? `${rounded(rate * 60)}/min` : `${rounded(rate * 3600)}/h`;
}

const rounded = (rate: number): string => (rate < 9.95 ? rate.toFixed(1) : grouped(Math.round(rate)));

function whereWords({places, elsewhere}: Group): string {
	if (places.size < 2) return '';
	const most = [...places.values()].sort((a, b) => b.count - a.count);
	const shown = most.slice(0, MOST_PLACES).map(placeText);
	const rest = most.slice(MOST_PLACES).reduce((sum, {count}) => sum + count, elsewhere);
	return [...shown, ...(rest > 0 ? [`elsewhere ×${grouped(rest)}`] : [])].join(' · ');
}

const placeText = ({lowest, highest, count}: Place): string => {
	const [from, to] = [hexHalves(lowest), hexHalves(highest)];
	return `${from === to ? from : `${from}–${to}`} ×${grouped(count)}`;
};

/** The sentences about the log as a whole. */
export function closing({
	faults,
	groups,
	leftOut,
	suppressed,
	overflows,
	notUnderstood,
	samples,
}: Storm): string[] {
	const withheld = [...suppressed].map(
		([of, messages]) => `${of} suppressed ${plural(messages, 'more message')} (lines, not faults).`,
	);
	return [
		faults === 0
			? 'This log has no IOMMU faults.'
			: `${plural(faults, 'fault')} of ${plural(groups.length, 'kind')}.`,
		...withheld,
		...(overflows > 0
			? [
					`Fault records were lost ${overflows === 1 ? 'once' : `${grouped(overflows)} times`} because there was no room (PFO, or a full log): there were more faults than these.`,
				]
			: []),
		...(leftOut > 0
			? [`${plural(leftOut, 'fault')} of further kinds ${leftOut === 1 ? 'is' : 'are'} only counted.`]
			: []),
		...(notUnderstood > 0
			? [
					`${plural(notUnderstood, 'line')} that ${notUnderstood === 1 ? 'looks' : 'look'} like a fault could not be read:`,
					...samples.map(line => `  ${excerpt(line.trim())}`),
				]
			: []),
	];
}
