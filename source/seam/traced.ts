// What a kernel does to its IOMMU domains, event by event, as it traces it.

export type TraceEvent = {
	/** Seconds, on the kernel's clock. */
	at: number;
	task: string;
	pid: number;
} & (
	| {is: 'map'; iova: string; paddr: string; bytes: number}
	| {is: 'unmap'; iova: string; bytes: number; unmapped: number}
	| {is: 'attach' | 'detach'; device: string}
	| {is: 'group'; device: string; group: number; joined: boolean}
	| {is: 'fault'; device: string; driver: string; iova: string; flags: string}
);

export type Traced = {
	/** The newest of them, the last one last. */
	events: readonly TraceEvent[];
	total: number;
	/** Events that the kernel had no room for. */
	lost: number;
	/** Maps and unmaps of each second, the current one last. */
	rates: readonly number[];
	/** Why there are no more of them. */
	ended?: string;
};
