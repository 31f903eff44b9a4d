// The report of dmascope host: a host in 80 columns.

import type {Logged} from '../../machine/fault.js';
import type {Finding} from '../../machine/finding.js';
import type {DeviceFacts, GroupFacts, HostFacts, UnitFacts} from '../../machine/host.js';
import {type Line, section, toned} from '../../text/rows.js';
import {indented} from '../../text/width.js';

export function hostLines(host: HostFacts, logged: Logged | undefined): Line[] {
	const {facts, booted, units, groups, alone, reserved, tables, warnings, notSeen} = host;
	const part = (title: string, lines: readonly Line[]) => (lines.length > 0 ? section(title, lines) : []);
	const [first, ...more] = indented(['dmascope host', ...facts].join(' · '), '', '  ');
	return [
		...toned('title', [first]),
		...more,
		...(booted.length > 0 ? indented(`booted with ${booted.join(' ')}`, '  ') : []),
		...part(`WARNINGS ${warnings.length}`, warnings.flatMap(findingLines)),
		...part('UNITS', units.flatMap(unitLines)),
		...part('GROUPS', groups.flatMap(groupLines)),
		...part(
			groups.length > 0 ? 'DEVICES WITHOUT A GROUP' : 'DEVICES',
			alone.flatMap(device => deviceLines(device, '  ')),
		),
		...part(
			'RESERVED REGIONS',
			reserved.flatMap(text => indented(text, '  ', '      ')),
		),
		...part(
			'PAGE TABLES',
			tables.map(text => `  ${text}`),
		),
		...part('FAULTS', logged === undefined ? [] : faultLines(logged)),
		...part(
			'NOT SEEN FROM HERE',
			notSeen.flatMap(({what, how}) => [...indented(what, '  '), ...toned('dim', indented(how, '      '))]),
		),
	];
}

const SIGNS = {error: ['✗', 'bad'], warning: ['!', 'warn'], note: ['·', 'dim']} as const;

function findingLines({severity, title, cause, cure}: Finding): Line[] {
	const [sign, tone] = SIGNS[severity];
	const [first = '', ...more] = indented(title, '    ');
	return [
		['  ', [sign, tone], ' ', [first.trimStart(), 'title']],
		...toned('title', more),
		...indented(cause, '    '),
		...toned('dim', indented(`→ ${cure}`, '    ', '      ')),
	];
}

function unitLines({name, facts, capabilities}: UnitFacts): Line[] {
	return [
		...indented(`${name}  ${facts}`, '  ', '      '),
		...capabilities.flatMap(text => toned('dim', indented(text, '      '))),
	];
}

function groupLines({verdict, type, tone, also, devices}: GroupFacts): Line[] {
	const head = indented(`${verdict} · default domain ${type}`, '  ', '      ');
	return [
		...toned(tone, head),
		...also.flatMap(owner => indented(`also ${owner}`, '      ')),
		...devices.flatMap(device => deviceLines(device, '    ')),
	];
}

function deviceLines({id, kind, product, whose}: DeviceFacts, indent: string): string[] {
	const what = product === undefined ? kind : `${kind}, ${product}`;
	return indented(`${id}  ${what}${whose === undefined ? '' : ` · ${whose}`}`, indent, `${indent}         `);
}

function faultLines({from, faults, closing}: Logged): Line[] {
	return [
		...faults.flatMap(({title, count, often}) => [
			...toned('warn', indented(title, '  ', '      ')),
			...(count > 1 ? [`      ${often}`] : []),
		]),
		...closing.flatMap(text => indented(text, '  ')),
		...(faults.length > 0 ? toned('dim', indented(`to explain them: dmascope decode ${from}`, '  ')) : []),
	];
}
