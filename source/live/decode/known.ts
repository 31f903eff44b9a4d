// Facts elsewhere in a log that help with its faults: the names and drivers of devices, the address ranges of firmware
// and devices, the width of the IOMMUs, and whether another kernel started this one.

import {compareHalves, type Halves, halves, join64, parseHalves} from '../../formats/address.js';
import {ridBus} from '../../formats/pci.js';
import {decodeCap} from '../../formats/vtd.js';
import {deviceText, type LoggedDevice, type LoggedFault, loggedDevice} from './fault.js';

export type KnownDevice = {
	readonly device: LoggedDevice;
	/** 8086:10d3, for pci.ids. */
	id?: string;
	/** PCI's class code: 020000. */
	class?: string;
	/** The driver of the last message about it. */
	driver?: string;
	/** eth0, nvme0 */
	name?: string;
	group?: number;
};

/** A range of addresses whose owner the log names. */
export type KnownRange = {
	readonly what: 'RMRR' | 'firmware' | 'BAR';
	readonly first: Halves;
	readonly last: Halves;
	/** The device of a BAR. */
	readonly device?: LoggedDevice;
};

/** The facts around a fault, from its log or its machine. */
export type Surroundings = {
	readonly device?: Readonly<KnownDevice>;
	/** Vendor and product, from pci.ids. */
	readonly product?: string;
	/** The ranges that contain the fault's addresses. */
	readonly ranges: readonly KnownRange[];
	/** Bits that the IOMMU translates. */
	readonly width?: number;
	/** Another kernel ran before this one. */
	readonly inherited: boolean;
	/** RAM of the memory map, from the lowest; none where the log has no map. */
	readonly ram: readonly Extent[];
	/** Functions behind the bridge that sends as the fault's device, which is none itself. */
	readonly behind: readonly LoggedDevice[];
	/** Whether the log lists the machine's functions. */
	readonly listed: boolean;
	/** SEV-SNP is on. */
	readonly snp: boolean;
	/** What the kernel said about the IOMMU or the command line, in sentences. */
	readonly remarks: readonly string[];
};

export type Extent = {readonly first: Halves; readonly last: Halves};

/** No real log has more; a hostile one must not fill memory. */
const MOST = 4096;

const HEX = '(?:0x)?([0-9a-f]{1,16})';
const BDF = String.raw`([0-9a-f]{4}):([0-9a-f]{2}):([0-9a-f]{2})\.([0-7])`;
/** dev_printk: the driver, or the bus without one; the function; perhaps its network interface. */
const DEVICE_MESSAGE = new RegExp(
	String.raw`(?:^|[\s\]>"'|=])([a-z][\w-]{1,31}) ${BDF}(?: ([a-z][\w.@-]{1,15}))?(?: \([a-z_ ]+\))?: (.*)$`,
);
const NVME = new RegExp(String.raw`\b(nvme) (nvme\d{1,5}): pci function ${BDF}`);
const IDENTITY = /^\[([0-9a-f]{4}:[0-9a-f]{4})\] type [0-9a-f]{2} class 0x([0-9a-f]{6})/;
const GROUP = /^Adding to iommu group (\d{1,6})\b/;
const OLD_GROUP = new RegExp(String.raw`\biommu: Adding device ${BDF} to group (\d{1,6})\b`);
const BAR = new RegExp(String.raw`^(?:reg 0x|BAR |VF BAR )[0-9a-f]+.*\[mem ${HEX}-${HEX}[ \]]`);
/** lspci, with -n or -nn or without, with -D or without: the class in words or its number, and the IDs. */
const LSPCI =
	/^\s*(?:IOMMU Group (\d{1,5}):?\s+)?(?:([0-9a-f]{4}):)?([0-9a-f]{2}):([0-9a-f]{2})\.([0-7]) (?:"?[A-Z][\w /&,+-]*?"? ?\[([0-9a-f]{4})\]: |[A-Z][A-Za-z][\w /&,+-]*: |([0-9a-f]{4}): )(.*)$/;
