// What is filmed for the readme: runs of the real program, step by step, as plain data. `npm run pictures` plays them.

import type {Size} from './helpers/program.js';

export type FilmStep =
	/** A key of helpers/keys.ts, or characters to type. */
	| {press: string}
	/** Waits for a text on the screen. */
	| {until: string}
	/** Gives who watches the time to read; in a film that is not recorded, none is needed. */
	| {wait: number}
	/** A picture of the screen as it is, pictures/NAME.svg. */
	| {shot: string; title: string};

export type Film = Size & {
	args: readonly string[];
	/** Recorded as pictures/NAME.cast. */
	record?: {name: string; title: string};
	steps: readonly FilmStep[];
};

export const FILMS: readonly Film[] = [
	{
		columns: 80,
		rows: 24,
		args: [],
		record: {name: 'tour', title: 'dmascope: where did that DMA land?'},
		steps: [
			{until: 'quit'},
			{wait: 2500},
			{press: 'enter'},
			{until: 'LOST'},
			{wait: 4000},
			{press: 'tab'},
			{wait: 1500},
			{press: 'tab'},
			{until: 'no bootable disk'},
			{wait: 2500},
			{press: 'tab'},
			{until: 'the lab saw'},
			{wait: 3000},
			{press: 'escape'},
			{press: 'p'},
			{until: 'policy keep'},
			{wait: 2500},
			{press: 'enter'},
			{until: 'DELIVERED'},
			{wait: 4000},
			{press: 'p'},
			{until: 'policy bounce'},
			{wait: 1500},
			{press: 'enter'},
			{until: 'bounced'},
			{wait: 3000},
			{press: 'q'},
			{wait: 500},
		],
	},
	{
		columns: 120,
		rows: 40,
		args: [],
		steps: [
			{until: 'quit'},
			{press: 'enter'},
			{until: 'LOST'},
			{shot: 'lost', title: 'A read that vanished: success at every step, and no byte landed'},
			{press: 'p'},
			{until: 'policy keep'},
			{press: 'enter'},
			{until: 'DELIVERED'},
			{shot: 'delivered', title: 'The same read under D34607: every byte landed'},
		],
	},
];
