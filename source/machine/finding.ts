// What is wrong with a machine, in words: a row of the diagnosis, and of a host's warnings.

export type Finding = {
	/** Its kind and what it is about: the same warning keeps its id. */
	id: string;
	severity: 'error' | 'warning' | 'note';
	title: string;
	/** What has happened, and what it means. */
	cause: string;
	cure: string;
	/** Names of guests and devices, and addresses. */
	about: readonly (string | number)[];
};
