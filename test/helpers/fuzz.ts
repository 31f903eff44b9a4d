// How long fuzz tests go on: DMASCOPE_FUZZ is how many runs a test makes that usually makes 2,000. The others keep
// their proportion to that, and each ends before the test runner would end it.

const USUAL = 2000;
const asked = Number(process.env.DMASCOPE_FUZZ ?? USUAL);
/** Of the 60 s that the runner gives a test. */
const LIMIT_MS = 40_000;

export const fuzzRuns = (usual: number): number => Math.ceil((usual * asked) / USUAL);

/** For a property, as fast-check takes it. */
export const fuzz = (usual: number, seed: number) => ({
	seed,
	numRuns: fuzzRuns(usual),
	interruptAfterTimeLimit: LIMIT_MS,
});
