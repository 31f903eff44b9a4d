// The colours of pictures: what text and ground are where a terminal has its own.

export type Palette = {
	readonly ink: string;
	readonly ground: string;
	/** Of diagrams: what went well, what did not, what matters, and what matters less. */
	readonly good: string;
	readonly bad: string;
	readonly key: string;
	readonly dim: string;
	readonly basic: readonly string[];
};

/** The 16 colours that terminals have names for. */
const BASIC = [
	...['#3b4252', '#e06c75', '#98c379', '#e5c07b', '#61afef', '#c678dd', '#56b6c2', '#d8dee9'],
	...['#7f8a9a', '#ff6b6b', '#b5e890', '#f7dd8f', '#8cc8ff', '#e19df5', '#7fe0ea', '#ffffff'],
];
const BASIC_ON_WHITE = [
	...['#000000', '#b3000c', '#006b1b', '#7a5200', '#005f87', '#9b0e8e', '#005f73', '#626262'],
	...['#767676', '#b3000c', '#006b1b', '#7a5200', '#005f87', '#9b0e8e', '#005f73', '#1d2733'],
];

export const DARK: Palette = {
	...{ink: '#d8dee9', ground: '#0f1318'},
	...{good: '#5fd75f', bad: '#ff6b6b', key: '#56c8d8', dim: '#8a8a8a'},
	basic: BASIC,
};
export const LIGHT: Palette = {
	...{ink: '#1d2733', ground: '#ffffff'},
	...{good: '#006b1b', bad: '#b3000c', key: '#005f87', dim: '#626262'},
	basic: BASIC_ON_WHITE,
};

/** One of xterm's 256: sixteen by name, a cube of six levels, and greys. */
export function indexed(colour: number, {basic}: Palette): string {
	if (colour < 16) return basic[colour] ?? '#000000';
	if (colour >= 232) return `#${(8 + 10 * (colour - 232)).toString(16).padStart(2, '0').repeat(3)}`;
	const level = (n: number) => (n === 0 ? 0 : 55 + 40 * n).toString(16).padStart(2, '0');
	const at = colour - 16;
	return `#${level(Math.floor(at / 36))}${level(Math.floor(at / 6) % 6)}${level(at % 6)}`;
}
