// How dmascope ends by a signal where something has to be done first.

import os from 'node:os';

/** Else a signal would end the program at once, without its `exit` event. */
export function exitOnSignals(): void {
	for (const signal of ['SIGHUP', 'SIGINT', 'SIGTERM'] as const)
		process.once(signal, () => process.exit(128 + os.constants.signals[signal]));
}
