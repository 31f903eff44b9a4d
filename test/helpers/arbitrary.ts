// Machines and commands of every kind, for properties.

import fc from 'fast-check';
import {RELEASES} from '../../source/kernel/release.js';
import {
	type Command,
	FAMILIES,
	type GuestSpec,
	type MachineSpec,
	MODELS,
	POLICIES,
} from '../../source/machine/command.js';
import {MIB} from './lab.js';

const PAGE = 4096;

/** Of plain objects: fast-check's own may have no prototype. */
export const record = <T>(model: {[K in keyof T]: fc.Arbitrary<T[K]>}) =>
	fc.record<T>(model, {noNullPrototype: true});

export const aName = fc.oneof(
	fc.constantFrom('vm0', 'vm1', 'null', 'true', 'no', 'y', 'a-1', 'e1'),
	fc.stringMatching(/^[a-z][a-z0-9-]{0,15}$/),
);
export const aSelector = fc
	.tuple(fc.nat(255), fc.nat(31), fc.nat(7))
	.map(([bus, device, fn]) => `${bus}:${device}:${fn}`);
export const aDevice = fc.oneof(fc.constantFrom('ppt0', 'igb1', 'em0', 'ahci0'), aSelector);

export const aGuest: fc.Arbitrary<GuestSpec> = record({
	name: aName,
	memory: fc.oneof(
		fc.integer({min: 1024, max: 16384}).map(n => n * PAGE),
		fc.integer({min: 4, max: 64}).map(n => n * MIB),
	),
	wired: fc.boolean(),
	model: fc.constantFrom(...MODELS),
	disk: fc.constantFrom('ada0', 'ada0p1', 'ada0s2', 'da0', 'da0p1', 'file'),
	passthru: fc.array(aDevice, {maxLength: 3}),
});

export const aMachine: fc.Arbitrary<MachineSpec> = record({
	iommu: fc.constantFrom(...FAMILIES),
	hostMemory: fc
		.oneof(
			fc.integer({min: 64, max: 4096}),
			fc.integer({min: 1, max: 256}).map(n => n * 1024),
		)
		.map(n => n * MIB),
	policy: fc.constantFrom(...POLICIES),
	hostPtp: fc.boolean(),
	amdviEnable: fc.boolean(),
	iommuEnable: fc.boolean(),
	freebsd: fc.constantFrom(...RELEASES),
	returnsToHost: fc.boolean(),
	flr: fc.boolean(),
	hba: fc.constantFrom('silent', 'error'),
	pptdevs: fc.array(aSelector, {maxLength: 4}),
	guests: fc.uniqueArray(aGuest, {maxLength: 3, selector: ({name}) => name}),
});

const anAddress = fc.oneof(
	fc.integer({min: 0, max: 0x4000}).map(n => n * PAGE),
	fc.integer({min: 0, max: 2 ** 39}).map(n => n * 2),
);

/** Every kind of command. What `vm` and `device` name need not be there. */
export const aCommand: fc.Arbitrary<Command> = fc.oneof(
	record({
		do: fc.constantFrom('read', 'write', 'delete'),
		vm: aName,
		lba: fc.nat(2 ** 31 - 1),
		sectors: fc.integer({min: 64, max: 32768}),
		segments: fc.integer({min: 1, max: 64}),
		requests: fc.integer({min: 1, max: 64}),
		gpa: anAddress,
	}),
	record({
		do: fc.constant('dma'),
		device: aDevice,
		access: fc.constantFrom('read', 'write'),
		gpa: fc.oneof(
			fc.nat(2 ** 31 - 1),
			fc.integer({min: 2 ** 41, max: 2 ** 52 - 2 ** 15}).map(page => page * PAGE),
		),
		bytes: fc.integer({min: 1, max: 65536}),
	}),
	record({do: fc.constant('work'), count: fc.integer({min: 1, max: 10_000}), writes: fc.nat(100)}),
	record({do: fc.constantFrom('boot', 'destroy', 'reinit'), vm: aName}),
	record({do: fc.constant('policy'), policy: fc.constantFrom(...POLICIES)}),
	aGuest.map((guest): Command => ({do: 'create', ...guest})),
	record({do: fc.constantFrom('bind', 'unbind'), vm: aName, device: aDevice}),
	record({do: fc.constantFrom('attach', 'detach', 'unplug'), device: aDevice}),
	record({do: fc.constant('plug'), device: fc.constantFrom('nvme0', 'em7'), rid: aSelector}),
	record({
		do: fc.constantFrom('map', 'unmap'),
		from: fc.constantFrom('host', 'guest'),
		vm: aName,
		gpa: fc.nat(2 ** 20).map(n => n * PAGE),
		pages: fc.integer({min: 1, max: 2 ** 20}),
		invalidate: fc.boolean(),
	}),
	record({do: fc.constantFrom('unload', 'invalidate')}),
	aMachine.map((machine): Command => ({do: 'start', machine})),
);
