// A guest's disk as its driver offers it, the same for every device model.

/** A part of a buffer, in guest physical memory. */
export type Segment = {gpa: number; bytes: number};

/** The device's reply to a request. Undefined if it never replied. */
export type Answer = {ok: boolean; text: string} | undefined;

/** A delete has no segments. A flush has neither segments nor sectors. */
export type GuestRequest = {
	op: 'read' | 'write' | 'flush' | 'delete';
	sector: number;
	segments: readonly Segment[];
	sectors: number;
};

export interface GuestDisk {
	readonly model: 'virtio-blk' | 'ahci-hd' | 'nvme';
	/** As the device reported it to the guest. */
	readonly sectors: number;
	/** The guest physical memory of the driver's own rings and tables. */
	readonly memory: {start: number; end: number};
	readonly maxSegments: number;
	/** Why the device has stopped, if its guest broke it. */
	readonly stopped: string | undefined;
	/** Why the driver cannot send such a request; undefined if it can. */
	readonly problem: (request: GuestRequest) => string | undefined;
	reset(): void;
	request(request: GuestRequest): Answer;
	/** Sends several requests in one kick. */
	batch(requests: readonly GuestRequest[]): Answer[];
}
