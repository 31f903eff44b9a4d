import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import {test} from 'node:test';
import fc from 'fast-check';
import {runScenarios} from '../../../source/cli/run.js';
import {parseScenario} from '../../../source/lab/scenario/parse.js';
import {scenarioText} from '../../../source/lab/scenario/write.js';
import {
	type Command,
	FAMILIES,
	type GuestSpec,
	type MachineSpec,
	MODELS,
	POLICIES,
} from '../../../source/machine/command.js';
import {UserError} from '../../../source/user-error.js';
import {record} from '../../helpers/arbitrary.js';
import {fuzz} from '../../helpers/fuzz.js';
import {folder, MIB, randomImage, testSetting} from '../../helpers/lab.js';

const SECTORS = 2048;

const aVm = fc.constantFrom('vm0', 'vm0', 'vm1', 'vm2');
const aDevice = fc.constantFrom(
	'ppt0',
	'ppt0',
	'ppt1',
	'igb0',
	'em0',
	'nvme0',
	'4:0:0',
	'5:0:0',
	'9:0:0',
	'ahci0',
);
const aGuest: fc.Arbitrary<GuestSpec> = record({
	name: aVm,
	memory: fc.constantFrom(8 * MIB, 12 * MIB, 20 * MIB),
	wired: fc.constantFrom(true, true, true, false),
	model: fc.constantFrom(...MODELS),
	disk: fc.constantFrom('ada0', 'ada0', 'da0', 'file', 'ada0p1'),
	passthru: fc.constantFrom([], [], ['ppt0'], ['ppt1', 'ppt0']),
});
const aMachine: fc.Arbitrary<MachineSpec> = record({
	iommu: fc.constantFrom(...FAMILIES),
	hostMemory: fc.constant(64 * MIB),
	policy: fc.constantFrom(...POLICIES),
	hostPtp: fc.boolean(),
	returnsToHost: fc.boolean(),
	hba: fc.constantFrom('silent', 'error'),
	pptdevs: fc.constantFrom(['4:0:0'], ['4:0:0', '5:0:0']),
	guests: fc.uniqueArray(aGuest, {maxLength: 2, selector: ({name}) => name}),
});
const transfers = record({
	do: fc.constantFrom('read', 'write', 'delete'),
	vm: aVm,
	lba: fc.integer({min: 0, max: SECTORS + 100}),
	sectors: fc.constantFrom(1, 8, 64, 200, 4096),
	segments: fc.constantFrom(1, 1, 2, 8),
	requests: fc.constantFrom(1, 1, 3),
	gpa: fc.constantFrom(0x10_0000, 0x10_0002, 0x20_0000, 0x40_0000, 0x60_0000, 0xff_f000),
});
const aCommand: fc.Arbitrary<Command> = fc.oneof(
	{weight: 5, arbitrary: transfers},
	record({
		do: fc.constant('dma'),
		device: aDevice,
		access: fc.constantFrom('read', 'write'),
		gpa: fc.constantFrom(0, 0x40_0000, 0x1000_0000),
		bytes: fc.constantFrom(1, 4096, 9000),
	}),
	record({do: fc.constant('work'), count: fc.constantFrom(1, 20), writes: fc.constantFrom(0, 50)}),
	record({do: fc.constantFrom('boot', 'destroy', 'reinit'), vm: aVm}),
	record({do: fc.constant('policy'), policy: fc.constantFrom(...POLICIES)}),
	aGuest.map((guest): Command => ({do: 'create', ...guest})),
	{weight: 3, arbitrary: record({do: fc.constantFrom('bind', 'unbind'), vm: aVm, device: aDevice})},
	{weight: 3, arbitrary: record({do: fc.constantFrom('attach', 'detach', 'unplug'), device: aDevice})},
	record({
		do: fc.constant('plug'),
		device: fc.constantFrom('nvme0', 'em0'),
		rid: fc.constantFrom('9:0:0', '4:0:0'),
	}),
	record({
		do: fc.constantFrom('map', 'unmap'),
		from: fc.constantFrom('host', 'guest'),
		vm: aVm,
		gpa: fc.constantFrom(0, 0x40_0000, 0x80_0000),
		pages: fc.constantFrom(1, 1024),
		invalidate: fc.boolean(),
	}),
	record({do: fc.constantFrom('unload', 'invalidate')}),
	aMachine.map((machine): Command => ({do: 'start', machine})),
);

test('an accepted scenario runs to its end; a refused one runs no step', t => {
	const {file: disk, content} = randomImage(t, SECTORS * 512);
	const scenario = path.join(folder(t), 's.yaml');
	const setting = testSetting(t, {disk, writable: true});
	const count = {refused: 0, run: 0, steps: 0};
	const run = () => {
		const out: string[] = [];
		const err: string[] = [];
		const flags = {disk, writable: true};
		const code = runScenarios(
			[scenario],
			{flags, json: true},
			line => out.push(line),
			line => err.push(line),
		);
		return {code, out, err};
	};
	fc.assert(
		fc.property(aMachine, fc.array(aCommand, {minLength: 1, maxLength: 12}), (machine, commands) => {
			// Remove refused steps one by one until the rest makes sense.
			let steps = commands.map(command => ({command}));
			while (steps.length > 0) {
				const text = scenarioText({name: 's', machine, steps});
				fs.writeFileSync(scenario, text);
				try {
					parseScenario('s.yaml', text, setting);
					break;
				} catch (error) {
					assert.ok(error instanceof UserError, String(error));
					const line = Number(/^s\.yaml:(\d+):\d+: /.exec(error.message)?.[1]);
					const starts = text.split('\n').flatMap((row, i) => (row.startsWith('  - ') ? [i + 1] : []));
					const own = starts.slice(-steps.length).findLastIndex(start => start <= line);
					if (own < 0) return; // The machine itself makes no sense.
					count.refused++;
					if (count.refused % 10 === 0) {
						const {code, out, err} = run();
						assert.deepEqual([code, out, err.length], [2, [], 1]);
					}
					steps = steps.toSpliced(own, 1);
				}
			}
			assert.ok(fs.readFileSync(disk).equals(content), 'a rehearsal wrote to the disk');
			if (steps.length === 0) return;
			const {code, out, err} = run();
			assert.deepEqual([code, err, out.length], [0, [], steps.length + 1]);
			fs.writeFileSync(disk, content);
			count.run++;
			count.steps += steps.length;
		}),
		fuzz(60, 21),
	);
	assert.ok(count.run > 10 && count.refused > 30 && count.steps > 40, JSON.stringify(count));
});
