// The report of dmascope decode: a paragraph for each kind of fault, in 80 columns.

import {hexHalves} from '../../formats/address.js';
import type {LogFault} from '../../machine/fault.js';
import type {Line, Span} from '../../text/rows.js';
import {WIDTH, wrapped} from '../../text/width.js';
import {grouped, plural} from '../../words.js';
import type {Explained} from './explain.js';
import {deviceText, excerpt} from './fault.js';
import {type Group, type NoticeCount, type Place, rateOf, type Storm} from './storm.js';

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
	// The rate of so short a time says nothing.
	if (span < 1) return `${grouped(count)} within ${grouped(Math.max(1, Math.ceil(span * 1000)))} ms`;
	return `${grouped(count)} in ${secondsText(span)}, ${rateText(rate)}`;
}

const secondsText = (seconds: number): string =>
	seconds < 600 ? `${seconds.toFixed(1)} s` : `${grouped(Math.round(seconds / 60))} min`;

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

/** A paragraph about a message that is no refused access. */
export function noticeParagraph({notice, count}: NoticeCount, width = WIDTH): Line[] {
	const {title, says, look = [], line, device} = notice;
	// A device's name stays as it is.
	const head =
		device === undefined
			? `${title.charAt(0).toUpperCase()}${title.slice(1)}`
			: `${deviceText(device)}: ${title}`;
	const parts = [
		{
			label: 'what',
			texts: [`The log says${count === 1 ? '' : ` ${grouped(count)} times`}: ${excerpt(line, 200)}`],
		},
		{label: 'means', texts: says},
	];
	return [
		...wrapped(head, width).map((each): Line => [[each, 'title']]),
		...parts.flatMap(({label, texts}) => labelled(label, texts, width)),
		...look.map((each, i): Line => [i === 0 ? [label10('look'), 'dim'] : ' '.repeat(INDENT), [each, 'key']]),
	];
}

const label10 = (label: string): string => `  ${label}`.padEnd(INDENT);

const labelled = (label: string, texts: readonly string[], width: number): Line[] =>
	texts
		.flatMap(text => wrapped(text, width - INDENT))
		.map((line, i): Line => [i === 0 ? [label10(label), 'dim'] : ' '.repeat(INDENT), line]);

/** Which notices are told: those of IOMMUs, and with `all` those of their neighbours. */
export const toldNotices = ({notices}: Storm, all: boolean): readonly NoticeCount[] =>
	notices.filter(({notice}) => all || notice.of === 'iommu');

const LOOKED_FOR =
	'Looked for: the messages of VT-d, AMD-Vi, Arm SMMU, virtio-iommu, RISC-V, Apple DART and the IOMMUs of Rockchip, MediaTek, Samsung, Allwinner, NVIDIA, TI and Renesas, as Linux, FreeBSD, Xen, QEMU, illumos, OpenBSD, ESXi, macOS and jailhouse print them.';

/** What the log comes to. Only one without any message about trouble is clear. */
function verdict(storm: Storm): string[] {
	const {faults, groups, statuses, suppressed, notUnderstood, overflows} = storm;
	if (faults > 0) return [`${plural(faults, 'fault')} of ${plural(groups.length, 'kind')}.`];
	const handled = statuses > 0 || overflows > 0 || [...suppressed.keys()].some(of => of !== 'printk');
	if (handled) {
		const lines = statuses > 0 ? ` (${plural(statuses, 'line')} about the fault status)` : '';
		return [
			`Faults were handled${lines}, but this log does not have their details: which device, which address, and why. Look in the whole log of that time.`,
		];
	}
	if (notUnderstood > 0)
		return ['No fault could be read from this log, but it is not clear of them: see the lines below.'];
	if (toldNotices(storm, false).length > 0)
		return ['No access was refused in this log; what its IOMMU says otherwise is above.'];
	return [`This log has no IOMMU faults. ${LOOKED_FOR}`];
}

function suppressedWords({suppressed, suppressedCounts}: Storm): string[] {
	return [...suppressed].map(([of, messages]) => {
		const counts = suppressedCounts.get(of) ?? [];
		const each = counts.length > 1 && counts.length <= 3 ? ` (${counts.map(grouped).join(' and ')})` : '';
		return `${of} suppressed ${plural(messages, 'more message')}${each} (lines, not faults).`;
	});
}

function neighbourWords({notices}: Storm, all: boolean): string[] {
	const beside = notices.filter(({notice}) => notice.of === 'neighbour');
	if (all || beside.length === 0) return [];
	const total = beside.reduce((sum, {count}) => sum + count, 0);
	const [first] = beside;
	const what = beside.length === 1 ? first.notice.title : `of ${plural(beside.length, 'kind')}`;
	return [
		`${plural(total, 'message')} about what stands beside the IOMMU (${what}); --all explains ${total === 1 ? 'it' : 'them'}.`,
	];
}

/** The sentences about the log as a whole. */
export function closing(storm: Storm, all = false): string[] {
	const {leftOut, overflows, notUnderstood, samples} = storm;
	return [
		...verdict(storm),
		...suppressedWords(storm),
		...(overflows > 0
			? [
					`Fault records were lost ${overflows === 1 ? 'once' : `${grouped(overflows)} times`} because there was no room (PFO, or a full log): there were more faults than these.`,
				]
			: []),
		...(leftOut > 0
			? [`${plural(leftOut, 'fault')} of further kinds ${leftOut === 1 ? 'is' : 'are'} only counted.`]
			: []),
		...neighbourWords(storm, all),
		...(notUnderstood > 0
			? [
					`${plural(notUnderstood, 'line')} that ${notUnderstood === 1 ? 'looks' : 'look'} like a fault could not be read:`,
					...samples.map(line => `  ${excerpt(line.trim())}`),
				]
			: []),
	];
}
