// A guest can bring its bhyve down: a failed assertion, a NULL pointer, a loop without end. Here the one device
// model stops, and says why.

import {BadAddress} from '../kernel/vm-map.js';
import {DeviceStopped} from './virtio.js';

export const aborts = (why: string): DeviceStopped => new DeviceStopped(`${why}; bhyve would have aborted`);
export const crashes = (why: string): DeviceStopped => new DeviceStopped(`${why}; bhyve would have crashed`);
export const hangs = (why: string): DeviceStopped =>
	new DeviceStopped(`${why}; bhyve would never have come back`);

/** What was thrown, as a sentence about a device. @throws what was no guest's doing. */
export function whyStopped(device: string, error: unknown): string {
	if (error instanceof DeviceStopped) return `${device} stopped: ${error.message}.`;
	if (error instanceof BadAddress) return `${device} stopped: ${crashes(error.message).message}.`;
	throw error;
}
