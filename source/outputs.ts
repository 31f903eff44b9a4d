// What --json prints, as schemas: the types of the code that prints it, and the JSON Schemas that ship, come from here.
// A field that is not always there is optional; null means that it does not apply, or that nobody can know.

import * as z from 'zod/mini';

const list = <T extends z.core.SomeType>(item: T) => z.readonly(z.array(item));
const hex = z.string().check(z.regex(/^0x[0-9a-f]+$/));
const count = z.int().check(z.minimum(0));
const text = z.string();
const flag = z.boolean();
const maybe = z.optional;

const family = z.enum(['vt-d', 'amd-vi', 'none']);
const policy = z.enum(['remove', 'keep', 'bounce']);
const data = z.enum(['delivered', 'lost', 'torn', 'failed', 'unchecked']);
const path = z.enum(['direct', 'bounced', 'copied']);
const access = z.enum(['read', 'write']);
const model = z.enum(['virtio-blk', 'ahci-hd', 'nvme']);

/** A command, as scenarios have it; which fields there are depends on `do`. */
const command = z.object({
	do: text,
	vm: maybe(text),
	lba: maybe(count),
	sectors: maybe(count),
	segments: maybe(count),
	requests: maybe(count),
	gpa: maybe(hex),
	device: maybe(text),
	access: maybe(access),
	bytes: maybe(count),
	count: maybe(count),
	writes: maybe(count),
	policy: maybe(policy),
	rid: maybe(text),
	from: maybe(z.enum(['host', 'guest'])),
	pages: maybe(count),
	invalidate: maybe(flag),
	name: maybe(text),
	memory: maybe(count),
	wired: maybe(flag),
	model: maybe(model),
	disk: maybe(text),
	passthru: maybe(list(text)),
	machine: maybe(z.looseObject({})),
});

/** A fault of a kernel's log, explained. */
const logged = z.object({
	title: text,
	count,
	rid: z.nullable(text),
	iova: z.nullable(hex),
	access: z.nullable(access),
	often: maybe(list(text)),
	what: maybe(list(text)),
	why: maybe(list(text)),
	where: maybe(list(text)),
	here: maybe(list(text)),
	usually: maybe(list(text)),
	look: maybe(list(text)),
});

const cacheCounts = {lookups: count, hits: count, misses: count, entries: count};

/** The domains with all that they map, and which domain each function is in. */
const domains = list(
	z.object({
		id: count,
		role: z.enum(['host', 'guest', 'os']),
		vm: z.nullable(text),
		mappedPages: count,
		removedPages: count,
		ranges: list(
			z.object({
				iova: hex,
				hpa: hex,
				pages: count,
				read: flag,
				write: flag,
				owner: z.nullable(text),
			}),
		),
	}),
);
const functions = list(
	z.object({
		rid: text,
		name: text,
		driver: text,
		domain: z.nullable(count),
		untranslated: flag,
		vm: z.nullable(text),
	}),
);
const transfer = z.object({
	number: count,
	command,
	vm: maybe(text),
	policy,
	data,
	path,
	bytes: count,
	landed: maybe(count),
	copied: count,
	faults: count,
	device: maybe(text),
	iova: z.nullable(hex),
	chain: list(
		z.object({
			place: text,
			brief: text,
			full: text,
			trouble: flag,
			parts: maybe(
				list(
					z.object({
						kind: z.enum(['gpa', 'pointer', 'hpa', 'refused']),
						address: count,
						bytes: count,
					}),
				),
			),
		}),
	),
	owners: maybe(list(z.object({owner: text, bytes: count}))),
	note: maybe(text),
});
const tally = z.readonly(
	z.object({delivered: count, lost: count, torn: count, failed: count, unchecked: count}),
);

