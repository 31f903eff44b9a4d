// The report of dmascope host: a host in 80 columns.

import {acsText} from '../../formats/pci-config.js';
import type {Logged} from '../../machine/fault.js';
import type {Finding} from '../../machine/finding.js';
import type {DeviceFacts, GroupFacts, HostFacts, UnitFacts} from '../../machine/host.js';
import {type Line, section, toned} from '../../text/rows.js';
import {indented} from '../../text/width.js';
import {plural} from '../../words.js';
import {type Change, KINDS} from './compare.js';
import {type HostDevice, shortId} from './devices.js';
import type {Port} from './topology.js';

export function hostLines(host: HostFacts, logged: Logged | undefined): Line[] {
	const {
		facts,
		booted,
		units,
		groups,
		alone,
		ports = [],
		reserved,
		tables,
		vms = [],
		warnings,
		notSeen,
	} = host;
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
			'VMS',
			vms.flatMap(text => indented(text, '  ', '      ')),
		),
		...part(
			groups.length > 0 ? 'DEVICES WITHOUT A GROUP' : 'DEVICES',
			alone.flatMap(device => deviceLines(device, '  ')),
		),
		...part(
			'RESERVED REGIONS',
			reserved.flatMap(text => indented(text, '  ', '      ')),
		),
		...part(
			'PCI PORTS',
			ports.flatMap(text => indented(text, '  ', '           ')),
		),
		...part(
			'PAGE TABLES',
			tables.flatMap(text => indented(text, '  ', '      ')),
		),
		...part('FAULTS', logged === undefined ? [] : faultLines(logged)),
		...part(
			'NOT SEEN FROM HERE',
			notSeen.flatMap(({what, how}) => [...indented(what, '  '), ...toned('dim', indented(how, '      '))]),
		),
	];
}

/** What differs between two looks at a host. */
export function comparisonLines(changes: readonly Change[], old: string, now: string): Line[] {
	const count = changes.length === 0 ? 'no difference' : plural(changes.length, 'difference');
	return [
		...toned('title', indented(`${old} → ${now}: ${count}`, '', '  ')),
		...KINDS.flatMap(kind => {
			const own = changes.filter(change => change.kind === kind);
			if (own.length === 0) return [];
			return section(
				kind.toUpperCase(),
				own.flatMap(({text}) => indented(text, '  ', '      ')),
			);
		}),
	];
}

/** How two functions reach each other, and the ports between them. */
export function routeLines(a: HostDevice, b: HostDevice, words: string, ports: readonly Port[]): Line[] {
	const stations = [a, ...ports.map(({device}) => device), b];
	return [
		...toned('title', indented(words, '')),
		'',
		...stations.flatMap(({id, kind, product}) => {
			const config = ports.find(({device}) => device.id === id)?.config;
			const acs =
				config?.acs === undefined ? (config ? ': no ACS' : '') : `: ACS ${acsText(config.acs.control)}`;
			const name = config && config.kind !== 'conventional' ? config.kind : (product ?? kind);
			return indented(`${shortId(id)}  ${name}${acs}`, '  ', '           ');
		}),
	];
}

const SIGNS = {error: ['✗', 'bad'], warning: ['!', 'warn'], note: ['·', 'dim']} as const;

export function findingLines({severity, title, cause, cure}: Finding): Line[] {
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

function groupLines({verdict, type, tone, also, devices, why = []}: GroupFacts): Line[] {
	const domain = type === 'unknown' ? '' : ` · default domain ${type}`;
	const head = indented(`${verdict}${domain}`, '  ', '      ');
	return [
		...toned(tone, head),
		...also.flatMap(owner => indented(`also ${owner}`, '      ')),
		...devices.flatMap(device => deviceLines(device, '    ')),
		...why.flatMap(text => toned('dim', indented(`together since ${text}`, '    ', '      '))),
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
