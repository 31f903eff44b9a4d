// Ending by a signal where something has to be done first.

import os from 'node:os';

/** By default a signal ends the program without an `exit` event. */
export function exitOnSignals(): void {
	for (const signal of ['SIGHUP', 'SIGINT', 'SIGTERM'] as const)
		process.once(signal, () => process.exit(128 + os.constants.signals[signal]));
}