export const snapshot = z.object({
	iommu: family,
	policy: z.nullable(policy),
	disk: z.nullable(
		z.object({name: text, path: text, sectors: count, direct: flag, writable: flag, sample: flag}),
	),
	domains,
	devices: functions,
	vms: list(
		z.object({
			name: text,
			pages: count,
			wired: flag,
			passthru: list(text),
			model,
			disk: text,
			console: list(text),
		}),
	),
	transfers: list(transfer),
	tally,
	faults: list(
		z.object({
			number: count,
			transfer: maybe(count),
			rid: text,
			device: text,
			iova: hex,
			access,
			reason: count,
			text,
			recorded: flag,
			owner: z.nullable(text),
		}),
	),
	faultLog: z.object({
		kind: z.enum(['registers', 'event log']),
		total: count,
		used: count,
		overflow: flag,
		blocked: maybe(count),
		kernelLogged: maybe(count),
		kernelLines: list(text),
	}),
	logged: z.nullable(list(logged)),
	counters: z.nullable(z.object({...cacheCounts, walks: count, contexts: z.object(cacheCounts)})),
	notes: list(text),
});

/** What a step came to. */
export const outcome = z.object({
	policy: maybe(policy),
	data: maybe(data),
	path: maybe(path),
	bytes: maybe(count),
	landed: maybe(count),
	/** Bytes that the CPU copied. */
	copied: maybe(count),
	faults: maybe(count),
	/** The pointer into guest memory that bhyve gave to preadv or pwritev: the first one. */
	pointer: maybe(hex),
	owner: maybe(text),
	/** Bytes by owner, where there are several. */
	owners: maybe(z.record(text, count)),
	bootable: maybe(flag),
	found: maybe(list(text)),
	error: maybe(z.enum(['ENOENT', 'EBUSY', 'ENXIO', 'unwired'])),
	domains: maybe(count),
	missing: maybe(count),
});

const sums = {steps: count, expectations: count, held: count, broken: count};
/** `file`: only where several scenarios run. */
const file = maybe(text);
export const runLine = z.union([
	z.object({file, step: count, note: maybe(text), command, outcome, held: flag}),
	z.object({file, summary: z.object({scenario: text, ...sums})}),
	z.object({summary: z.object({scenarios: count, ...sums})}),
]);

const fault = {
	/** The kind of IOMMU, and what wrote the line: more of both may come. */
	family: text,
	by: text,
	kind: text,
	name: text,
	device: maybe(text),
	unit: maybe(text),
	stream: maybe(hex),
	substream: maybe(hex),
	level: maybe(z.int()),
	driver: maybe(text),
	access: maybe(access),
	reason: maybe(count),
	reasonText: maybe(text),
	flags: maybe(hex),
	domain: maybe(hex),
	pasid: maybe(hex),
	index: maybe(count),
	detail: maybe(text),
};
const explained = {
	title: text,
	what: text,
	why: list(text),
	here: list(text),
	usually: list(text),
	look: list(text),
};
export const loggedFault = z.object({
	type: z.literal('fault'),
	...fault,
	address: maybe(hex),
	time: maybe(z.number()),
	times: count,
	...explained,
});
export const loggedFaults = z.object({
	type: z.literal('faults'),
	...fault,
	pciId: maybe(text),
	product: maybe(text),
	iommuGroup: maybe(count),
	count,
	seconds: maybe(z.number()),
	perSecond: maybe(z.number()),
	first: maybe(z.number()),
	last: maybe(z.number()),
	lowest: maybe(hex),
	highest: maybe(hex),
	ranges: list(z.object({lowest: hex, highest: hex, count})),
	elsewhere: count,
	...explained,
});
export const logSummary = z.object({
	type: z.literal('summary'),
	faults: count,
	kinds: count,
	leftOut: count,
	suppressedMessages: z.record(text, count),
	overflows: count,
	statusLines: count,
	notices: count,
	neighbours: count,
	notUnderstood: count,
	samples: list(text),
	bytes: count,
});
/** A message that is no refused access. */
export const notice = z.object({
	type: z.enum(['notice', 'neighbour']),
	about: text,
	device: maybe(text),
	title: text,
	count,
	says: list(text),
	look: maybe(list(text)),
	line: text,
});
export const decodeLine = z.union([
	notice,
	loggedFaults,
	loggedFault,
	z.object({type: z.literal('repeat'), title: text, times: count}),
	logSummary,
]);

