// How far apart colours look, to eyes of every kind, and on terminals with 256 colours.

export type Rgb = readonly [r: number, g: number, b: number];

export const rgbOf = (hex: string): Rgb => [
	Number.parseInt(hex.slice(1, 3), 16),
	Number.parseInt(hex.slice(3, 5), 16),
	Number.parseInt(hex.slice(5, 7), 16),
];

const linear = (channel: number): number => {
	const value = channel / 255;
	return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
};

type Matrix = readonly (readonly [number, number, number])[];
const times = (matrix: Matrix, [x, y, z]: readonly number[]): number[] =>
	matrix.map(([a, b, c]) => a * x + b * y + c * z);

/** Matrices in linear light of Machado, Oliveira and Fernandes (2009), severity 1. */
export const EYES = {
	protanope: [
		[0.152286, 1.052583, -0.204868],
		[0.114503, 0.786281, 0.099216],
		[-0.003882, -0.048116, 1.051998],
	],
	deuteranope: [
		[0.367322, 0.860646, -0.227968],
		[0.280085, 0.672501, 0.047413],
		[-0.01182, 0.04294, 0.968881],
	],
	tritanope: [
		[1.255528, -0.076749, -0.178779],
		[-0.078411, 0.930809, 0.147602],
		[0.004733, 0.691367, 0.3039],
	],
} as const satisfies Record<string, Matrix>;

const TO_XYZ: Matrix = [
	[0.4124564, 0.3575761, 0.1804375],
	[0.2126729, 0.7151522, 0.072175],
	[0.0193339, 0.119192, 0.9503041],
];
/** White of D65. */
const WHITE = [0.95047, 1, 1.08883];

/** In linear light; as an eye sees it, if one is named. */
export function lightOf(colour: Rgb, eye?: keyof typeof EYES): number[] {
	const light = colour.map(linear);
	return eye ? times(EYES[eye], light) : light;
}

function labOf(colour: Rgb, eye?: keyof typeof EYES): number[] {
	const seen = lightOf(colour, eye).map(value => Math.min(1, Math.max(0, value)));
	const [x, y, z] = times(TO_XYZ, seen).map((value, i) => {
		const share = value / WHITE[i];
		return share > 216 / 24389 ? Math.cbrt(share) : (share * 24389) / 27 / 116 + 16 / 116;
	});
	return [116 * y - 16, 500 * (x - y), 200 * (y - z)];
}

/** Distance in CIELAB: 2.3 can just be told apart side by side, 100 is black to white. */
export function distance(a: Rgb, b: Rgb, eye?: keyof typeof EYES): number {
	const other = labOf(b, eye);
	return Math.hypot(...labOf(a, eye).map((value, i) => value - other[i]));
}

/** The one of xterm's 256 colours that chalk takes for a colour. */
export function among256(colour: Rgb): Rgb {
	const [r, g, b] = colour;
	if (r >> 4 === g >> 4 && g >> 4 === b >> 4) {
		if (r < 8) return [0, 0, 0];
		if (r > 248) return [255, 255, 255];
		const grey = 8 + 10 * Math.round(((r - 8) / 247) * 24);
		return [grey, grey, grey];
	}
	const level = (value: number) => {
		const step = Math.round((value / 255) * 5);
		return step === 0 ? 0 : 55 + 40 * step;
	};
	return [level(r), level(g), level(b)];
}
