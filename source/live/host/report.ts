// The report of dmascope host: a host in 80 columns.

import type {Logged} from '../../machine/fault.js';
import type {Finding} from '../../machine/finding.js';
import type {DeviceFacts, GroupFacts, HostFacts, UnitFacts} from '../../machine/host.js';
import type {Colour, Line} from '../../print.js';
import {printable} from '../../printable.js';

const WIDTH = 80;

export function hostLines(host: HostFacts, logged: Logged | undefined): Line[] {
	const {facts, booted, units, groups, alone, reserved, tables, warnings, notSeen} = host;
	const section = (title: string, lines: readonly Line[]): Line[] =>
		lines.length > 0 ? ['', coloured('title', title), ...lines] : [];
	const [first, ...more] = wrapped(['dmascope host', ...facts].join(' · '), '', '  ');
	return [
		coloured('title', first),
		...more,
		...(booted.length > 0 ? wrapped(`booted with ${booted.join(' ')}`, '  ') : []),
		...section(`WARNINGS ${warnings.length}`, warnings.flatMap(findingLines)),
		...section('UNITS', units.flatMap(unitLines)),
		...section('GROUPS', groups.flatMap(groupLines)),
		...section(
			groups.length > 0 ? 'DEVICES WITHOUT A GROUP' : 'DEVICES',
			alone.flatMap(device => deviceLines(device, '  ')),
		),
		...section(
			'RESERVED REGIONS',
			reserved.flatMap(text => wrapped(text, '  ', '      ')),
		),
		...section(
			'PAGE TABLES',
			tables.map(text => `  ${text}`),
		),
		...section('FAULTS', logged === undefined ? [] : faultLines(logged)),
		...section(
			'NOT SEEN FROM HERE',
			notSeen.flatMap(({what, how}) => [
				...wrapped(what, '  '),
				...wrapped(how, '      ').map(line => coloured('dim', line)),
			]),
		),
	];
}

const coloured = (colour: Colour, text: string): Line => [[text, colour]];

const SIGNS = {error: ['✗', 'bad'], warning: ['!', 'warn'], note: ['·', 'dim']} as const;

function findingLines({severity, title, cause, cure}: Finding): Line[] {
	const [sign, colour] = SIGNS[severity];
	const [first = '', ...more] = wrapped(title, '    ');
	return [
		['  ', [sign, colour], ' ', [first.trimStart(), 'title']],
		...more.map(line => coloured('title', line)),
		...wrapped(cause, '    '),
		...wrapped(`→ ${cure}`, '    ', '      ').map(line => coloured('dim', line)),
	];
}

function unitLines({name, facts, capabilities}: UnitFacts): Line[] {
	return [
		...wrapped(`${name}  ${facts}`, '  ', '      '),
		...capabilities.flatMap(text => wrapped(text, '      ')).map(line => coloured('dim', line)),
	];
}

function groupLines({verdict, type, tone, also, devices}: GroupFacts): Line[] {
	const head = wrapped(`${verdict} · default domain ${type}`, '  ', '      ');
	return [
		...head.map(line => coloured(tone, line)),
		...also.flatMap(owner => wrapped(`also ${owner}`, '      ')),
		...devices.flatMap(device => deviceLines(device, '    ')),
	];
}

function deviceLines({id, kind, product, whose}: DeviceFacts, indent: string): string[] {
	const what = product === undefined ? kind : `${kind}, ${product}`;
	return wrapped(`${id}  ${what}${whose === undefined ? '' : ` · ${whose}`}`, indent, `${indent}         `);
}

function faultLines({from, faults, closing}: Logged): Line[] {
	return [
		...faults.flatMap(({title, count, often}) => [
			...wrapped(title, '  ', '      ').map(line => coloured('warn', line)),
			...(count > 1 ? [`      ${often}`] : []),
		]),
		...closing.flatMap(text => wrapped(text, '  ')),
		...(faults.length > 0
			? wrapped(`to explain them: dmascope decode ${from}`, '  ').map(line => coloured('dim', line))
			: []),
	];
}

/** Lines of at most 80 columns, broken at spaces; longer words are split. */
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