const device = z.object({
	id: text,
	ids: z.nullable(text),
	class: z.nullable(text),
	kind: text,
	product: z.nullable(text),
	driver: z.nullable(text),
	group: z.nullable(count),
	unit: z.nullable(text),
	parent: z.nullable(text),
	port: z.nullable(text),
	acs: z.nullable(z.object({capable: count, control: count})),
});
const capabilities = z.union([
	z.object({
		addressBits: count,
		levels: list(count),
		pageSizes: list(text),
		domains: count,
		faultRecords: count,
		passThrough: flag,
		interruptRemapping: flag,
		snoop: flag,
		has: list(text),
	}),
	z.object({levels: maybe(count), has: list(text)}),
]);
export const host = z.object({
	kernel: z.nullable(text),
	bootWords: list(text),
	guest: flag,
	container: flag,
	units: list(
		z.object({
			name: text,
			format: z.enum(['vt-d', 'amd-vi', 'other']),
			version: z.nullable(text),
			registers: z.nullable(text),
			domainsUsed: z.nullable(count),
			capabilities: z.nullable(capabilities),
		}),
	),
	groups: list(
		z.object({
			number: count,
			type: z.nullable(text),
			verdict: z.enum(['held', 'free', 'unseen', 'nothing', 'reserved', 'shared', 'host', 'listed']),
			summary: text,
			blockedBy: list(text),
			devices: list(text),
			owners: list(count),
			why: list(text),
			reserved: list(z.object({start: text, end: text, type: text})),
		}),
	),
	devices: list(device),
	owners: list(z.object({pid: count, command: text, vm: z.nullable(text)})),
	ownersComplete: flag,
	tables: list(
		z.union([
			z.object({id: text, why: z.enum(['pass-through', 'unknown', 'unreadable'])}),
			z.object({id: text, pages: count, entries: count, cut: flag}),
		]),
	),
	functions,
	domains,
	warnings: list(
		z.object({
			id: text,
			severity: z.enum(['error', 'warning', 'note']),
			title: text,
			cause: text,
			cure: text,
			about: list(z.union([text, z.number()])),
		}),
	),
	faults: z.nullable(list(logged)),
	gaps: list(z.object({what: text, how: text})),
});

/** What `boot` saw until the guest's console was quiet. `ended`: why there was no more to see. */
export const bootReport = z.object({
	policy,
	console: list(text),
	transfers: tally,
	faults: count,
	ended: maybe(text),
});

export const serveEvent = z.union([
	z.object({event: z.literal('waiting'), socket: text, options: list(text)}),
	z.object({event: z.literal('attached'), bytes: count, policy}),
	z.object({event: z.literal('detached')}),
	z.object({event: z.literal('stopped'), why: text}),
	z.object({event: z.literal('transfer'), transfer}),
]);

/** `at`: seconds of CLOCK_MONOTONIC. */
const event = {at: z.number(), task: text, pid: count};
export const traceLine = z.union([
	z.object({...event, is: z.literal('map'), iova: hex, paddr: hex, bytes: count}),
	z.object({...event, is: z.literal('unmap'), iova: hex, bytes: count, unmapped: count}),
	z.object({...event, is: z.enum(['attach', 'detach']), device: text}),
	z.object({...event, is: z.literal('group'), device: text, group: count, joined: flag}),
	z.object({
		...event,
		is: z.literal('fault'),
		device: text,
		iova: hex,
		flags: count,
		driver: maybe(text),
	}),
]);

export const scenarioList = list(z.object({name: text, story: text, steps: count, file: text}));

export type SnapshotJson = z.infer<typeof snapshot>;
export type TransferJson = z.infer<typeof transfer>;
export type BootReportJson = z.infer<typeof bootReport>;
export type ServeEvent = z.infer<typeof serveEvent>;
export type OutcomeJson = z.infer<typeof outcome>;
export type RunLine = z.infer<typeof runLine>;
export type LoggedFaultJson = z.infer<typeof loggedFault>;
export type LoggedFaultsJson = z.infer<typeof loggedFaults>;
export type NoticeJson = z.infer<typeof notice>;
export type LogSummaryJson = z.infer<typeof logSummary>;
export type DecodeLine = z.infer<typeof decodeLine>;
export type HostJson = z.infer<typeof host>;
export type LoggedJson = z.infer<typeof logged>;
export type TraceLine = z.infer<typeof traceLine>;
export type ScenarioList = z.infer<typeof scenarioList>;
