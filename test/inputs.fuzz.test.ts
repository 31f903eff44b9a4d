// Files and answers of others, damaged by a seeded generator: each is read, or refused with a sentence, soon and in
// little memory.

import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import {test} from 'node:test';
import {seededRandom} from '../source/lab/build/random.js';
import {findScenario, shippedScenarios} from '../source/lab/scenario/find.js';
import {parseHead} from '../source/lab/scenario/parse.js';
import {hostFacts} from '../source/live/host/describe.js';
import {hostJson} from '../source/live/host/json.js';
import {readHost} from '../source/live/host/read-host.js';
import {entriesOf, type TarEntry, tarOf} from '../source/live/host/tar.js';
import {Files, Tree} from '../source/live/host/tree.js';
import {pciDevices} from '../source/live/qemu/devices.js';
import {findIommu, readUnit} from '../source/live/qemu/iommu.js';
import {openMemory} from '../source/live/qemu/memory.js';
import {Qmp} from '../source/live/qemu/qmp.js';
import {commands} from '../source/ui/commands/index.js';
import {parseConfig} from '../source/ui/config.js';
import {UserError} from '../source/user-error.js';
import {fakeQemu, GREETING} from './helpers/fake-qemu.js';

const INPUTS = 2500;
/** Of this process, for one input; and bytes for all inputs of a kind together. */
const EACH_MS = 2000;
const GROWTH = 400 * 1024 ** 2;

class Damage {
	constructor(private readonly random: () => number) {}

	below(end: number): number {
		return Math.floor(this.random() * end);
	}

	pick<T>(choices: readonly T[]): T {
		return choices[this.below(choices.length)];
	}

	/** A text with pieces cut, doubled, moved, or filled with what its readers like least. */
	text(text: string, signs: readonly string[]): string {
		let damaged = text;
		for (let i = this.below(4); i >= 0; i--) {
			const at = this.below(damaged.length + 1);
			const end = at + this.below(40);
			const piece = damaged.slice(at, end);
			const put = this.pick([
				'',
				piece.repeat(2),
				this.pick(signs),
				this.pick(signs).repeat(1 + this.below(300)),
				piece.split('').reverse().join(''),
				String.fromCodePoint(this.below(0xd7ff)),
			]);
			damaged = damaged.slice(0, at) + put + damaged.slice(this.pick([at, end]));
		}
		return this.below(10) === 0 ? damaged.slice(0, this.below(damaged.length)) : damaged;
	}
}

/** Does something with each of many inputs: it may throw a sentence, and takes neither long nor much. */
async function survive(seed: number, count: number, read: (damage: Damage) => unknown): Promise<void> {
	const damage = new Damage(seededRandom(seed));
	const before = process.memoryUsage().rss;
	let refused = 0;
	for (let i = 0; i < count; i++) {
		const began = process.cpuUsage();
		try {
			await read(damage);
		} catch (error) {
			assert.ok(error instanceof UserError, `input ${i}: ${error instanceof Error ? error.stack : error}`);
			assert.match(error.message, /^[^\n]+$/, `input ${i}`);
			refused++;
		}
		const {user} = process.cpuUsage(began);
		assert.ok(user < EACH_MS * 1000, `input ${i} takes ${user / 1000} ms`);
	}
	assert.ok(process.memoryUsage().rss - before < GROWTH, 'memory has grown');
	assert.ok(refused > count / 20 && refused < count, `${refused} of ${count} are refused`);
}

const SIGNS = [
	'[',
	'{',
	']',
	'}',
	',',
	':',
	'- ',
	'? ',
	'&a ',
	'*a',
	'!',
	'|',
	'>',
	'%',
	'#',
	'"',
	"'",
	'\n',
	'\t',
	'~',
	'<<: ',
];

test('configs', () => {
	const whole =
		'theme: light\nascii: true\nmouse: off\nlarge: false\nkeys:\n  quit: [x, ctrl-x]\n  help: "?"\n';
	return survive(1, INPUTS, damage => parseConfig('c.yaml', damage.text(whole, SIGNS), commands));
});

