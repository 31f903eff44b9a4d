// A guest can bring down its bhyve: a failed assertion, a NULL pointer, an endless loop. Here only the device model
// stops, with a sentence that says why.

import {BadAddress} from '../kernel/vm-map.js';

/** The guest did something that bhyve does not survive. */
class DeviceStopped extends Error {}
export const aborts = (why: string): Error => new DeviceStopped(`${why}; bhyve would have aborted`);
export const crashes = (why: string): Error => new DeviceStopped(`${why}; bhyve would have crashed`);
export const hangs = (why: string): Error => new DeviceStopped(`${why}; bhyve would have hung`);

/** Runs a device model until its guest breaks it. */
export class DeviceGuard {
	/** Why the device has stopped. */
	stopped: string | undefined;
	private readonly device: string;
	private readonly cancel: () => void;

	/** `cancel` withdraws the device's requests from block_if. */
	constructor(device: string, cancel: () => void) {
		this.device = device;
		this.cancel = cancel;
	}

	/** Does nothing while the device is stopped. @throws errors that the guest did not cause */
	run(work: () => void): void {
		if (this.stopped !== undefined) return;
		try {
			work();
		} catch (error) {
			const cause = error instanceof BadAddress ? crashes(error.message) : error;
			if (!(cause instanceof DeviceStopped)) throw error;
			this.stopped = `${this.device} stopped: ${cause.message}.`;
			this.cancel();
		}
	}

	/** The guest is started again, and with it its bhyve. */
	restart(): void {
		this.stopped = undefined;
	}
}