const LSPCI_IDS = /([0-9a-f]{4}:[0-9a-f]{4})\]?(?: \(rev [0-9a-f]{2}\))?(?:\s|$)/;
const LSPCI_DRIVER = /^\s+Kernel driver in use: ([\w-]+)/;
const LSHW_PLACE = /^\s*bus info: pci@([0-9a-f]{4}):([0-9a-f]{2}):([0-9a-f]{2})\.([0-7])/;
const LSHW_NAME = /^\s*logical name: (\w+)\s*$/;
const LSHW_DRIVER = /^\s*configuration: .*\bdriver=([\w-]+)/;
const LSHW_ROW =
	/^pci@([0-9a-f]{4}):([0-9a-f]{2}):([0-9a-f]{2})\.([0-7])\s+(\w+)?\s+(network|storage|display|bridge|multimedia|bus|generic)\b/;
/** A heading over the functions of a group, and sysfs's paths. */
const GROUP_HEAD = /^\s*(?:###? )?IOMMU [Gg]roup (\d{1,5}):?\s*(?:###?)?$/;
const GROUP_PATH = new RegExp(String.raw`iommu_groups/(\d{1,5})/devices/${BDF}`);
const BUSES = new RegExp(String.raw`\bpci ${BDF}: PCI bridge to \[bus ([0-9a-f]{2})(?:-([0-9a-f]{2}))?\]`);
const LSPCI_BUSES = /^\s+Bus: primary=[0-9a-f]{2}, secondary=([0-9a-f]{2}), subordinate=([0-9a-f]{2})/;
const USABLE = new RegExp(String.raw`BIOS-e820: \[mem ${HEX}-${HEX}\] usable`);
const OLD_USABLE = /BIOS-e820: ([0-9a-f]{16}) - ([0-9a-f]{16}) \(usable\)/;
/** Xen's memory map; until 4.12 the end is the first address after the range. */
const XEN_E820 =
	/^\s*\[([0-9a-f]{16}), ([0-9a-f]{16})\] \((usable|reserved|ACPI NVS)\)|^\s*([0-9a-f]{16}) - ([0-9a-f]{16}) \((usable|reserved|ACPI NVS)\)/;
const SNP = /SEV-SNP|\bsnp_enabled\b/;
/** Sentences for what the kernel says of its IOMMU. */
const REMARKS: readonly (readonly [RegExp, string])[] = [
	[
		/Please enable the IOMMU option in the BIOS setup/,
		'The log says “Please enable the IOMMU option in the BIOS setup”: firmware has left a part of it off.',
	],
	[
		/Default domain type: Passthrough/,
		'The host’s devices are in pass-through (iommu=pt): those of its own drivers reach all memory, and only devices with a domain of their own can fault.',
	],
];
const RMRR = new RegExp(`DMAR: RMRR base: ${HEX} end: ${HEX}`);
const E820 = new RegExp(String.raw`BIOS-e820: \[mem ${HEX}-${HEX}\] (?:reserved|ACPI NVS|type 20)`);
/** Before 3.6: the end is the first address after the range. */
const OLD_E820 = /BIOS-e820: ([0-9a-f]{16}) - ([0-9a-f]{16}) \((?:reserved|ACPI NVS)\)/;
const UNIT = /DMAR: dmar\d+: reg_base_addr [0-9a-f]+ ver \d+:\d+ cap ([0-9a-f]{1,16}) /;
const INHERITED =
	/(?:DMAR|AMD-Vi): (?:Copied (?:translation tables|DEV table)|Translation (?:is )?already enabled|Translation was enabled)/i;
/** Quick check: most messages contain no facts. */
const RELEVANT =
	/:[0-9a-f]{2}\.[0-7]|RMRR|e820|reg_base|DEV table|[Tt]ranslation|IOMMU [Gg]roup|driver|logical name|Bus: primary|\((?:usable|reserved|ACPI NVS)\)|SNP|snp_|BIOS setup|domain type/;
/** lspci's words for the classes that matter. */
const CLASSES: readonly (readonly [RegExp, string])[] = [
	[/Ethernet controller|Network controller/, '0200'],
	[/PCI bridge/, '0604'],
	[/VGA compatible|3D controller|Display controller/, '0300'],
	[/SATA controller/, '0106'],
	[/Non-Volatile memory/, '0108'],
	[/USB controller/, '0c03'],
	[/RAID bus controller/, '0104'],
];
/** A reset or an error of a device, which invalidation errors follow. */
const INCIDENT =
	/GPU reset begin|[Rr]esetting (?:the )?(?:device|controller|GPU)|resetting$|Device not ready; aborting reset|controller is down; will reset|PCIe Bus Error|AER: .*[Ee]rror|pcieport .*(?:Link Down|link is down|Card not present)|GPU has fallen off the bus|device is gone|surprise/;
/** So many lines before a fault still belong to it. */
const RECENT = 40;
/** Words before a function that are not drivers. */
const NO_DRIVERS = new Set([
	'pci',
	'device',
	'function',
	'dev',
	'iommu',
	'for',
	'at',
	'on',
	'of',
	'from',
	'to',
	'by',
]);

/** Drivers that hand a device to a guest. */
export const isPassthrough = (driver = ''): boolean =>
	/^(vfio-pci|[\w-]+[-_]vfio[-_]pci|pci-?stub|(xen-)?pciback|ppt\d*|passthru)$/.test(driver);

export class Known {
	readonly #devices = new Map<string, KnownDevice>();
	readonly ranges: KnownRange[] = [];
	/** Bits that the narrowest unit translates. */
	width: number | undefined;
	/** Another kernel ran before and left its tables (kexec, kdump). */
	inherited = false;
	readonly ram: Extent[] = [];
	snp = false;
	readonly #remarks = new Set<string>();
	/** The device that the last line of lspci or lshw was about, and the group of a list. */
	#current: KnownDevice | undefined;
	#group: number | undefined;
	/** Bridges by the buses behind them. */
	readonly #bridges: {readonly device: LoggedDevice; readonly first: number; readonly last: number}[] = [];
	/** The last reset or bus error, and how many lines ago. */
	#incident: {readonly text: string; readonly at: number} | undefined;
	#lines = 0;

	/** A reset or an error of a device within the last lines. */
	get incident(): string | undefined {
		return this.#incident !== undefined && this.#lines - this.#incident.at <= RECENT
			? this.#incident.text
			: undefined;
	}

	/** Collects a message's facts. */
	read(text: string): void {
		this.#lines++;
		if (text.startsWith('DMAR: [')) return;
		if (INCIDENT.test(text)) this.#incident = {text: text.trim(), at: this.#lines};
		if (!RELEVANT.test(text)) return;
		if (this.#paste(text)) return;
		const buses = BUSES.exec(text);
		if (buses)
			this.#bridge(loggedDevice(buses[1], buses[2], buses[3], buses[4]), buses[5], buses[6] ?? buses[5]);
		const message = DEVICE_MESSAGE.exec(text);
		if (message) {
			this.#deviceMessage(message);
			return;
		}
		const nvme = NVME.exec(text);
		if (nvme) {
			const known = this.#at(loggedDevice(nvme[3], nvme[4], nvme[5], nvme[6]));
			if (known) Object.assign(known, {driver: nvme[1], name: nvme[2]});
			return;
		}
		const group = OLD_GROUP.exec(text);
		if (group) {
			const known = this.#at(loggedDevice(group[1], group[2], group[3], group[4]));
			if (known) known.group = Number(group[5]);
			return;
		}
		this.#machine(text);
	}

	/** A fault's device. Without a segment in the log, the number must be unique. */
	device(logged: LoggedDevice): KnownDevice | undefined {
		if (logged.segment !== undefined) return this.#devices.get(deviceText(logged));
		const first = this.#devices.get(deviceText({...logged, segment: 0}));
		// Few machines have a second segment, and those rarely have the same device number twice.
		if (first === undefined) return [...this.#devices.values()].find(({device}) => device.rid === logged.rid);
		return [...this.#devices.values()].some(({device}) => device.rid === logged.rid && device.segment !== 0)
			? undefined
			: first;
	}

	/** The ranges that contain all addresses from one to another. */
	rangesAt(lowest: Halves, highest: Halves): KnownRange[] {
		const around = this.ranges.filter(
			({first, last}) => compareHalves(first, lowest) <= 0 && compareHalves(highest, last) <= 0,
		);
		// Firmware also lists an RMRR's memory as reserved.
		return around.some(({what}) => what === 'RMRR') ? around.filter(({what}) => what !== 'firmware') : around;
	}

	/** The facts around a fault and its range of addresses. */
	around({device: logged, ...rest}: LoggedFault, lowest?: Halves, highest?: Halves): Surroundings {
		const device = logged && this.device(logged);
		const {width, inherited, ram, snp} = this;
		// A guest has its own addresses: the host's memory map does not describe them.
		const physical = !isPassthrough(rest.driver ?? device?.driver) && rest.by === 'Linux';
		const ranges = physical && lowest && highest ? this.rangesAt(lowest, highest) : [];
		const behind = device === undefined && logged !== undefined ? this.#behind(logged) : [];
		const listed = [...this.#devices.values()].some(({class: pciClass}) => pciClass !== undefined);
		return {device, ranges, width, inherited, ram, snp, behind, listed, remarks: [...this.#remarks]};
	}

	#at(device: LoggedDevice | undefined): KnownDevice | undefined {
		if (device === undefined) return undefined;
		const key = deviceText(device);
		const known = this.#devices.get(key) ?? {device};
		if (this.#devices.size < MOST) this.#devices.set(key, known);
		return known;
	}

	#deviceMessage([, driver, segment, bus, slot, fn, name, message]: RegExpExecArray): void {
		const known = this.#at(loggedDevice(segment, bus, slot, fn));
		if (known === undefined) return;
		if (!NO_DRIVERS.has(driver)) known.driver = driver;
		if (name !== undefined) known.name = name;
		const identity = IDENTITY.exec(message);
		if (identity) {
			known.id = identity[1];
			known.class = identity[2];
		}
		const group = GROUP.exec(message);
		if (group) known.group = Number(group[1]);
		const bar = BAR.exec(message);
		if (bar) this.#range('BAR', bar[1], bar[2], known.device);
	}

	/** Lines of lspci, lshw and lists of groups. @returns whether it is one */
	#paste(text: string): boolean {
		const row = LSPCI.exec(text);
		if (row) {
			const [, group, segment, bus, slot, fn, classDigits, classAlone, rest] = row;
			const known = this.#at(loggedDevice(segment ?? '0000', bus, slot, fn));
			if (known === undefined) return true;
			const pciClass = classDigits ?? classAlone ?? CLASSES.find(([words]) => words.test(text))?.[1];
			if (pciClass !== undefined) known.class ??= `${pciClass}00`;
			const ids = LSPCI_IDS.exec(rest);
			if (ids) known.id ??= ids[1];
			const listed = group === undefined ? this.#group : Number(group);
			if (listed !== undefined) known.group ??= listed;
			this.#current = known;
			return true;
		}
		const place = LSHW_PLACE.exec(text) ?? LSHW_ROW.exec(text);
		if (place) {
			this.#current = this.#at(loggedDevice(place[1], place[2], place[3], place[4]));
			if (this.#current !== undefined && place[5] !== undefined) this.#current.name ??= place[5];
			if (this.#current !== undefined && place[6] === 'network') this.#current.class ??= '020000';
			return true;
		}
		const driver = (LSPCI_DRIVER.exec(text) ?? LSHW_DRIVER.exec(text))?.[1];
		const name = LSHW_NAME.exec(text)?.[1];
		if (driver !== undefined || name !== undefined) {
			if (this.#current !== undefined) Object.assign(this.#current, driver === undefined ? {name} : {driver});
			return true;
		}
		const buses = LSPCI_BUSES.exec(text);
		if (buses) {
			this.#bridge(this.#current?.device, buses[1], buses[2]);
			return true;
		}
		const path = GROUP_PATH.exec(text);
		if (path) {
			const known = this.#at(loggedDevice(path[2], path[3], path[4], path[5]));
			if (known) known.group ??= Number(path[1]);
			return true;
		}
		const head = GROUP_HEAD.exec(text);
		if (head) this.#group = Number(head[1]);
		return head !== null;
	}

	#bridge(device: LoggedDevice | undefined, first: string, last: string): void {
		if (device !== undefined && this.#bridges.length < MOST)
			this.#bridges.push({device, first: Number.parseInt(first, 16), last: Number.parseInt(last, 16)});
	}

	/** Of the first function of a bus that a bridge leads to, and that the log does not list: those that are there. */
	#behind({rid, segment = 0}: LoggedDevice): readonly LoggedDevice[] {
		const bus = ridBus(rid);
		if (bus === 0 || (rid & 0xff) !== 0 || !this.#bridges.some(({first}) => first === bus)) return [];
		return [...this.#devices.values()]
			.map(({device}) => device)
			.filter(device => (device.segment ?? 0) === segment && ridBus(device.rid) === bus);
	}

	#xenMap(text: string): void {
		const match = XEN_E820.exec(text);
		if (!match) return;
		const isNew = match[1] !== undefined;
		const what = match[3] ?? match[6];
		this.#extent(what, match[1] ?? match[4], match[2] ?? match[5], isNew ? 0 : 1);
	}

	/** A range of the memory map. */
	#extent(what: string, from: string, to: string, beyond: number): void {
		if (what !== 'usable') {
			this.#range('firmware', from, to, undefined, beyond);
			return;
		}
		const [first, end] = [parseHalves(from), parseHalves(to)];
		if (first === undefined || end === undefined || compareHalves(first, end) >= 0 || this.ram.length >= MOST)
			return;
		const last = halves(join64(end.lo, end.hi) - beyond);
		if (this.ram.some(each => !compareHalves(each.first, first))) return;
		this.ram.push({first, last});
		this.ram.sort((a, b) => compareHalves(a.first, b.first));
	}

	#machine(text: string): void {
		const usable = USABLE.exec(text);
		if (usable) this.#extent('usable', usable[1], usable[2], 0);
		const oldUsable = OLD_USABLE.exec(text);
		if (oldUsable) this.#extent('usable', oldUsable[1], oldUsable[2], 1);
		this.#xenMap(text);
		if (SNP.test(text)) this.snp = true;
		for (const [words, sentence] of REMARKS) if (words.test(text)) this.#remarks.add(sentence);
		const rmrr = RMRR.exec(text);
		if (rmrr) this.#range('RMRR', rmrr[1], rmrr[2]);
		const e820 = E820.exec(text);
		if (e820) this.#range('firmware', e820[1], e820[2]);
		const old = OLD_E820.exec(text);
		if (old) this.#range('firmware', old[1], old[2], undefined, 1);
		const unit = UNIT.exec(text);
		const cap = unit && parseHalves(unit[1]);
		if (cap) this.width = Math.min(this.width ?? 64, decodeCap(cap.lo, cap.hi).mgaw);
		if (INHERITED.test(text)) this.inherited = true;
	}

	/** `beyond`: how far the printed end is past the last address. */
	#range(what: KnownRange['what'], from: string, to: string, device?: LoggedDevice, beyond = 0): void {
		const [first, end] = [parseHalves(from), parseHalves(to)];
		if (first === undefined || end === undefined || compareHalves(first, end) >= 0) return;
		const last = halves(join64(end.lo, end.hi) - beyond);
		// A log of several boots repeats its ranges.
		const same = this.ranges.some(
			range => range.what === what && !compareHalves(range.first, first) && !compareHalves(range.last, last),
		);
		if (!same && this.ranges.length < MOST) this.ranges.push({what, first, last, device});
	}
}
