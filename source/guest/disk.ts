// What a guest's driver offers to those above it, whichever device model it talks to.

/** A part of a buffer, in guest physical memory. */
export type Segment = {gpa: number; bytes: number};

/** How a request came back: undefined where it never did. */
export type Answer = {ok: boolean; text: string} | undefined;

/** A delete has no segments, and a flush neither segments nor sectors. */
export type GuestRequest = {
	op: 'read' | 'write' | 'flush' | 'delete';
	sector: number;
	segments: readonly Segment[];
	sectors: number;
};

export interface GuestDisk {
	readonly model: 'virtio-blk' | 'ahci-hd' | 'nvme';
	/** As the guest found out by asking the device. */
	readonly sectors: number;
	/** Where the driver keeps its rings: guest physical addresses. */
	readonly memory: {start: number; end: number};
	readonly maxSegments: number;
	/** The device's sentence, where it stopped. */
	readonly stopped: string | undefined;
	/** Why the driver cannot express a request, if it cannot. */
	readonly problem: (request: GuestRequest) => string | undefined;
	reset(): void;
	request(request: GuestRequest): Answer;
	/** Several at once, in one kick. */
	batch(requests: readonly GuestRequest[]): Answer[];
}
