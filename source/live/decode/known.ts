// Facts elsewhere in a log that help with its faults: the names and drivers of devices, the address ranges of firmware
// and devices, the width of the IOMMUs, and whether another kernel started this one.

import {compareHalves, type Halves, halves, join64, parseHalves} from '../../formats/address.js';
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
};

/** No real log has more; a hostile one must not fill memory. */
const MOST = 4096;

const HEX = '(?:0x)?([0-9a-f]{1,16})';
const BDF = String.raw`([0-9a-f]{4}):([0-9a-f]{2}):([0-9a-f]{2})\.([0-7])`;
/** dev_printk: the driver, or the bus without one; the function; perhaps its network interface. */
const DEVICE_MESSAGE = new RegExp(
	String.raw`^([a-z][\w-]{1,31}) ${BDF}(?: ([a-z][\w.@-]{1,15}))?(?: \([a-z_ ]+\))?: (.*)$`,
);
const NVME = new RegExp(String.raw`^(nvme) (nvme\d{1,5}): pci function ${BDF}`);
const IDENTITY = /^\[([0-9a-f]{4}:[0-9a-f]{4})\] type [0-9a-f]{2} class 0x([0-9a-f]{6})/;
const GROUP = /^Adding to iommu group (\d{1,6})\b/;
const OLD_GROUP = new RegExp(String.raw`^iommu: Adding device ${BDF} to group (\d{1,6})\b`);
const BAR = new RegExp(String.raw`^(?:reg 0x|BAR |VF BAR )[0-9a-f]+.*\[mem ${HEX}-${HEX}[ \]]`);
const RMRR = new RegExp(`DMAR: RMRR base: ${HEX} end: ${HEX}`);
const E820 = new RegExp(String.raw`BIOS-e820: \[mem ${HEX}-${HEX}\] (?:reserved|ACPI NVS|type 20)`);
/** Before 3.6: the end is the first address after the range. */
const OLD_E820 = /BIOS-e820: ([0-9a-f]{16}) - ([0-9a-f]{16}) \((?:reserved|ACPI NVS)\)/;
const UNIT = /DMAR: dmar\d+: reg_base_addr [0-9a-f]+ ver \d+:\d+ cap ([0-9a-f]{1,16}) /;
const INHERITED =
	/(?:DMAR|AMD-Vi): (?:Copied (?:translation tables|DEV table)|Translation (?:is )?already enabled|Translation was enabled)/i;
/** Quick check: most messages contain no facts. */
const RELEVANT = /:[0-9a-f]{2}:[0-9a-f]{2}\.|RMRR|e820|reg_base|DEV table|[Tt]ranslation/;
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
	/^(vfio-pci|[\w-]+[-_]vfio[-_]pci|pci-?stub|(xen-)?pciback|ppt\d*)$/.test(driver);

export class Known {
	readonly #devices = new Map<string, KnownDevice>();
	readonly ranges: KnownRange[] = [];
	/** Bits that the narrowest unit translates. */
	width: number | undefined;
	/** Another kernel ran before and left its tables (kexec, kdump). */
	inherited = false;

	/** Collects a message's facts. */
	read(text: string): void {
		if (text.startsWith('DMAR: [') || !RELEVANT.test(text)) return;
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
		const {width, inherited} = this;
		// A guest has its own addresses: the host's memory map does not describe them.
		const physical = !isPassthrough(rest.driver ?? device?.driver) && rest.by === 'Linux';
		const ranges = physical && lowest && highest ? this.rangesAt(lowest, highest) : [];
		return {device, ranges, width, inherited};
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

	#machine(text: string): void {
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
