// A host on a page of 80 columns.

import type {Lint} from '../../seam/lints.js';
import {grouped, plural} from '../../words.js';
import {type HostDevice, isBridge, isVfio, shortId} from './devices.js';
import {type HostGroup, ownerText, type Region, verdictText} from './groups.js';
import type {Host} from './host.js';
import type {DeviceTables} from './page-tables.js';
import type {HostUnit} from './units.js';

/** How each kind of text is painted; in a pipe all is left as it is. */
export type Paint = Readonly<Record<'title' | 'dim' | 'good' | 'bad' | 'warn', (text: string) => string>>;

const WIDTH = 80;

export function hostText(host: Host, paint: Paint): string {
	const {settings, units, groups, devices, tables, lints, gaps} = host;
	const title = (text: string) => ['', paint.title(text)];
	const alone = devices.filter(({group}) => group === undefined);
	const head = [
		'dmascope host',
		settings.release && `Linux ${settings.release}`,
		settings.guest && 'a guest itself',
		plural(units.length, 'IOMMU unit'),
		plural(groups.length, 'group'),
	];
	const lines = [
		...wrapped(head.filter(Boolean).join(' · '), '', '  ').map((line, i) =>
			i === 0 ? paint.title(line) : line,
		),
		...(settings.words.length > 0 ? wrapped(`booted with ${settings.words.join(' ')}`, '  ') : []),
		...(lints.length > 0 ? title(`WARNINGS ${lints.length}`) : []),
		...lints.flatMap(lint => lintText(lint, paint)),
		...(units.length > 0 ? title('UNITS') : []),
		...units.flatMap(unit => unitText(unit, devices, paint)),
		...(groups.length > 0 ? title('GROUPS') : []),
		...groups.flatMap(group => groupText(group, paint)),
		...(alone.length > 0 ? title(groups.length > 0 ? 'DEVICES IN NO GROUP' : 'DEVICES') : []),
		...alone.flatMap(device => deviceText(device, '  ')),
		...regionsText(groups, title),
		...(tables.length > 0 ? title('PAGE TABLES') : []),
		...tables.map(tableText),
		...(gaps.length > 0 ? title('NOT SEEN FROM HERE') : []),
		...gaps.flatMap(({what, how}) => [
			...wrapped(what, '  '),
			...wrapped(how, '      ').map(line => paint.dim(line)),
		]),
	];
	return `${lines.join('\n')}\n`;
}

const SIGNS = {error: ['✗', 'bad'], warning: ['!', 'warn'], note: ['·', 'dim']} as const;

function lintText({severity, title, cause, cure}: Lint, paint: Paint): string[] {
	const [sign, tone] = SIGNS[severity];
	const [first = '', ...more] = wrapped(title, '    ');
	return [
		`  ${paint[tone](sign)} ${paint.title(first.trimStart())}`,
		...more.map(line => paint.title(line)),
		...wrapped(cause, '    '),
		...wrapped(`→ ${cure}`, '    ', '      ').map(line => paint.dim(line)),
	];
}

function unitText(unit: HostUnit, devices: readonly HostDevice[], paint: Paint): string[] {
	const behind = devices.filter(({unit: name}) => name === unit.name).length;
	const kind = {'vt-d': 'VT-d', 'amd-vi': 'AMD-Vi', other: 'another kind'}[unit.format];
	const facts = [
		unit.version && `version ${unit.version}`,
		unit.address && `registers at 0x${unit.address}`,
		behind > 0 && plural(behind, 'device'),
		unit.domainsUsed !== undefined && `${plural(unit.domainsUsed, 'domain')} in use`,
	];
	const head = wrapped(`${unit.name}  ${[kind, ...facts].filter(Boolean).join(', ')}`, '  ', '      ');
	const {vtd, amdvi} = unit;
	const more: string[] = [];
	if (vtd !== undefined)
		more.push(
			`${vtd.addressBits}-bit addresses; tables of ${vtd.levels.join(', ')} levels; pages of ${vtd.pageSizes.join(', ')}; ${plural(vtd.domains, 'domain')} at most; ${plural(vtd.faultRecords, 'fault record')}`,
			vtd.has.join(' · '),
		);
	if (amdvi !== undefined)
		more.push(
			...(amdvi.levels === undefined ? [] : [`tables of up to ${amdvi.levels} levels`]),
			amdvi.has.join(' · '),
		);
	if (unit.format !== 'other' && vtd === undefined && amdvi === undefined)
		more.push('its capabilities are unknown: the kernel does not show them');
	return [...head, ...more.flatMap(text => wrapped(text, '      ')).map(line => paint.dim(line))];
}

