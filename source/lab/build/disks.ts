// The disks of the host. One image is all of them: a raw AHCI disk with its partitions, the same on USB, and a file.

import {didYouMean} from '../../did-you-mean.js';
import {hex} from '../../formats/address.js';
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
import {UmassDisk} from '../../kernel/umass.js';
import type {VmPages} from '../../kernel/vm-page.js';
import {UserError} from '../../user-error.js';

/** The controllers' ways to memory; `writeFaults`: whether they report that memory could not be read for a write. */
export type Controllers = {ahci: DmaPort; xhci: DmaPort; writeFaults: boolean};

/**
 * Reads bytes of the disk without involving an IOMMU, into `into` if it is given. @returns fewer bytes at the end of the
 * disk, and none if it cannot be read
 */
export type Peek = (offset: number, bytes: number, into?: Uint8Array) => Uint8Array;

export class Disks {
	/** Controllers and drivers: those who say what they do. */
	readonly layers: readonly {probe?: Probe}[];
	private readonly disk: Disk;
	private readonly memory: Memory;
	/** ada0 and da0, and what was found on those that were asked for their partitions. */
	private readonly providers: Provider[];
	private readonly tasted = new Map<string, PartitionProvider[]>();
	private readonly pages: VmPages;

	constructor(disk: Disk, memory: Memory, pages: VmPages, {ahci, xhci, writeFaults}: Controllers) {
		this.disk = disk;
		this.memory = memory;
		this.pages = pages;
		const hba = new AhciHba(ahci, disk, writeFaults);
		const usb = new Xhci(xhci, disk, writeFaults);
		const ada0 = new AhciDisk('ada0', hba, memory, pages);
		const da0 = new UmassDisk('da0', usb, memory, pages);
		this.layers = [hba, usb, ada0, da0];
		this.providers = [ada0, da0];
	}

	get writable(): boolean {
		return this.disk.writable;
	}

	/** What bhyve is given on its command line. */
	pathOf(name: string): string {
		return name === 'file' ? this.disk.path : `/dev/${name}`;
	}

	/** As bhyvectl and the guest see it. */
	ident(): string {
		return `BHYVE-${hex(this.disk.sectors).slice(2).toUpperCase()}`;
	}

	/** Opens a disk for a guest. @throws UserError where there is none of that name */
	open(name: string): Backing {
		if (name === 'file') return new OpenFile(this.disk.buffered, this.memory);
		return new RawDevice(this.provider(name));
	}

	/** The disk's bytes by a plain read that no IOMMU is asked about. */
	peek(name: string): Peek {
		const [start, end] = this.placeOf(name);
		return (offset, bytes, into) => {
			const wanted = Math.max(0, Math.min(bytes, end - start - offset));
			try {
				return this.disk.peek(start + offset, wanted, into);
			} catch {
				return new Uint8Array(0);
			}
		};
	}

	/** Puts bytes back where `peek` found them, and asks no IOMMU either. @throws the system's error. */
	poke(name: string, offset: number, bytes: Uint8Array): void {
		this.disk.poke(this.placeOf(name)[0] + offset, bytes);
	}

	/** Where on the image it starts and ends. */
	private placeOf(name: string): [start: number, end: number] {
		const provider = name === 'file' ? undefined : this.provider(name);
		const start = provider instanceof PartitionProvider ? provider.start : 0;
		return [start, start + (provider?.mediaBytes ?? this.disk.bytes)];
	}

	private provider(name: string): Provider {
		const whole = this.providers.find(provider => provider.name === name);
		if (whole !== undefined) return whole;
		const parent = this.providers.find(provider => name.startsWith(provider.name));
		if (parent === undefined) throw new UserError(`There is no disk ${name}.`);
		const parts = this.tasted.get(parent.name) ?? taste(parent, this.memory, this.pages);
		this.tasted.set(parent.name, parts);
		const part = parts.find(provider => provider.name === name);
		if (part !== undefined) return part;
		const names = parts.map(provider => provider.name);
		const known = names.join(', ') || 'none';
		const near = didYouMean(name, names);
		throw new UserError(`There is no partition ${name} on ${parent.name}; there are: ${known}.${near}`);
	}
}
