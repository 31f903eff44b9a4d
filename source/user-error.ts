/** Names of fields, and places in lists, on the way to a part of some data: from the outside to the inside. */
export type DataPath = readonly (string | number)[];

/** What went wrong, for a person: one sentence that says what, where, and how to mend it. Never a stack trace. */
export class UserError extends Error {
	/** Of data that was read, wrong is the value at `path`; or, with `ofKey`, the word that stands before it. */
	constructor(
		message: string,
		readonly path: DataPath = [],
		readonly ofKey = false,
	) {
		super(message);
	}
}

/** Does something with a part of some data: what goes wrong with it says that it was there. */
export function within<T>(part: string | number, work: () => T): T {
	try {
		return work();
	} catch (error) {
		if (!(error instanceof UserError)) throw error;
		throw new UserError(error.message, [part, ...error.path], error.ofKey);
	}
}

/** The message of anything thrown, for the end of a sentence. */
export const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/** Anything thrown, as a sentence of its own. */
export const sentenceOf = (error: unknown): string =>
	error instanceof UserError ? error.message : `Internal error: ${messageOf(error)}`;

/** The errno name of a failed system call, such as ENOENT; undefined for anything else. */
export const errnoOf = (error: unknown): string | undefined =>
	error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;
