// A problem on a machine, in words: a row of the diagnosis, or a host's warning.

export type Finding = {
	/** Names the kind of problem and its subject, so the same problem keeps its id. */
	id: string;
	severity: 'error' | 'warning' | 'note';
	title: string;
	/** What happened, and its consequences. */
	cause: string;
	/** How to mend it. */
	cure: string;
	/** The guests, devices and addresses concerned. */
	about: readonly (string | number)[];
};
