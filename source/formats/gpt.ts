// The boot sector and the GUID partition table (UEFI 2.9, chapter 5), read and written.

import {crc32} from 'node:zlib';
import {SECTOR} from './address.js';

export type Partition = {number: number; type: string; name: string; firstLba: number; lastLba: number};
/** Where partitions may lie. */
export type Usable = {firstLba: number; lastLba: number};
export type GptHeader = {
	entriesLba: number;
	entries: number;
	entryBytes: number;
	entriesCrc: number;
	usable: Usable;
};

const ENTRY_BYTES = 128;
const ENTRIES = 128;
const TYPES: Record<string, string> = {
	'c12a7328-f81f-11d2-ba4b-00a0c93ec93b': 'EFI System',
	'21686148-6449-6e6f-744e-656564454649': 'BIOS boot',
	'83bd6b9d-7f41-11dc-be0b-001560b84f0f': 'FreeBSD boot',
	'516e7cb4-6ecf-11d6-8ff8-00022d09712b': 'FreeBSD data',
	'516e7cb5-6ecf-11d6-8ff8-00022d09712b': 'FreeBSD swap',
	'516e7cb6-6ecf-11d6-8ff8-00022d09712b': 'FreeBSD UFS',
	'516e7cba-6ecf-11d6-8ff8-00022d09712b': 'FreeBSD ZFS',
	'0fc63daf-8483-4772-8e79-3d69d8477de4': 'Linux filesystem',
	'0657fd6d-a4ab-43c4-84e5-0933c84b4f4f': 'Linux swap',
	'e6d6d379-f507-44c2-a23c-238f2a3df928': 'Linux LVM',
	'a19d880f-05fc-4d3b-a006-743f0f84911e': 'Linux RAID',
	'4f68bce3-e8cd-4db1-96e7-fbcaf984b709': 'Linux root (x86-64)',
	'ebd0a0a2-b9e5-4433-87c0-68b6b72699c7': 'Microsoft basic data',
	'e3c9e316-0b5c-4db8-817d-f92df00215ae': 'Microsoft reserved',
};
const MBR_TYPES: Record<number, string> = {
	7: 'NTFS or exFAT',
	11: 'FAT32',
	12: 'FAT32',
	130: 'Linux swap',
	131: 'Linux filesystem',
	165: 'FreeBSD',
	238: 'GPT protective',
	239: 'EFI System',
};
const PROTECTIVE = 0xee;

const viewOf = (bytes: Uint8Array): DataView =>
	new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);

export const hasBootSignature = (sector: Uint8Array): boolean => sector[510] === 0x55 && sector[511] === 0xaa;

/** The used entries of a boot sector's partition table. The caller has checked the signature. */
export function mbrPartitions(sector: Uint8Array): Partition[] {
	const view = viewOf(sector);
	return [0, 1, 2, 3].flatMap(i => {
		const at = 446 + 16 * i;
		const type = view.getUint8(at + 4);
		const firstLba = view.getUint32(at + 8, true);
		const sectors = view.getUint32(at + 12, true);
		if (type === 0 || sectors === 0) return [];
		const name = MBR_TYPES[type] ?? `type 0x${type.toString(16)}`;
		return [{number: i + 1, type: name, name: '', firstLba, lastLba: firstLba + sectors - 1}];
	});
}

export const isProtective = (sector: Uint8Array): boolean =>
	[0, 1, 2, 3].some(i => sector[446 + 16 * i + 4] === PROTECTIVE);

/** The header at `lba`, checked as firmware checks it (UEFI 5.3.2). @returns the problem as a string if it is invalid */
export function gptHeader(sector: Uint8Array, lba: number): GptHeader | string {
	const view = viewOf(sector);
	if (new TextDecoder('latin1').decode(sector.subarray(0, 8)) !== 'EFI PART')
		return 'no "EFI PART" signature';
	const size = view.getUint32(12, true);
	if (size < 92 || size > SECTOR) return `wrong header size ${size}`;
	const copy = sector.slice(0, size);
	copy.fill(0, 16, 20);
	if (crc32(copy) !== view.getUint32(16, true)) return 'wrong header CRC';
	if (Number(view.getBigUint64(24, true)) !== lba) return 'the header belongs at another LBA';
	const entries = view.getUint32(80, true);
	const entryBytes = view.getUint32(84, true);
	if (entryBytes < 128 || entryBytes > 4096 || entryBytes % 8 !== 0) return `wrong entry size ${entryBytes}`;
	if (entries === 0 || entries * entryBytes > 1024 * 1024) return `wrong number of entries ${entries}`;
	return {
		entriesLba: Number(view.getBigUint64(72, true)),
		entries,
		entryBytes,
		entriesCrc: view.getUint32(88, true),
		usable: {
			firstLba: Number(view.getBigUint64(40, true)),
			lastLba: Number(view.getBigUint64(48, true)),
		},
	};
}

