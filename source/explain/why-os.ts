// What to check where the tables are those of a machine's own kernel, for devices that it drives itself.

import type {Range} from './ranges.js';
import type {Cause} from './why.js';

/** `writer` is whose kernel it is; `here`, what is mapped at the address by now. */
export function osAdvice(cause: Cause, here: Range | undefined, writer: string): string {
	switch (cause) {
		case 'no domain':
			return `The kernel of ${writer} has put the function into no domain: no driver of it uses DMA, or the function came after the IOMMU was set up.`;
		case 'too wide':
			return 'Look at the address that the driver gave the device: it is wider than its domain.';
		case 'interrupt':
			return 'Interrupts are sent to that address, and no memory is there: look at who maps it.';
		case 'not allowed':
			return forbidden(here, writer);
		case 'bad entry':
			return 'The hardware refuses the entry as it is written: hold its raw bits against the specification. A kernel that is at work may have been changing it as it was read.';
		case 'not mapped':
			return here === undefined
				? `The driver never mapped that address for this device, or has unmapped it while the device was still to use it. Look in the log of ${writer} for a line with DMAR or AMD-Vi, and at the driver of that device.`
				: forbidden(here, writer);
	}
}

function forbidden(here: Range | undefined, writer: string): string {
	if (here?.read && here.write)
		return 'The page is mapped by now. What was refused is gone all the same: the request has to be made again.';
	const path = here === undefined ? 'one way' : here.read ? 'to be read' : 'to be written';
	return `The driver has mapped the page ${path} only (DMA_TO_DEVICE is read, DMA_FROM_DEVICE is written), and the device did the other: the kernel of ${writer} means to stop just that.`;
}
