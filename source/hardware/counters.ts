// What an IOMMU does, counted. All of it is the model's: FreeBSD shows nothing like it, and the performance counters
// that VT-d has by now came after the units here.

export type CacheCounts = {lookups: number; hits: number; misses: number; entries: number};

/** The IOTLB's counts, how often tables were walked, and the counts of the cache of context entries (AMD-Vi: DTEs). */
export type Counters = CacheCounts & {walks: number; contexts: CacheCounts};

/**
 * Counting an IOTLB hit where it happens makes it a twelfth slower. So ports count what they ask, a transfer at a time,
 * a unit counts only on its slow ways, and hits are what is left.
 */
export class TranslationCounts {
	/** Pages that functions asked about. */
	requests = 0;
	/** Of these: while nothing was translated; and those that the context entry alone settled. */
	untranslated = 0;
	settled = 0;
	contextMisses = 0;
	walks = 0;

	counters(iotlb: {misses: number; held: number}, contexts: {held: number}): Counters {
		const asked = this.requests - this.untranslated;
		return {
			...cacheCounts(asked - this.settled, iotlb.misses, iotlb.held),
			walks: this.walks,
			contexts: cacheCounts(asked, this.contextMisses, contexts.held),
		};
	}
}

const cacheCounts = (lookups: number, misses: number, entries: number): CacheCounts => ({
	lookups,
	hits: lookups - misses,
	misses,
	entries,
});