const TONES = {
	held: 'title',
	free: 'good',
	unseen: 'warn',
	nothing: 'dim',
	reserved: 'warn',
	shared: 'warn',
	host: 'good',
} as const;

function groupText(group: HostGroup, paint: Paint): string[] {
	const type = `default domain ${group.type ?? 'unknown'}`;
	const tone = paint[TONES[group.verdict.is]];
	const [first = '', ...more] = wrapped(`${verdictText(group)} · ${type}`, '  ', '      ');
	return [
		tone(first),
		...more.map(line => tone(line)),
		...group.owners.slice(1).map(owner => `      also ${ownerText(owner)}`),
		...group.devices.flatMap(device => deviceText(device, '    ')),
	];
}

function deviceText(device: HostDevice, indent: string): string[] {
	const {id, ids, kind, product, driver} = device;
	const what = [kind, product ?? ids].filter(Boolean).join(', ');
	const whose = isVfio(device)
		? `vfio (${driver})`
		: driver === undefined
			? isBridge(device)
				? undefined
				: 'no driver'
			: `host (${driver})`;
	const text = `${shortId(id)}  ${what}${whose === undefined ? '' : ` · ${whose}`}`;
	return wrapped(text, indent, `${indent}         `);
}

/** A region that many groups have is said once. */
function regionsText(groups: readonly HostGroup[], title: (text: string) => string[]): string[] {
	const byRegion = new Map<string, {region: Region; numbers: number[]}>();
	for (const {number, regions} of groups)
		for (const region of regions) {
			const key = `${region.start} ${region.end} ${region.type}`;
			const known = byRegion.get(key) ?? {region, numbers: []};
			byRegion.set(key, {region, numbers: [...known.numbers, number]});
		}
	if (byRegion.size === 0) return [];
	const lines = [...byRegion.values()].flatMap(({region: {start, end, type}, numbers}) => {
		const whose =
			numbers.length === groups.length && groups.length > 1
				? 'all groups'
				: `${numbers.length === 1 ? 'group' : 'groups'} ${numbers.join(', ')}`;
		return wrapped(`${start}–${end} ${type}: ${REGION_WORDS[type] ?? 'reserved'}; ${whose}`, '  ', '      ');
	});
	return [...title('RESERVED REGIONS'), ...lines];
}

const REGION_WORDS: Record<string, string | undefined> = {
	direct: 'firmware’s, mapped 1:1 for good',
	'direct-relaxable': 'mapped 1:1, and let go for a VM',
	reserved: 'never mapped',
	msi: 'interrupts',
};

const NO_TABLES = {
	'pass-through': 'pass-through: none',
	unknown: 'not asked for: it may be in pass-through',
	unreadable: 'the kernel did not show them',
};

function tableText(tables: DeviceTables): string {
	const id = shortId(tables.id);
	if ('why' in tables) return `  ${id}  ${NO_TABLES[tables.why]}`;
	return `  ${id}  ${tables.cut ? 'at least ' : ''}${plural(tables.pages, 'page')} mapped by ${grouped(tables.entries)} ${tables.entries === 1 ? 'entry' : 'entries'}`;
}

/** In lines of 80 columns, broken at spaces; words that are longer are cut. */
function wrapped(text: string, indent: string, further = indent): string[] {
	const lines: string[] = [];
	let line = indent;
	for (const word of printable(text).split(' ').flatMap(chunks)) {
		const empty = line === indent || line === further;
		if (!empty && line.length + 1 + word.length > WIDTH) {
			lines.push(line);
			line = `${further}${word}`;
		} else line = empty ? `${line}${word}` : `${line} ${word}`;
	}
	return [...lines, line];
}

const chunks = (word: string): string[] => word.match(/.{1,60}/gu) ?? [''];
/** Names of machines and processes may hold anything; none of it moves a cursor. */
export const printable = (text: string): string => text.replace(/[\p{Cc}\p{Cf}]/gu, '?');
