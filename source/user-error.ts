/** What went wrong, for a person: one sentence that says what, where, and how to mend it. Never a stack trace. */
export class UserError extends Error {}

/** The message of anything thrown, for the end of a sentence. */
export const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/** The errno name of a failed system call, such as ENOENT; undefined for anything else. */
export const errnoOf = (error: unknown): string | undefined =>
	error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;
