// A host on a page of 80 columns.

import type {Logged} from '../../machine/fault.js';
import type {Finding} from '../../machine/finding.js';
import type {DeviceFacts, GroupFacts, HostFacts, UnitFacts} from '../../machine/host.js';

/** How each kind of text is painted; in a pipe all is left as it is. */
export type Paint = Readonly<Record<'title' | 'dim' | 'good' | 'bad' | 'warn', (text: string) => string>>;

const WIDTH = 80;

export function hostText(words: HostFacts, logged: Logged | undefined, paint: Paint): string {
	const {facts, booted, units, groups, alone, reserved, tables, warnings, notSeen} = words;
	const section = (title: string, lines: readonly string[]) =>
		lines.length > 0 ? ['', paint.title(title), ...lines] : [];
	const [first, ...more] = wrapped(['dmascope host', ...facts].join(' · '), '', '  ');
	const lines = [
		paint.title(first),
		...more,
		...(booted.length > 0 ? wrapped(`booted with ${booted.join(' ')}`, '  ') : []),
		...section(
			`WARNINGS ${warnings.length}`,
			warnings.flatMap(finding => findingText(finding, paint)),
		),
		...section(
			'UNITS',
			units.flatMap(unit => unitText(unit, paint)),
		),
		...section(
			'GROUPS',
			groups.flatMap(group => groupText(group, paint)),
		),
		...section(
			groups.length > 0 ? 'DEVICES IN NO GROUP' : 'DEVICES',
			alone.flatMap(device => deviceText(device, '  ')),
		),
		...section(
			'RESERVED REGIONS',
			reserved.flatMap(text => wrapped(text, '  ', '      ')),
		),
		...section(
			'PAGE TABLES',
			tables.map(text => `  ${text}`),
		),
		...section('FAULTS', logged === undefined ? [] : faultsText(logged, paint)),
		...section(
			'NOT SEEN FROM HERE',
			notSeen.flatMap(({what, how}) => [
				...wrapped(what, '  '),
				...wrapped(how, '      ').map(line => paint.dim(line)),
			]),
		),
	];
	return `${lines.join('\n')}\n`;
}

const SIGNS = {error: ['✗', 'bad'], warning: ['!', 'warn'], note: ['·', 'dim']} as const;

function findingText({severity, title, cause, cure}: Finding, paint: Paint): string[] {
	const [sign, tone] = SIGNS[severity];
	const [first = '', ...more] = wrapped(title, '    ');
	return [
		`  ${paint[tone](sign)} ${paint.title(first.trimStart())}`,
		...more.map(line => paint.title(line)),
		...wrapped(cause, '    '),
		...wrapped(`→ ${cure}`, '    ', '      ').map(line => paint.dim(line)),
	];
}

function unitText({name, facts, capabilities}: UnitFacts, paint: Paint): string[] {
	return [
		...wrapped(`${name}  ${facts}`, '  ', '      '),
		...capabilities.flatMap(text => wrapped(text, '      ')).map(line => paint.dim(line)),
	];
}

function groupText({verdict, type, tone, also, devices}: GroupFacts, paint: Paint): string[] {
	const head = wrapped(`${verdict} · default domain ${type}`, '  ', '      ');
	return [
		...head.map(line => paint[tone](line)),
		...also.flatMap(owner => wrapped(`also ${owner}`, '      ')),
		...devices.flatMap(device => deviceText(device, '    ')),
	];
}

function deviceText({id, kind, product, whose}: DeviceFacts, indent: string): string[] {
	const what = product === undefined ? kind : `${kind}, ${product}`;
	return wrapped(`${id}  ${what}${whose === undefined ? '' : ` · ${whose}`}`, indent, `${indent}         `);
}

function faultsText({from, faults, closing}: Logged, paint: Paint): string[] {
	return [
		...faults.flatMap(({title, count, often}) => [
			...wrapped(title, '  ', '      ').map(line => paint.warn(line)),
			...(count > 1 ? [`      ${often}`] : []),
		]),
		...closing.flatMap(text => wrapped(text, '  ')),
		...(faults.length > 0
			? wrapped(`what they mean: dmascope decode ${from}`, '  ').map(line => paint.dim(line))
			: []),
	];
}

/** In lines of 80 columns, broken at spaces; words that are longer are cut. */
function wrapped(text: string, indent: string, further = indent): [string, ...string[]] {
	const lines: string[] = [];
	let line = indent;
	for (const word of printable(text).split(' ').flatMap(chunks)) {
		const empty = line === indent || line === further;
		if (!empty && line.length + 1 + word.length > WIDTH) {
			lines.push(line);
			line = `${further}${word}`;
		} else line = empty ? `${line}${word}` : `${line} ${word}`;
	}
	const [first, ...more] = [...lines, line];
	return [first, ...more];
}

const chunks = (word: string): string[] => word.match(/.{1,60}/gu) ?? [''];
/** Names of machines and processes may hold anything; none of it moves a cursor. */
export const printable = (text: string): string => text.replace(/[\p{Cc}\p{Cf}]/gu, '?');
