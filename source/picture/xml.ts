// What SVG and HTML are made of.

const ENTITIES: Readonly<Record<string, string>> = {'&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;'};
export const escaped = (text: string): string => text.replace(/[&<>"]/g, sign => ENTITIES[sign] ?? sign);

export const round = (value: number): number => Math.round(value * 100) / 100;

export const FONTS =
	"ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', 'Liberation Mono', monospace";

export const rect = (x: number, y: number, width: number, height: number, fill: string): string =>
	`<rect x="${round(x)}" y="${round(y)}" width="${round(width)}" height="${round(height)}" fill="${fill}"/>`;

export type SvgPage = {
	readonly title: string;
	readonly width: number;
	readonly height: number;
	readonly ground: string;
	readonly style: string;
};

/** A picture of its own: it needs no other file. */
export const svgPage = ({title, width, height, ground, style}: SvgPage, inside: readonly string[]): string =>
	[
		`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${round(width)} ${round(height)}" width="${round(width)}" height="${round(height)}" role="img" xml:space="preserve">`,
		`<title>${escaped(title)}</title>`,
		`<style>${style}</style>`,
		`<rect width="100%" height="100%" rx="8" fill="${ground}"/>`,
		...inside,
		'</svg>',
		'',
	].join('\n');

export const htmlPage = (title: string, style: string, inside: string): string =>
	[
		'<!DOCTYPE html>',
		'<html lang="en">',
		'<head>',
		'<meta charset="utf-8">',
		`<title>${escaped(title)}</title>`,
		`<style>${style}</style>`,
		'</head>',
		`<body>${inside}</body>`,
		'</html>',
		'',
	].join('\n');
