// What a VT-d unit remembers, and how it is told to forget: by register, or by the descriptors of the
// invalidation queue (VT-d 6.5).

import {type Descriptor, GRANULARITY, IQ} from '../formats/vtd-invalidation.js';
import {ContextCache} from './context-cache.js';
import {Iotlb} from './iotlb.js';
import type {Memory} from './memory.js';

const PAGE_BITS = 12;

export class VtdCaches {
	readonly contexts = new ContextCache();
	readonly iotlb = new Iotlb();

	/** Context-cache invalidation. @returns the granularity that was done; 0: none such */
	invalidateContexts(granularity: number, domain: number, rid: number, mask: number): number {
		if (granularity === GRANULARITY.GLOBAL) this.contexts.invalidateAll();
		else if (granularity === GRANULARITY.DOMAIN) this.contexts.invalidateDomain(domain);
		else if (granularity === GRANULARITY.DEVICE) this.contexts.invalidateDevice(domain, rid, mask);
		else return 0;
		return granularity;
	}

	/** IOTLB invalidation; a page-selective one drops 2^mask pages from `address` on. @returns as above */
	invalidateIotlb(granularity: number, domain: number, address: number, mask: number): number {
		const pages = 2 ** mask;
		const first = Math.floor(address / 2 ** PAGE_BITS / pages) * pages;
		if (granularity === GRANULARITY.GLOBAL) this.iotlb.invalidateAll();
		else if (granularity === GRANULARITY.DOMAIN) this.iotlb.invalidateDomain(domain);
		else if (granularity === GRANULARITY.PAGE) this.iotlb.invalidatePages(domain, first, pages);
		else return 0;
		return granularity;
	}

	/** Does what one queue descriptor asks. @returns false where there is no such descriptor */
	process(memory: Memory, descriptor: Descriptor): boolean {
		const {type, granularity, domain, rid, mask, address, addressMask} = descriptor;
		if (type === IQ.CONTEXT) return this.invalidateContexts(granularity, domain, rid, mask) !== 0;
		if (type === IQ.IOTLB) return this.invalidateIotlb(granularity, domain, address, addressMask) !== 0;
		if (type !== IQ.WAIT) return false;
		if (descriptor.statusWrite && memory.has(descriptor.statusAddress, 4)) {
			memory.setU32(descriptor.statusAddress, descriptor.status);
		}
		return true;
	}
}
