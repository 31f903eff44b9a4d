// Going to the background.

/**
 * Stops the whole job, as the terminal's own Ctrl-Z would: npm and sh are in it too. Where no shell could continue
 * it, the system ignores that, and so it is over at once.
 */
export const stopJob = (): Promise<void> =>
	new Promise(resolve => {
		process.kill(0, 'SIGTSTP');
		setTimeout(() => {
			// The system reported a resize to the job in front alone; SIGWINCH has Node look at the size again.
			process.kill(process.pid, 'SIGWINCH');
			resolve();
		}, 50);
	});
