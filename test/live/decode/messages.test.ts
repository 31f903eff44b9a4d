// Messages that mail, forums, consoles and programs have broken, quoted and wrapped in something else.

import assert from 'node:assert/strict';
import {test} from 'node:test';
import {hexHalves} from '../../../source/formats/address.js';
import {Decoder} from '../../../source/live/decode/decoder.js';
import {deviceText} from '../../../source/live/decode/fault.js';
import {messagesOf} from '../../../source/live/decode/messages.js';
import type {Storm} from '../../../source/live/decode/storm.js';

function decoded(log: string | Buffer): Storm {
	const decoder = new Decoder();
	decoder.push(Buffer.from(log));
	decoder.end();
	return decoder.storm;
}

const VTD =
	'DMAR: [DMA Write NO_PASID] Request device [3b:00.0] fault addr 0xffdd4000 [fault reason 0x05] PTE Write access is not set';
const AMD =
	'ixgbe 0000:25:00.1: AMD-Vi: Event logged [IO_PAGE_FAULT domain=0x0010 address=0x1bbc8f040 flags=0x0000]';
const OLD = [
	'dmar: DMAR:[DMA Read] Request device [02:00.0] fault addr a0c58000 ',
	'DMAR:[fault reason 02] Present bit in context entry is clear',
];
const SMMU = [
	'event 0x10 received:',
	'\t0x0000018000000010',
	'\t0x0000020100000000',
	'\t0x00000000ffffe040',
	'\t0x0000000000000000',
].map(words => `arm-smmu-v3 arm-smmu-v3.0.auto: ${words}`);
const ALL = [VTD, AMD, ...OLD, ...SMMU];
const SAYS = [
	'3b:00.0 write 0xffdd4000 5',
	'0000:25:00.1 read 0x1bbc8f040 ixgbe',
	'02:00.0 read 0xa0c58000 2',
	'stream 0x180 write 0xffffe040 16',
];

const said = (storm: Storm): string[] =>
	storm.groups.map(({fault: {device, endpoint, access, address, reason, driver}}) =>
		[device ? deviceText(device) : endpoint, access, address && hexHalves(address), reason ?? driver].join(
			' ',
		),
	);

const json = (text: string): string => JSON.stringify(text);
/** Every message in something else. */
const FRAMES: readonly (readonly [how: string, frame: (message: string) => string])[] = [
	['dmesg -e', m => `[  +0.000012] ${m}`],
	['dmesg -x', m => `kern  :err   : [   10.500000] ${m}`],
	['a caller', m => `[   10.500000][ T1234] ${m}`],
	[
		'Docker’s json-file',
		m => `{"log":${json(`[   10.5] ${m}\n`)},"stream":"stderr","time":"2026-11-22T12:00:01Z"}`,
	],
	['Kubernetes', m => `2026-11-22T12:00:01.123456789Z stderr F [   10.500000] ${m}`],
	['a test’s output', m => `E       AssertionError: [   10.500000] ${m}`],
	['LAVA', m => `- {"dt": "2026-11-22T12:00:01", "lvl": "target", "msg": ${json(`[   10.5] ${m}`)}}`],
	['GELF', m => `{"version":"1.1","host":"h","short_message":${json(m)},"timestamp":1763809201.1}`],
	['fluentd', m => `2026-11-22 12:00:01 +0000 kernel: {"message":${json(m)},"priority":"4"}`],
	['HTML', m => `<li><span class="t">[   10.500000]</span> ${m}</li>`],
	['HTML’s entities', m => `&gt; [   10.500000]&nbsp;${m}<br>`],
	['XML', m => `<line><![CDATA[[   10.500000] ${m}]]></line>`],
	['CSV', m => `"2026-11-22","host","kernel","[   10.500000] ${m}"`],
	['YAML', m => `  - ${json(`[   10.500000] ${m}`)}`],
	['a list in Python', m => `['[   10.500000] ${m.replace('\t', '\\t')}', 'next']`],
	['bytes in Python', m => `b'[   10.500000] ${m.replace('\t', '\\t')}\\n'`],
	['a list in Markdown', m => `* \`[   10.500000] ${m}\``],
	['a diff', m => `+[   10.500000] ${m}`],
	['less -N', m => `     17 [   10.500000] ${m}`],
	['a chat', m => `[12:00] <user> [   10.500000] ${m}`],
	['a box', m => `│ [   10.500000] ${m} │`],
	['CRLF', m => `[   10.500000] ${m}\r`],
	['lines apart', m => `[   10.500000] ${m}\n`],
	['MediaTek’s kernels', m => `<4>[   10.500000].(0)[1:swapper/0]${m}`],
	['Samsung’s kernels', m => `<6>[   10.500000]  [0:      swapper/0:    1] ${m}`],
	['logcat', m => `11-22 12:00:01.123  root     0     0 E [   10.500000]: ${m}`],
	['ftrace’s console', m => `          <idle>-0     [000] d.h1    10.500000: console: ${m}`],
	[
		'syslog with a structure',
		m => `<4>1 2026-11-22T12:00:01Z host kernel - - [timeQuality tzKnown="1"] ${m}`,
	],
	[
		'journalctl -o json, as bytes',
		m => `{"PRIORITY":"4","MESSAGE":[${[...Buffer.from(m)].join(',')}],"_T":"k"}`,
	],
	[
		'journalctl -o json-pretty',
		m => `{\n\t"_HOSTNAME" : "host",\n\t"MESSAGE" : ${json(m)},\n\t"PRIORITY" : "4"\n}`,
	],
	[
		'journalctl -o export',
		m => `__CURSOR=s=abc\n__REALTIME_TIMESTAMP=1\n_TRANSPORT=kernel\nMESSAGE=${m}\nPRIORITY=4\n`,
	],
	['an em space', m => `[   10.500000] ${m.replaceAll(' ', '\u2003')}`],
];

