// The disks of the host, all from one image: a raw AHCI disk with its partitions, the same disk on USB, and a file.

import {createHash} from 'node:crypto';
import {didYouMean} from '../../did-you-mean.js';
import {AhciHba} from '../../hardware/ahci-hba.js';
import type {Disk} from '../../hardware/disk.js';
import type {DmaPort} from '../../hardware/dma.js';
import type {Memory} from '../../hardware/memory.js';
import type {Probe} from '../../hardware/probe.js';
import {Xhci} from '../../hardware/xhci.js';
import {AhciDisk} from '../../kernel/ahci.js';
import {OpenFile} from '../../kernel/file.js';
import {PartitionProvider, taste} from '../../kernel/geom-part.js';
import {type Backing, type Provider, RawDevice} from '../../kernel/physio.js';
import type {Release} from '../../kernel/release.js';
import {UmassDisk} from '../../kernel/umass.js';
import type {VmPages} from '../../kernel/vm-page.js';
import {UserError} from '../../user-error.js';
import {either} from '../../words.js';

/** The controllers' ports to memory; `writeFaults`: whether they report memory that they could not read for a write. */
export type Controllers = {ahci: DmaPort; xhci: DmaPort; writeFaults: boolean};

/**
 * Reads bytes of the disk without involving an IOMMU, into `into` if it is given. @returns fewer bytes at the end of the
 * disk. @throws the system's error if the disk cannot be read
 */
export type Peek = (offset: number, bytes: number, into?: Uint8Array) => Uint8Array;

export class Disks {
	/** Controllers and drivers, which report to a probe. */
	readonly layers: readonly {probe?: Probe}[];
	private readonly hba: AhciHba;
	private readonly disk: Disk;
	private readonly memory: Memory;
	/** ada0 and da0, and the partitions of the disks that were tasted. */
	private readonly providers: Provider[];
	private readonly ada0: AhciDisk;
	private readonly tasted = new Map<string, PartitionProvider[]>();
	private readonly pages: VmPages;

	constructor(disk: Disk, memory: Memory, pages: VmPages, {ahci, xhci, writeFaults}: Controllers) {
		this.disk = disk;
		this.memory = memory;
		this.pages = pages;
		const hba = new AhciHba(ahci, disk, writeFaults);
		const usb = new Xhci(xhci, disk, writeFaults);
		this.ada0 = new AhciDisk('ada0', hba, memory, pages);
		const da0 = new UmassDisk('da0', usb, memory, pages);
		this.layers = [hba, usb, this.ada0, da0];
		this.hba = hba;
		this.providers = [this.ada0, da0];
	}

	/** What the disk's driver has logged. */
	get log(): readonly string[] {
		return this.ada0.log;
	}

	get writable(): boolean {
		return this.disk.writable;
	}

	/** Bytes that the AHCI controller moved and the IOMMU refused, so far. */
	get dropped(): number {
		return this.hba.dropped;
	}

	/** The path on bhyve's command line. */
	pathOf(name: string): string {
		return name === 'file' ? this.disk.path : `/dev/${name}`;
	}

	/** The serial number that the guest sees: of the MD5 of the path (pci_vtblk_init, pci_ahci_hd_init). */
	ident(name: string): string {
		const digest = createHash('md5').update(this.pathOf(name)).digest('hex').toUpperCase();
		return `BHYVE-${digest.slice(0, 4)}-${digest.slice(4, 8)}-${digest.slice(8, 12)}`;
	}

	/** Opens a disk for a guest. @throws UserError if there is no such disk */
	open(name: string, {trimsFiles}: Release): Backing {
		if (name === 'file') return new OpenFile(this.disk.buffered, this.memory, trimsFiles);
		return new RawDevice(this.provider(name));
	}

	/** Reads the disk's bytes directly, past controller and IOMMU. */
	peek(name: string): Peek {
		const [start, end] = this.placeOf(name);
		return (offset, bytes, into) => {
			const wanted = Math.max(0, Math.min(bytes, end - start - offset));
			return this.disk.peek(start + offset, wanted, into);
		};
	}

	/** Writes bytes back to where `peek` found them, just as directly. @throws the system's error */
	poke(name: string, offset: number, bytes: Uint8Array): void {
		this.disk.poke(this.placeOf(name)[0] + offset, bytes);
	}

	/** Where a disk starts and ends on the image. */
	private placeOf(name: string): [start: number, end: number] {
		const provider = name === 'file' ? undefined : this.provider(name);
		const start = provider instanceof PartitionProvider ? provider.start : 0;
		return [start, start + (provider?.mediaBytes ?? this.disk.bytes)];
	}

	private provider(name: string): Provider {
		const whole = this.providers.find(provider => provider.name === name);
		if (whole !== undefined) return whole;
		const parent = this.providers.find(provider => name.startsWith(provider.name));
		if (parent === undefined) throw new UserError(`Unknown disk ${name}; use ada0, da0 or file.`);
		const parts = this.tasted.get(parent.name) ?? taste(parent, this.memory, this.pages);
		this.tasted.set(parent.name, parts);
		const part = parts.find(provider => provider.name === name);
		if (part !== undefined) return part;
		const names = parts.map(provider => provider.name);
		const known = names.length > 0 ? `use ${either(names)}` : 'it has none';
		const near = didYouMean(name, names);
		throw new UserError(`Unknown partition ${name} on ${parent.name}; ${known}.${near}`);
	}
}
