// A sheet of questions: the same seed, topics and number give the same sheet on every machine.

import {seededRandom} from '../lab/build/random.js';
import type {Bench} from './bench.js';
import {policyQuestion} from './policies.js';
import {type Question, TOPICS, type Topic} from './question.js';
import {reachQuestion} from './reach.js';
import {faultQuestion, walkQuestion} from './walks.js';

/** Raised when the same seed gives other questions than before. */
export const EDITION = 1;

export type Sheet = {readonly seed: number; readonly topics: readonly Topic[]; readonly count: number};

const MAKERS: Record<Topic, (bench: Bench, random: () => number) => Question> = {
	walk: walkQuestion,
	fault: faultQuestion,
	policy: policyQuestion,
	reach: reachQuestion,
};

/** The topics take turns. */
export function questionsOf(bench: Bench, {seed, topics, count}: Sheet): Question[] {
	return Array.from({length: count}, (_, i) => {
		const topic = topics[i % topics.length] ?? 'walk';
		// Each question has its own numbers: a longer sheet begins as a shorter one does.
		const random = seededRandom(seed * 1000 + i * 7 + TOPICS.indexOf(topic) * 100_003);
		return MAKERS[topic](bench, random);
	});
}
