// The memory that the waiting thread shares with the others: 32-bit words.

/** Descriptors that are waited for at most. */
export const MOST_FDS = 64;

export const CONTROL = {state: 0, count: 1, fds: 2, ready: 2 + MOST_FDS} as const;
export const CONTROL_WORDS = 2 + 2 * MOST_FDS;

/** handled: the thread waits for the next order; waits: it polls, or is about to; over: it ends. */
export const STATE = {handled: 0, waits: 1, over: 2} as const;

export const POLLIN = 1;
/** A safeguard alone: every change wakes the thread. */
export const TIMEOUT_MS = 10_000;
