/** The path to a value in data: field names and list indices, outermost first. */
export type DataPath = readonly (string | number)[];

/** An error for people: one sentence that says what is wrong, where, and how to mend it. Never a stack trace. */
export class UserError extends Error {
	/** If the error is in data, `path` leads to the wrong value or, with `ofKey`, to the value whose key is wrong. */
	constructor(
		message: string,
		readonly path: DataPath = [],
		readonly ofKey = false,
	) {
		super(message);
	}
}

/** Runs `work` on a part of the data, and adds that part to the path of its errors. */
export function within<T>(part: string | number, work: () => T): T {
	try {
		return work();
	} catch (error) {
		if (!(error instanceof UserError)) throw error;
		throw new UserError(error.message, [part, ...error.path], error.ofKey);
	}
}

/** The message of anything that can be thrown. */
export const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/** Anything thrown, as a full sentence. */
export const sentenceOf = (error: unknown): string =>
	error instanceof UserError ? error.message : `Internal error: ${messageOf(error)}`;

/** The errno of a failed system call, such as ENOENT; undefined for any other error. */
export const errnoOf = (error: unknown): string | undefined =>
	error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;
