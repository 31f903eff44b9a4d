// Whole logs of people who asked about them, in logs/: what each comes to. And one log behind two dozen prefixes.

import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import {test} from 'node:test';
import yaml from 'yaml';
import {Decoder} from '../../../source/live/decode/decoder.js';
import {groupJson} from '../../../source/live/decode/fault-json.js';
import {closing} from '../../../source/live/decode/report.js';

type Expected = {
	faults: Record<string, unknown>[];
	/** Of these words each has to be there, one of those with | between; of `never` none. */
	says?: string[];
	never?: string[];
	notices?: string[];
	suppressed?: Record<string, number>;
	closing?: string;
};

const LOGS = path.join(import.meta.dirname, 'logs');
const expected: Record<string, Expected> = yaml.parse(
	fs.readFileSync(path.join(import.meta.dirname, 'logs.yaml'), 'utf8'),
);

function decoded(file: string) {
	const decoder = new Decoder();
	decoder.push(fs.readFileSync(path.join(LOGS, file)));
	decoder.end();
	const faults = decoder.storm.groups.map(
		(group): Record<string, unknown> =>
			JSON.parse(JSON.stringify(groupJson(group, decoder.around(group), decoder.explain(group)))),
	);
	return {faults, storm: decoder.storm, text: JSON.stringify(faults)};
}

for (const [file, {faults, says = [], never = [], notices = [], suppressed = {}, ...rest}] of Object.entries(
	expected,
)) {
	test(`log ${file}`, () => {
		const {faults: found, storm, text} = decoded(file);
		assert.equal(found.length, faults.length, text);
		for (const [i, fields] of faults.entries())
			for (const [name, value] of Object.entries(fields))
				assert.deepEqual(found[i][name], value, `${name} of fault ${i + 1}`);
		for (const words of says)
			assert.ok(
				words.split('|').some(each => text.includes(each)),
				`${words} has to be said: ${text}`,
			);
		for (const words of never) assert.ok(!text.includes(words), `${words} must not be said: ${text}`);
		assert.deepEqual(
			storm.notices.map(({notice}) => notice.id),
			notices,
		);
		assert.deepEqual(Object.fromEntries(storm.suppressed), suppressed);
		assert.equal(storm.notUnderstood, 0, storm.samples.join('\n'));
		const last = closing(storm)[0];
		assert.ok(last.startsWith(rest.closing ?? `${storm.faults} fault`), last);
	});
}

test('each log is checked', () => {
	assert.deepEqual(
		fs.readdirSync(LOGS).filter(name => name.endsWith('.log')),
		Object.keys(expected).sort(),
	);
});

const THREE = [
	'3b:00.0 write 0xffdd4000 5',
	'0000:25:00.1 read 0x1bbc8f040 ixgbe',
	'02:00.0 read 0xa0c58000 2',
];

for (const file of fs.readdirSync(path.join(LOGS, 'prefixes'))) {
	test(`prefix ${file}`, () => {
		const {faults, storm} = decoded(path.join('prefixes', file));
		const found = faults.map(({device, access, lowest, reason, driver}) =>
			[device, access, lowest, reason ?? driver].join(' '),
		);
		// The wrapped ones and the one of one line hold two.
		assert.deepEqual(found, THREE.slice(0, /^(wrap|reddit)/.test(file) ? 2 : 3));
		assert.equal(storm.notUnderstood, 0, storm.samples.join('\n'));
	});
}

test('ordinary boots, without an IOMMU and with each of QEMU’s, give no fault and nothing that is not understood', () => {
	const folder = path.join(import.meta.dirname, 'boots');
	const boots = fs.readdirSync(folder).map(name => fs.readFileSync(path.join(folder, name), 'utf8'));
	const prefixes = ['', 'Nov 22 12:00:01 host kernel: ', '<6>', '> ', 'node1  | '];
	const lines = prefixes.flatMap(prefix =>
		boots.flatMap(boot => boot.split('\n').map(line => `${prefix}${line}\n`)),
	);
	const decoder = new Decoder();
	for (const line of lines) decoder.push(Buffer.from(line));
	decoder.end();
	const {storm} = decoder;
	assert.ok(boots.length === 5 && lines.length > 10_000);
	assert.ok(
		lines.some(line => /DMAR: Host address width/.test(line)) && lines.some(line => /AMD-Vi: /.test(line)),
	);
	assert.deepEqual(
		[storm.faults, storm.notUnderstood, storm.overflows, storm.statuses, storm.notices.length],
		[0, 0, 0, 0, 0],
		storm.samples.join('\n'),
	);
	assert.match(closing(storm).join(), /^This log has no IOMMU faults\. Looked for: /);
});
