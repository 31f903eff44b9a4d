// What is filmed for the readme: runs of the real program, step by step, as plain data. `npm run pictures` plays them.

import type {Size} from './helpers/program.js';

export type FilmStep =
	/** As sentFor() of helpers/keys.ts has it. */
	| {press: string}
	/** Waits for a text on the screen. */
	| {until: string}
	/** Gives who watches the time to read; in a film that is not recorded, none is needed. */
	| {wait: number}
	/** A picture of the screen as it is, pictures/NAME.svg. */
	| {shot: string; title: string};

export type Film = Size & {
	args: readonly string[];
	/** Recorded as pictures/NAME.cast, for asciinema, or as a picture that moves, pictures/NAME.svg. */
	record?: {name: string; title: string; as: 'cast' | 'svg'};
	steps: readonly FilmStep[];
};

export const FILMS: readonly Film[] = [
	{
		columns: 100,
		rows: 30,
		args: [],
		record: {name: 'story', title: 'A read is lost; under D34607 it is delivered', as: 'svg'},
		steps: [
			{until: 'quit'},
			{wait: 1500},
			{press: 'enter'},
			{until: 'Why:'},
			{wait: 4000},
			{press: 'p'},
			{until: '‹keep›'},
			{wait: 2500},
			{press: 'enter'},
			{until: 'DELIVERED  '},
			{wait: 4000},
		],
	},
	{
		columns: 80,
		rows: 24,
		args: [],
		record: {name: 'tour', title: 'dmascope: where did that DMA land?', as: 'cast'},
		steps: [
			{until: 'quit'},
			{wait: 2500},
			{press: 't'},
			{until: '0 of 10'},
			...Array.from({length: 10}, (_, step): FilmStep[] => [
				{wait: 7000},
				{press: '.'},
				{until: `${step + 1} of 10`},
			]).flat(),
			{wait: 4000},
			{press: 'alt-6'},
			{wait: 1500},
			{press: 'enter'},
			{until: 'pages missing'},
			{wait: 6000},
			{press: 'q'},
			{wait: 500},
		],
	},
	{
		columns: 100,
		rows: 30,
		args: ['--large', '--no-motion'],
		steps: [
			{until: 'quit'},
			{press: 'enter'},
			{until: '0 of 4,096'},
			{shot: 'large', title: 'On a projector: every layer reported success, and the read is lost'},
		],
	},
	{
		columns: 120,
		rows: 40,
		args: [],
		steps: [
			{until: 'quit'},
			{press: 'enter'},
			{until: 'Why:'},
			{shot: 'lost', title: 'A read that vanished: success at every step, and no byte landed'},
			{press: 'p'},
			{until: '‹keep›'},
			{press: 'enter'},
			{until: 'DELIVERED  '},
			{shot: 'delivered', title: 'The same read under D34607: every byte landed'},
			{press: 'p'},
			{press: 'p'},
			{until: '‹remove›'},
			{press: 'alt-3'},
			{until: 'FAULT'},
			{shot: 'walk', title: 'The walk of the refused access, bit by bit'},
			{press: 'alt-4'},
			{until: 'WHO REACHES'},
			{shot: 'memory', title: 'Whose memory it is, and who reaches it'},
			{press: 'alt-8'},
			{until: 'cure'},
			{shot: 'diagnosis', title: 'What is wrong, why, and what to do'},
		],
	},
	{
		columns: 120,
		rows: 32,
		args: ['host', '--root', 'test/live/host/intel.tar', '--log', 'test/live/host/faults.log'],
		steps: [
			{until: 'GROUPS'},
			{press: 'end'},
			{until: 'GROUP 7'},
			{until: 'DMA read refused'},
			{
				shot: 'host',
				title: 'A Linux host: its IOMMU groups, whose they are, and the faults of its kernel’s log',
			},
		],
	},
];