for (const [how, frame] of FRAMES) {
	test(`messages in ${how}`, () => {
		const storm = decoded(`${ALL.map(frame).join('\n')}\n`);
		assert.deepEqual([said(storm), storm.notUnderstood], [SAYS, 0], storm.samples.join('\n'));
	});
}

for (const [encoding, bytes] of [
	['UTF-16, little-endian', Buffer.from(ALL.join('\r\n'), 'utf16le')],
	['UTF-16, big-endian', Buffer.from(ALL.join('\r\n'), 'utf16le').swap16()],
	['UTF-16 with a mark', Buffer.from(`\ufeff${ALL.join('\r\n')}`, 'utf16le')],
	['UTF-16, big-endian with a mark', Buffer.from(`\ufeff${ALL.join('\r\n')}`, 'utf16le').swap16()],
	['UTF-8 with a mark', Buffer.from(`\ufeff${ALL.join('\n')}`)],
] as const) {
	test(`a log in ${encoding}`, () => {
		assert.deepEqual(said(decoded(bytes)), SAYS);
	});
}

/** At spaces, as mail does; or anywhere, as a console does. */
function wrap(line: string, width: number, isHard: boolean): string[] {
	if (isHard) return line.match(new RegExp(`.{1,${width}}`, 'g')) ?? [];
	const lines = [''];
	for (const word of line.split(' ')) {
		const last = lines[lines.length - 1];
		if (last !== '' && last.length + 1 + word.length > width) lines.push(word);
		else lines[lines.length - 1] = last === '' ? word : `${last} ${word}`;
	}
	return lines;
}

const WRAPPED: readonly (readonly [
	how: string,
	isHard: boolean,
	first: string,
	next: string,
	from: number,
])[] = [
	['mail', false, '', '', 44],
	['quoted mail', false, '> > ', '> > ', 44],
	['mail quoted at its first line alone', false, '> ', '', 44],
	['indented text', false, '', '        ', 44],
	['a console', true, '', '', 72],
];
for (const [how, isHard, first, next, from] of WRAPPED) {
	test(`messages wrapped by ${how}, at any width`, () => {
		for (let width = from; width < 132; width++)
			for (const clock of ['', '[   10.500000] ', 'Nov 22 12:00:01 host kernel: [   10.500000] ']) {
				const log = [VTD, AMD].map(message => first + wrap(clock + message, width, isHard).join(`\n${next}`));
				const storm = decoded(`${log.join('\n')}\n`);
				assert.deepEqual(
					[said(storm), storm.notUnderstood],
					[SAYS.slice(0, 2), 0],
					`${width}: ${log.join('\n')}`,
				);
			}
	});
}

test('quoted-printable: =3D, and an = at a line’s end', () => {
	const log = `[  269.1] iommu ivhd0: AMD-Vi: Event logged [ILLEGAL_DEV_TABLE_ENTRY device=3D0=\n000:02:00.0 pasid=3D0x00000 address=3D0x131400000 flags=3D0x0180]\n`;
	assert.deepEqual(said(decoded(log)), ['0000:02:00.0  0x131400000 ']);
});

test('several messages of one line are several', () => {
	const line = `[   10.5] ${VTD} [   10.6] ${AMD} [   10.7] ${OLD[0]} [   10.7] ${OLD[1]}`;
	assert.equal(messagesOf(line).length, 4);
	assert.deepEqual(said(decoded(line)), SAYS.slice(0, 3));
	assert.deepEqual(said(decoded(`${VTD} ${AMD}`)), SAYS.slice(0, 2));
});

test('a message that tears another loses neither', () => {
	const cut = VTD.indexOf('dd4000');
	const log = `[    1.500000] ${VTD.slice(0, cut)}[    1.500001] ${AMD}\n${VTD.slice(cut)}\n`;
	assert.deepEqual(said(decoded(log)).sort(), [...SAYS.slice(0, 2)].sort());
});

test('half of a number is not read as a whole one', () => {
	const cut = OLD[0].indexOf('58000');
	assert.deepEqual(said(decoded(`${OLD[0].slice(0, cut)}\n${OLD[0].slice(cut)}\n${OLD[1]}\n`)), [SAYS[2]]);
	const torn = decoded(`[    1.500000] ${OLD[0].slice(0, cut)}[    1.500001] ${VTD}\n`);
	assert.deepEqual([said(torn), torn.notUnderstood], [[SAYS[0]], 1]);
});

test('what cannot be put together is counted, and the lines after it are read', () => {
	const storm = decoded(
		`DMAR: [DMA Read] Request device [05:00.0] fault ad\nusb 1-1: new device\n\nhello\n${VTD}\n`,
	);
	assert.deepEqual([said(storm), storm.notUnderstood], [[SAYS[0]], 1]);
});