/** The used entries of a complete entry array. @returns the problem as a string if its CRC is wrong */
export function gptPartitions(bytes: Uint8Array, header: GptHeader): Partition[] | string {
	const array = bytes.subarray(0, header.entries * header.entryBytes);
	if (crc32(array) !== header.entriesCrc) return 'wrong entry array CRC';
	const found: Partition[] = [];
	for (let i = 0; i < header.entries; i++) {
		const entry = array.subarray(i * header.entryBytes, (i + 1) * header.entryBytes);
		const view = viewOf(entry);
		const guid = guidText(entry);
		if (/^[0-]+$/.test(guid)) continue;
		const name = new TextDecoder('utf-16le').decode(entry.subarray(56, 128)).split('\0')[0] ?? '';
		found.push({
			number: i + 1,
			type: TYPES[guid] ?? guid,
			name,
			firstLba: Number(view.getBigUint64(32, true)),
			lastLba: Number(view.getBigUint64(40, true)),
		});
	}
	return found;
}

/** Why a partition cannot be used, alone or beside the others; undefined if it is valid. */
export function partitionFault(
	partition: Partition,
	others: readonly Partition[],
	usable: Usable,
): string | undefined {
	const {firstLba, lastLba} = partition;
	if (lastLba < firstLba) return `ends at LBA ${lastLba}, before it starts at ${firstLba}`;
	if (firstLba < usable.firstLba || lastLba > usable.lastLba)
		return `LBA ${firstLba}–${lastLba} is not all within ${usable.firstLba}–${usable.lastLba}`;
	const other = others.find(
		each => each !== partition && each.firstLba <= lastLba && each.lastLba >= firstLba,
	);
	return other && `overlaps partition ${other.number}`;
}

/** A GUID is mixed-endian: three little-endian fields, then eight bytes in order (UEFI appendix A). */
function guidText(bytes: Uint8Array): string {
	const view = viewOf(bytes);
	const part = (value: number, digits: number) => value.toString(16).padStart(digits, '0');
	const tail = [...bytes.subarray(8, 16)].map(byte => part(byte, 2)).join('');
	return [
		part(view.getUint32(0, true), 8),
		part(view.getUint16(4, true), 4),
		part(view.getUint16(6, true), 4),
		tail.slice(0, 4),
		tail.slice(4),
	].join('-');
}

function writeGuid(view: DataView, at: number, text: string): void {
	const hex = text.replaceAll('-', '');
	const number = (from: number, to: number) => Number.parseInt(hex.slice(from, to), 16);
	view.setUint32(at, number(0, 8), true);
	view.setUint16(at + 4, number(8, 12), true);
	view.setUint16(at + 6, number(12, 16), true);
	for (let i = 0; i < 8; i++) view.setUint8(at + 8 + i, number(16 + 2 * i, 18 + 2 * i));
}

export type NewPartition = {typeGuid: string; guid: string; name: string; firstLba: number; lastLba: number};

/** A complete GPT for a disk of `sectors`: LBA 0–33, and the backup at the end of the disk. */
export function buildGpt(sectors: number, diskGuid: string, partitions: readonly NewPartition[]) {
	const entrySectors = (ENTRIES * ENTRY_BYTES) / SECTOR;
	const entries = new Uint8Array(ENTRIES * ENTRY_BYTES);
	const view = viewOf(entries);
	partitions.forEach((partition, i) => {
		const at = i * ENTRY_BYTES;
		writeGuid(view, at, partition.typeGuid);
		writeGuid(view, at + 16, partition.guid);
		view.setBigUint64(at + 32, BigInt(partition.firstLba), true);
		view.setBigUint64(at + 40, BigInt(partition.lastLba), true);
		[...partition.name].forEach((char, n) => {
			view.setUint16(at + 56 + 2 * n, char.charCodeAt(0), true);
		});
	});
	const last = sectors - 1;
	const header = (lba: number, other: number, entriesLba: number): Uint8Array => {
		const bytes = new Uint8Array(SECTOR);
		const h = viewOf(bytes);
		bytes.set(new TextEncoder().encode('EFI PART'));
		h.setUint32(8, 0x10000, true);
		h.setUint32(12, 92, true);
		h.setBigUint64(24, BigInt(lba), true);
		h.setBigUint64(32, BigInt(other), true);
		h.setBigUint64(40, BigInt(2 + entrySectors), true);
		h.setBigUint64(48, BigInt(last - entrySectors - 1), true);
		writeGuid(h, 56, diskGuid);
		h.setBigUint64(72, BigInt(entriesLba), true);
		h.setUint32(80, ENTRIES, true);
		h.setUint32(84, ENTRY_BYTES, true);
		h.setUint32(88, crc32(entries), true);
		h.setUint32(16, crc32(bytes.subarray(0, 92)), true);
		return bytes;
	};
	const mbr = new Uint8Array(SECTOR);
	mbr.set([0, 0, 2, 0, PROTECTIVE, 0xff, 0xff, 0xff, 1, 0, 0, 0], 446);
	viewOf(mbr).setUint32(458, Math.min(last, 0xffffffff), true);
	mbr.set([0x55, 0xaa], 510);
	return {
		mbr,
		primary: header(1, last, 2),
		entries,
		backupEntriesLba: last - entrySectors,
		backup: header(last, 1, last - entrySectors),
	};
}
