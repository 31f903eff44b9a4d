// The verbs of a scenario's steps: what each takes, and the command that it is.

import {PAGE_SIZE} from '../../formats/address.js';
import {type Command, type DiskCommand, POLICIES} from '../../machine/command.js';
import type {Limits} from '../build/limits.js';
import {device, GUEST, MACHINE, parseGuest, parseMachine} from '../build/spec.js';
import {type Field, type Fields, field, neededIn, valueIn} from './fields.js';
import {address, choice, flag, text, whole, word} from './kinds.js';

/** The longest transfer, in sectors: 16 MiB. */
const MAX_SECTORS = 32768;
const MAX_REQUESTS = 64;
/** The most requests of a workload in one command. */
export const MAX_WORK = 10_000;
const MAX_LBA = 2 ** 53 / 512 - MAX_SECTORS * MAX_REQUESTS;

const VM = field('vm', text, 'a guest (the first)');
const LBA = field('lba', whole(0, MAX_LBA), 'the first sector (0)');
const SECTORS = field('sectors', whole(1, MAX_SECTORS), 'how many, of 512 bytes (8)');
const SEGMENTS = field(
	'segments',
	whole(1, MAX_SECTORS),
	'into which the buffer is cut, no more than sectors (1)',
);
const REQUESTS = field(
	'requests',
	whole(1, MAX_REQUESTS),
	'so many of them one after the other, in one kick (1)',
);
// A PRD names memory by words.
const BUFFER = field(
	'gpa',
	address(2),
	'of the buffer in guest memory (0x01000000, less where guests are small)',
);
const PAGE = field(
	'gpa',
	address(PAGE_SIZE),
	'of the first page, in guest memory (0x01000000, less where guests are small)',
);
const PAGES = field('pages', whole(1, 2 ** 20), 'how many (1)');
const FROM = field('from', choice(['host', 'guest']), 'the domain: the host’s, or the guest’s own (host)');
const INVALIDATE = field('invalidate', flag, 'whether the IOTLB is told (true)');
const FUNCTION = field('device', device, 'a function by its name, or a selector such as 4:0:0 (ppt0)');
const ACCESS = field('access', choice(['write', 'read']), 'what the function does to memory (write)');
const IOVA = field(
	'gpa',
	address(),
	'an address of the function’s domain (0x01000000, less where guests are small)',
);
const BYTES = field('bytes', whole(1, MAX_SECTORS * 512), 'how many (4096)');
const COUNT = field('count', whole(1, MAX_WORK), 'how many requests (100)');
const WRITES = field('writes', whole(0, 100), 'of a hundred, how many write (0)');
const POLICY = field('policy', choice(POLICIES), 'the policy from now on; passthru devices are bound again');
const PASSTHRU = field('device', device, 'a function that ppt has, or a selector such as 4:0:0 (ppt0)');
const ANY = field('device', device, 'a function by its name, or a selector such as 4:0:0');
const NEW = field('device', word(/^[a-z]+\d+$/, 'give a new name such as nvme0.'), 'its name, such as nvme0');
const RID = field(
	'rid',
	word(/^\d{1,3}:\d{1,2}:[0-7]$/, 'give a free bus:device:function, such as 5:0:0.'),
	'where it is, such as 5:0:0',
);

const DISK = [VM, LBA, SECTORS, SEGMENTS, REQUESTS, BUFFER];
const TABLE = [FROM, VM, PAGE, PAGES, INVALIDATE];

export type Verb = {
	about: string;
	fields: readonly Field<unknown>[];
	/** Fields that may not be left out. */
	needs?: readonly string[];
	/** The field that a value which is no map stands for. */
	short?: string;
	build: (given: Fields, limits: Limits) => Command;
};

