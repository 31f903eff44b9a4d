import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import {test} from 'node:test';
import fc from 'fast-check';
import {parse} from 'yaml';
import {findScenario, shippedScenarios} from '../../../source/lab/scenario/find.js';
import {scenarioSchema} from '../../../source/lab/scenario/schema.js';
import {VERB_NAMES} from '../../../source/lab/scenario/verbs.js';
import {scenarioText} from '../../../source/lab/scenario/write.js';
import {aCommand, aMachine} from '../../helpers/arbitrary.js';
import {fits} from '../../helpers/schema.js';

const schema = scenarioSchema();
const takes = (text: string): boolean => fits(schema, parse(text));

test('the shipped schema is up to date; npm run schema writes it', () => {
	const file = path.resolve(
		import.meta.dirname,
		'../../../source/lab/scenario/scenarios/scenario.schema.json',
	);
	assert.deepEqual(JSON.parse(fs.readFileSync(file, 'utf8')), JSON.parse(JSON.stringify(schema)));
});

for (const name of shippedScenarios()) {
	test(`${name} fits the schema`, () => {
		assert.ok(takes(findScenario(name).text));
	});
}

test('every written scenario fits the schema', () => {
	fc.assert(
		fc.property(aMachine, aCommand, (machine, command) => {
			const expect = {faults: 1, reason: 'not mapped'};
			assert.ok(takes(scenarioText({name: 'x', story: 'y', machine, steps: [{command, note: 'z', expect}]})));
		}),
		{seed: 31, numRuns: 300},
	);
});

test('short forms fit the schema', () => {
	for (const text of [
		'steps: [boot: vm0]',
		'steps: [{read: }]',
		'steps: [{read: {}}]',
		'steps: [{unload: }, {invalidate: true}]',
		'steps: [{work: 5}, {policy: keep}, {unplug: 4:0:0}]',
		'machine: {guests: vm0, pptdevs: 4/0/0}\nsteps: [{create: {name: a, passthru: ppt0}}]',
		'steps: [{read: {}, expect: {walk: {gives: 0x1000}, page: [{hpa: 0, owner: a}], console: x, reason: 5}}]',
	])
		assert.ok(takes(text), text);
});

test('the schema refuses wrong forms, as the parser does', () => {
	for (const text of [
		'5',
		'dmascope: 2\nsteps: [boot: vm0]',
		'steps: []',
		'name: x',
		'stesp: []\nsteps: [boot: vm0]',
		'machine: {plicy: keep}\nsteps: [boot: vm0]',
		'machine: {memory: 5}\nsteps: [boot: vm0]',
		'machine: {guests: [{memory: 5M}]}\nsteps: [boot: vm0]',
		'machine: {guests: [{name: a, disk: sda}]}\nsteps: [boot: vm0]',
		'machine: {pptdevs: [4:0:9]}\nsteps: [boot: vm0]',
		'steps: [red: vm0]',
		'steps: [{note: x}]',
		'steps: [{boot: vm0, read: {}}]',
		'steps: [{policy: kepp}]',
		'steps: [{policy: }]',
		'steps: [{unload: 5}]',
		'steps: [{read: {lba: x}}]',
		'steps: [{read: {sectors: 0}}]',
		'steps: [{read: {gpa: 3}}]',
		'steps: [{map: {gpa: 512}}]',
		'steps: [{read: {lab: 3}}]',
		'steps: [{plug: {device: em7}}]',
		'steps: [{read: {}, expect: {data: lots}}]',
		'steps: [{read: {}, expect: {colour: red}}]',
		'steps: [{read: {}, expect: {walk: {iova: 0}}}]',
		'steps: [{read: {}, expect: {reason: not maped}}]',
	])
		assert.ok(!takes(text), text);
});

test('every verb, field and expectation has a description in the schema', () => {
	const missing: string[] = [];
	const visit = (value: unknown, at: string): void => {
		if (typeof value !== 'object' || value === null) return;
		for (const [key, inside] of Object.entries(value)) {
			if (key === 'properties')
				for (const [name, field] of Object.entries<object>(inside))
					if (
						!('description' in field) ||
						!['type', 'anyOf', 'allOf', 'enum', 'const'].some(keyword => keyword in field)
					)
						missing.push(`${at}/${name}`);
			visit(inside, `${at}/${key}`);
		}
	};
	visit(schema, '');
	assert.deepEqual(missing, []);
	for (const verb of VERB_NAMES) assert.ok(JSON.stringify(schema).includes(`"${verb}":{"description"`), verb);
});
