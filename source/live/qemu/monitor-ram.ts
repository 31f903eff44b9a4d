// A guest's memory read through QEMU's monitor: for guests whose memory is in no shared file.

import {type Region, ramBlocks} from './layout.js';
import type {GuestMemory, RamBlock} from './memory.js';
import {printedPage, type Qmp} from './qmp.js';

export class MonitorRam implements GuestMemory {
	readonly blocks: readonly RamBlock[];
	readonly how: string;
	readonly inPlace = false;

	/** `why` it is not read in place. */
	constructor(
		private readonly qmp: Qmp,
		regions: readonly Region[],
		why: string,
	) {
		// What is no memory is a device's, and a look at it may have effects.
		this.blocks = ramBlocks(regions);
		this.how = `The guest’s memory is read through the monitor, which is slower, and only its tables are. ${why}`;
	}

	/** The monitor cannot be asked at once: what is shown is what was read last. */
	page(): undefined {
		return undefined;
	}

	async readPage(gpa: number, words: Uint32Array): Promise<boolean> {
		const bytes = words.length * 4;
		if (!this.blocks.some(each => gpa >= each.gpa && gpa + bytes <= each.gpa + each.bytes)) return false;
		await printedPage(this.qmp, gpa, words);
		return true;
	}

	/** The connection is not its own. */
	close(): void {}
}
