// The blocks of a disk, some of which an overlay holds in memory.

/** A page, the block size of most disks and file systems. */
export const BLOCK = 4096;

/** By block number; the last block of a disk may be shorter. */
export type Blocks = Map<number, Uint8Array>;

/** The numbers of the blocks that [offset, offset + bytes) touches. */
export function* blocksOf(offset: number, bytes: number): Generator<number> {
	for (let block = Math.floor(offset / BLOCK); block * BLOCK < offset + bytes; block++) yield block;
}

/** Hands over the parts that `bytes`, which lie at `offset` of the disk, have in blocks: where in the block, and which bytes. */
export function eachPart(
	offset: number,
	bytes: Uint8Array,
	each: (block: number, at: number, part: Uint8Array) => void,
): void {
	for (const block of blocksOf(offset, bytes.length)) {
		const start = Math.max(offset, block * BLOCK);
		const end = Math.min(offset + bytes.length, (block + 1) * BLOCK);
		each(block, start - block * BLOCK, bytes.subarray(start - offset, end - offset));
	}
}