test('scenarios', () => {
	const texts = shippedScenarios().map(name => findScenario(name).text);
	return survive(2, INPUTS, damage => parseHead('s.yaml', damage.text(damage.pick(texts), SIGNS)));
});

test('captures', () => {
	const host = entriesOf(fs.readFileSync(path.join(import.meta.dirname, 'live/host/amd.tar')));
	const words = [
		'/',
		'../',
		'\0',
		'/dev/vfio/5',
		'0x',
		'ffffffff',
		'-1',
		'\n',
		'9',
		'x'.repeat(5000),
		'a/'.repeat(2100),
	];
	const damaged = (damage: Damage, entry: TarEntry): TarEntry => ({
		path: damage.below(3) === 0 ? `/${damage.text(entry.path.slice(1), words)}` : entry.path,
		kind: damage.below(5) === 0 ? damage.pick(['file', 'link', 'directory']) : entry.kind,
		text: damage.below(3) === 0 ? damage.text(entry.text, words) : entry.text,
		readable: damage.below(10) > 0,
	});
	return survive(3, INPUTS, async damage => {
		const from = damage.below(host.length);
		const few = host
			.slice(from, from + 12)
			.map(entry => (damage.below(3) === 0 ? damaged(damage, entry) : entry));
		const tar = tarOf(few);
		// Of a header, most bytes are held by its sum.
		for (let i = damage.below(3); i > 0; i--) tar[damage.below(tar.length)] = damage.below(256);
		const files = new Files();
		for (const {path, kind, text, readable} of entriesOf(
			damage.below(4) === 0 ? tar.subarray(0, damage.below(tar.length)) : tar,
		))
			files.add(path, kind, text, readable);
		const read = await readHost(new Tree(files));
		JSON.stringify(hostJson(read, hostFacts(read), undefined));
	});
});

test('answers of a QEMU', async t => {
	const words = (line: string) => {
		const [, count = '0', size] = /^xp \/(\d+)([wg])x /.exec(line) ?? [];
		const word = size === 'g' ? '0x0000000000000000' : '0x00000000';
		return `0000000000000000: ${`${word} `.repeat(Number(count))}\r\n`;
	};
	const mtree =
		'FlatView #1\n AS "memory", root: system\n  0000000000000000-000000000fffffff (prio 0, ram): m0\n  00000000fed90000-00000000fed9022f (prio 0, i/o): intel_iommu\n\n';
	const bus = [
		{
			devices: [
				{
					bus: 0,
					slot: 1,
					function: 0,
					qdev_id: 'nic',
					class_info: {desc: 'x'},
					id: {vendor: 1, device: 2},
					pci_bridge: {devices: []},
				},
			],
		},
	];
	const answers: Record<string, unknown> = {
		'query-pci': bus,
		'query-memdev': [{id: 'm0', share: true}],
		'qom-get': 'memory-backend-file',
		qmp_capabilities: {},
	};
	const signs = [
		'[',
		'{',
		']',
		'}',
		',',
		':',
		'"',
		'\\',
		'0',
		'-',
		'null',
		'\\u0000',
		'0x',
		'(',
		' @',
		'\n',
		'{"event":1}\n',
	];
	const damage = new Damage(seededRandom(4));
	const socket = await fakeQemu(t, GREETING, ({execute, arguments: {'command-line': line}}) => {
		const value =
			execute === 'human-monitor-command'
				? String(line).startsWith('xp')
					? words(String(line))
					: mtree
				: answers[execute];
		const whole = JSON.stringify({return: value ?? {}});
		if (execute === 'qmp_capabilities' || damage.below(8) > 0) return whole;
		const text = damage.text(whole, signs);
		// No answer at all is waited for, as long as QEMU may take.
		return text.includes('"event"') || text.trim() === '' ? undefined : text.replaceAll('\n', ' ');
	});
	// About four answers each.
	await survive(5, INPUTS / 4, async () => {
		const qmp = await Qmp.connect(socket);
		try {
			const place = await findIommu(qmp);
			await pciDevices(qmp);
			const unit = await readUnit(qmp, place);
			(await openMemory(qmp, unit.table)).close();
		} finally {
			qmp.close();
		}
	});
});
