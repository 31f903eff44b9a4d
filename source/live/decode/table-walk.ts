// The kernel's own walk of its tables, which Xen (print_vtd_entries, iommu=verbose) and Linux (dmar_fault_dump_ptes, with
// CONFIG_DMAR_DEBUG) print after a fault, an entry a line:
//
//   (XEN) print_vtd_entries: iommu #0 dev 0000:00:02.0 gmfn ea0c4f       DMAR: Dump dmar1 table entries for IOVA 0x1026a4000
//   (XEN)     root_entry[00] = 46e129001                                 DMAR: root entry: 0x0000000101b3e001
//   (XEN)     context[10] = 2_46e128001                                  DMAR: context entry: hi 0x…, low 0x…
//   (XEN)     l4[000] = 46e11b003                                        DMAR: pte level: 4, pte value: 0x…
//   (XEN)     l3[03a] = 0                                                DMAR: PTE not present at level 3
//   (XEN)     l3[03a] not present

import {parseHalves} from '../../formats/address.js';
import {sizeText} from '../../words.js';

const XEN_START = /print_vtd_entries: iommu #?\d+ dev \S+ gmfn [0-9a-f]+/;
const XEN_ROOT = /root_entry\[[0-9a-f]{2}\] (?:= ([0-9a-f]{1,16})|not present)/;
const XEN_CONTEXT = /(?:context|ctxt_entry)\[[0-9a-f]{2}\] (?:= [0-9a-f]{1,16}_([0-9a-f]{1,16})|not present)/;
const XEN_LEVEL = /\bl([1-6])\[([0-9a-f]{3})\] (?:= ([0-9a-f]{1,16})(?: ([r-][w-]))?|(not present))/;
const LINUX_START = /Dump dmar\d+ table entries for IOVA/;
const LINUX_LEVEL = /pte level: ([1-6]), pte value: 0x([0-9a-f]{1,16})/;
const LINUX_ENTRY =
	/DMAR: (?:scalable mode root entry|root entry|context entry|pasid dir entry|pasid table entry\[\d\]): /;

/** Other lines that may come between its lines. */
const MOST_BETWEEN = 4;

/** Each level's entry covers 512 times as much as the one below. */
const covers = (level: number): string => sizeText(4096 * 512 ** (level - 1));

export class TableWalk {
	#isOpen = false;
	/** The entries that were present. */
	#passed: string[] = [];
	#ended = false;
	#remaining = 0;

	/** How many more lines may be the walk's. */
	get wants(): number {
		return this.#remaining;
	}

	/** @returns a sentence where the walk ended, nothing where it goes on; undefined for other messages */
	read(text: string): string | undefined {
		if (XEN_START.test(text) || LINUX_START.test(text)) {
			this.#isOpen = true;
			this.#ended = false;
			this.#passed = [];
			this.#remaining = MOST_BETWEEN;
			return '';
		}
		if (!this.#isOpen) return undefined;
		const said = this.#xen(text) ?? this.#linux(text);
		this.#remaining = said === undefined ? this.#remaining - 1 : this.#ended ? 1 : MOST_BETWEEN;
		if (this.#remaining <= 0) this.#isOpen = false;
		return said;
	}

	#xen(text: string): string | undefined {
		const root = XEN_ROOT.exec(text);
		if (root) return this.#entry('the root entry', root[1]);
		const context = XEN_CONTEXT.exec(text);
		if (context) return this.#entry('the context entry', context[1]);
		const level = XEN_LEVEL.exec(text);
		if (!level) return undefined;
		const [, number, index, value, rights] = level;
		const size = covers(Number(number));
		const name = `level ${number}, entry 0x${index}`;
		if (value === undefined || isZero(value))
			return this.#end(`${name} is not present: nothing is mapped in this ${size}`);
		if (rights !== undefined && Number(number) === 1)
			return this.#end(
				`${name} is 0x${value} and permits ${rights.includes('r') ? 'reads' : 'no reads'} and ${rights.includes('w') ? 'writes' : 'no writes'}`,
			);
		this.#passed.push(`level ${number}`);
		return '';
	}

	#linux(text: string): string | undefined {
		const level = LINUX_LEVEL.exec(text);
		if (level) {
			const [, number, value] = level;
			if (isZero(value))
				return this.#end(
					`level ${number} is not present: nothing is mapped in this ${covers(Number(number))}`,
				);
			this.#passed.push(`level ${number} (0x${value.replace(/^0+/, '')})`);
			return '';
		}
		// Linux names the entry that is missing again.
		if (this.#ended && /DMAR: .*not present/.test(text)) return '';
		return LINUX_ENTRY.test(text) ? '' : undefined;
	}

	#entry(name: string, value: string | undefined): string {
		if (value === undefined || isZero(value) || !isPresent(value)) return this.#end(`${name} is not present`);
		this.#passed.push(name);
		return '';
	}

	/** Xen names the entry that is missing twice. */
	#end(where: string): string {
		if (this.#ended) return '';
		this.#ended = true;
		const passed = this.#passed.length > 0 ? `${this.#passed.join(', ')} present; ` : '';
		return `the kernel’s own walk: ${passed}${where}`;
	}
}

const isZero = (digits: string): boolean => /^0+$/.test(digits);
const isPresent = (digits: string): boolean => ((parseHalves(digits)?.lo ?? 0) & 1) === 1;
