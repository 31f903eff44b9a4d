// A preflight as text and as JSON.

import type {Preflight} from '../../../machine/host.js';
import {type Line, toned} from '../../../text/rows.js';
import {indented} from '../../../text/width.js';
import {sizeText} from '../../../words.js';
import {shortId} from '../devices.js';
import {findingLines} from '../report.js';

export function preflightLines(found: Preflight): Line[] {
	const {device, name, driver, group, ready, verdict, takes, loses, resets, bars, findings} = found;
	const facts: [string, readonly string[]][] = [
		['driver', [driver ?? 'none']],
		['group', [group === undefined ? 'none' : `${group}`]],
		['takes along', takes],
		['the host loses', loses],
		['resets', resets === undefined ? [] : [resets.join(', ') || 'none']],
		['BARs', bars.map(({number, bytes, wide}) => `${number}: ${sizeText(bytes)}${wide ? ', 64-bit' : ''}`)],
	];
	return [
		...toned('title', indented(`${shortId(device)} ${name}`, '', '  ')),
		...toned(ready ? 'good' : 'bad', indented(verdict, '  ')),
		...facts.flatMap(([label, texts]) =>
			texts.flatMap((text, i) => indented(text, `  ${(i === 0 ? label : '').padEnd(16)}`, ' '.repeat(18))),
		),
		...(findings.length > 0 ? [''] : []),
		...findings.flatMap(findingLines),
	];
}

export const preflightJson = ({resets, driver, group, bars, ...found}: Preflight) => ({
	...found,
	driver: driver ?? null,
	group: group ?? null,
	resets: resets ?? null,
	bars: bars.map(({number, bytes, wide}) => ({number, bytes, bits: wide ? 64 : 32})),
});