/** Every verb of a scenario's steps. */
export const VERBS: Record<Command['do'], Verb> = {
	read: diskVerb('read', 'A guest reads its disk.'),
	write: diskVerb('write', 'A guest writes to its disk; asks for --writable.'),
	delete: diskVerb('delete', 'A guest trims sectors of its disk; asks for --writable.'),
	dma: {
		about: 'A function writes or reads at an address of its domain.',
		fields: [FUNCTION, ACCESS, IOVA, BYTES],
		build: (given, limits) => ({
			do: 'dma',
			device: valueIn(given, FUNCTION) ?? limits.passthru,
			access: valueIn(given, ACCESS) ?? 'write',
			gpa: valueIn(given, IOVA) ?? limits.defaultGpa,
			bytes: valueIn(given, BYTES) ?? PAGE_SIZE,
		}),
	},
	work: {
		about: 'Requests of the guests’ own, one after the other.',
		fields: [COUNT, WRITES],
		short: 'count',
		build: given => ({
			do: 'work',
			count: valueIn(given, COUNT) ?? 100,
			writes: valueIn(given, WRITES) ?? 0,
		}),
	},
	boot: vmVerb('boot', 'A guest looks for a disk to boot.'),
	policy: {
		about: 'Another policy.',
		fields: [POLICY],
		needs: ['policy'],
		short: 'policy',
		build: given => ({do: 'policy', policy: neededIn(given, POLICY)}),
	},
	create: {
		about: 'A new guest, which looks for a disk to boot.',
		fields: GUEST,
		needs: ['name'],
		short: 'name',
		build: (given, limits) => ({do: 'create', ...parseGuest('create', given, limits.hostMemory)}),
	},
	destroy: vmVerb('destroy', 'A guest ends, and its memory is free.'),
	reinit: vmVerb('reinit', 'A guest starts again; its passthru devices are bound again.'),
	bind: bindVerb('bind', 'A guest gets a passthru device.'),
	unbind: bindVerb('unbind', 'A passthru device leaves its guest.'),
	attach: deviceVerb('attach', 'ppt takes a function of the host.'),
	detach: deviceVerb('detach', 'ppt gives a function back.'),
	unplug: deviceVerb('unplug', 'A function leaves the bus.'),
	plug: {
		about: 'A new function.',
		fields: [NEW, RID],
		needs: ['device', 'rid'],
		build: given => ({do: 'plug', device: neededIn(given, NEW), rid: neededIn(given, RID)}),
	},
	unload: {about: 'vmm is unloaded.', fields: [], build: () => ({do: 'unload'})},
	unmap: tableVerb('unmap', 'Pages of a guest leave a domain, as no kernel would do it.'),
	map: tableVerb('map', 'Pages of a guest enter a domain, as no kernel would do it.'),
	invalidate: {about: 'The IOTLB is emptied.', fields: [], build: () => ({do: 'invalidate'})},
	start: {
		about: 'The machine starts anew, with these parts changed.',
		fields: MACHINE,
		build: (given, limits) => ({do: 'start', machine: parseMachine(given, limits.machine)}),
	},
};

function diskVerb(verb: DiskCommand['do'], about: string): Verb {
	return {
		about,
		fields: DISK,
		build: (given, limits) => ({
			do: verb,
			vm: vmIn(given, limits),
			lba: valueIn(given, LBA) ?? 0,
			sectors: valueIn(given, SECTORS) ?? 8,
			segments: valueIn(given, SEGMENTS) ?? 1,
			requests: valueIn(given, REQUESTS) ?? 1,
			gpa: valueIn(given, BUFFER) ?? limits.defaultGpa,
		}),
	};
}

function vmVerb(verb: 'boot' | 'destroy' | 'reinit', about: string): Verb {
	return {
		about,
		fields: [VM],
		short: 'vm',
		build: (given, limits) => ({do: verb, vm: vmIn(given, limits)}),
	};
}

function bindVerb(verb: 'bind' | 'unbind', about: string): Verb {
	return {
		about,
		fields: [VM, PASSTHRU],
		build: (given, limits) => ({
			do: verb,
			vm: vmIn(given, limits),
			device: valueIn(given, PASSTHRU) ?? limits.passthru,
		}),
	};
}

function deviceVerb(verb: 'attach' | 'detach' | 'unplug', about: string): Verb {
	return {
		about,
		fields: [ANY],
		needs: ['device'],
		short: 'device',
		build: given => ({do: verb, device: neededIn(given, ANY)}),
	};
}

function tableVerb(verb: 'map' | 'unmap', about: string): Verb {
	return {
		about,
		fields: TABLE,
		build: (given, limits) => ({
			do: verb,
			from: valueIn(given, FROM) ?? 'host',
			vm: vmIn(given, limits),
			gpa: valueIn(given, PAGE) ?? limits.defaultGpa,
			pages: valueIn(given, PAGES) ?? 1,
			invalidate: valueIn(given, INVALIDATE) ?? true,
		}),
	};
}

const vmIn = (given: Fields, limits: Limits): string => valueIn(given, VM) ?? limits.vms[0] ?? '';
