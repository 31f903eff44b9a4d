// The vhost-user protocol: messages between a VMM, which is the front end, and the process that is its guest's device,
// the back end (QEMU, docs/interop/vhost-user.rst). Little-endian, as the machines are that it runs on here.

export const HEADER_BYTES = 12;
/** Flags: the version in bits 0 and 1. */
const VERSION = 1;
const VERSION_MASK = 3;
const FLAG_REPLY = 1 << 2;
const FLAG_NEED_REPLY = 1 << 3;

/** Requests of the front end. */
export const REQUEST = {
	GET_FEATURES: 1,
	SET_FEATURES: 2,
	SET_OWNER: 3,
	RESET_OWNER: 4,
	SET_MEM_TABLE: 5,
	SET_VRING_NUM: 8,
	SET_VRING_ADDR: 9,
	SET_VRING_BASE: 10,
	GET_VRING_BASE: 11,
	SET_VRING_KICK: 12,
	SET_VRING_CALL: 13,
	SET_VRING_ERR: 14,
	GET_PROTOCOL_FEATURES: 15,
	SET_PROTOCOL_FEATURES: 16,
	GET_QUEUE_NUM: 17,
	SET_VRING_ENABLE: 18,
	SET_BACKEND_REQ_FD: 21,
	IOTLB_MSG: 22,
	GET_CONFIG: 24,
	SET_CONFIG: 25,
} as const;

/** Requests of the back end, on a channel of its own. */
export const BACKEND_REQUEST = {IOTLB_MSG: 1} as const;
const IOTLB_MISS = 1;
const IOTLB_BYTES = 32;
const IOTLB_READ = 1;
const IOTLB_WRITE = 2;

/** A miss of the device IOTLB: the front end is to look an address up, and to record a fault where it is refused. */
export function encodeMiss(iova: number, write: boolean): Uint8Array {
	const payload = new Uint8Array(IOTLB_BYTES);
	const words = viewOf(payload);
	words.setBigUint64(0, BigInt(iova), true);
	words.setUint8(24, write ? IOTLB_WRITE : IOTLB_READ);
	words.setUint8(25, IOTLB_MISS);
	return payload;
}

/** Bits of the virtio features: low word, and high word. */
export const FEATURE = {
	PROTOCOL_FEATURES: 1 << 30,
	HIGH_VERSION_1: 1 << 0,
	HIGH_ACCESS_PLATFORM: 1 << 1,
} as const;
export const PROTOCOL_FEATURE = {REPLY_ACK: 1 << 3, BACKEND_REQ: 1 << 5, CONFIG: 1 << 9} as const;

/** No message of those above is as long: a table of 8 regions has 264 bytes, a configuration 268. */
export const MOST_PAYLOAD = 512;
/** VHOST_MEMORY_BASELINE_NREGIONS. */
export const MOST_REGIONS = 8;
const REGION_BYTES = 32;

export type Header = {request: number; reply: boolean; needsReply: boolean; bytes: number};

/** Undefined where this is no header of the protocol's version. */
export function decodeHeader(bytes: Uint8Array): Header | undefined {
	const words = viewOf(bytes);
	const flags = words.getUint32(4, true);
	if ((flags & VERSION_MASK) !== VERSION) return undefined;
	return {
		request: words.getUint32(0, true),
		reply: (flags & FLAG_REPLY) !== 0,
		needsReply: (flags & FLAG_NEED_REPLY) !== 0,
		bytes: words.getUint32(8, true),
	};
}

export function encode(
	request: number,
	payload: Uint8Array,
	{reply = false, needsReply = false} = {},
): Uint8Array {
	const message = new Uint8Array(HEADER_BYTES + payload.length);
	const words = viewOf(message);
	words.setUint32(0, request, true);
	words.setUint32(4, VERSION | (reply ? FLAG_REPLY : 0) | (needsReply ? FLAG_NEED_REPLY : 0), true);
	words.setUint32(8, payload.length, true);
	message.set(payload, HEADER_BYTES);
	return message;
}

export function u64(low: number, high = 0): Uint8Array {
	const bytes = new Uint8Array(8);
	const words = viewOf(bytes);
	words.setUint32(0, low >>> 0, true);
	words.setUint32(4, high >>> 0, true);
	return bytes;
}

export function u32s(...values: readonly number[]): Uint8Array {
	const bytes = new Uint8Array(4 * values.length);
	values.forEach((value, i) => {
		viewOf(bytes).setUint32(4 * i, value >>> 0, true);
	});
	return bytes;
}

export const viewOf = (bytes: Uint8Array): DataView =>
	new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);

/** A part of the guest's memory: its address there, at the front end, and in the file that comes with it. */
export type Region = {gpa: number; bytes: number; address: number; offset: number};

/** An address as a number; infinite where it is beyond what numbers hold exactly, and so beyond any memory. */
function address(words: DataView, at: number): number {
	const value = words.getBigUint64(at, true);
	return value <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(value) : Number.POSITIVE_INFINITY;
}

/** Undefined where the payload is no table. */
export function decodeMemoryTable(payload: Uint8Array): Region[] | undefined {
	if (payload.length < 8) return undefined;
	const words = viewOf(payload);
	const count = words.getUint32(0, true);
	if (count > MOST_REGIONS || payload.length < 8 + count * REGION_BYTES) return undefined;
	return Array.from({length: count}, (_, i) => {
		const at = 8 + i * REGION_BYTES;
		return {
			gpa: address(words, at),
			bytes: address(words, at + 8),
			address: address(words, at + 16),
			offset: address(words, at + 24),
		};
	});
}

export function encodeMemoryTable(regions: readonly Region[]): Uint8Array {
	const payload = new Uint8Array(8 + regions.length * REGION_BYTES);
	const words = viewOf(payload);
	words.setUint32(0, regions.length, true);
	regions.forEach(({gpa, bytes, address: at, offset}, i) => {
		[gpa, bytes, at, offset].forEach((value, j) => {
			words.setBigUint64(8 + i * REGION_BYTES + 8 * j, BigInt(value), true);
		});
	});
	return payload;
}

/** Where a ring's parts are: the front end's addresses, or IOVAs. */
export type RingAddress = {index: number; descriptors: number; used: number; avail: number};
export const RING_ADDRESS_BYTES = 40;

export function decodeRingAddress(payload: Uint8Array): RingAddress | undefined {
	if (payload.length < RING_ADDRESS_BYTES) return undefined;
	const words = viewOf(payload);
	return {
		index: words.getUint32(0, true),
		descriptors: address(words, 8),
		used: address(words, 16),
		avail: address(words, 24),
	};
}

export function encodeRingAddress({index, descriptors, used, avail}: RingAddress): Uint8Array {
	const payload = new Uint8Array(RING_ADDRESS_BYTES);
	const words = viewOf(payload);
	words.setUint32(0, index, true);
	words.setBigUint64(8, BigInt(descriptors), true);
	words.setBigUint64(16, BigInt(used), true);
	words.setBigUint64(24, BigInt(avail), true);
	return payload;
}

/** SET_VRING_KICK, CALL and ERR: the ring, and whether no descriptor comes with it. */
export function decodeRingFd(payload: Uint8Array): {index: number; none: boolean} | undefined {
	if (payload.length < 8) return undefined;
	const word = viewOf(payload).getUint32(0, true);
	return {index: word & 0xff, none: (word & 0x100) !== 0};
}
