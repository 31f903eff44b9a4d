// Bytes in hex and as text.

import {hex} from '../formats/address.js';
import type {Row, Span} from './rows.js';
import type {Tone} from './tones.js';

const charOf = (byte: number): string => (byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : '·');

/** `perRow` bytes of one side; a star marks each byte that differs from the other side. */
export function compared(
	own: Uint8Array,
	other: Uint8Array,
	at: number,
	perRow: number,
	tone: 'bad' | 'good',
): Span[] {
	const hexes = new Spans();
	const texts = new Spans();
	for (let i = at; i < at + perRow; i++) {
		const there = i < own.length;
		const as = there && i < other.length && own[i] !== other[i] ? tone : 'plain';
		hexes.add(there ? own[i].toString(16).padStart(2, '0') : '  ', as);
		hexes.add(as === 'plain' ? ' ' : '*', as);
		texts.add(there ? charOf(own[i]) : ' ', as);
	}
	return [...hexes.spans, ...texts.spans];
}

/** Spans of a row; adjacent spans of one tone are merged. */
class Spans {
	readonly spans: [string, Tone][] = [];

	add(text: string, tone: Tone): void {
		const last = this.spans.at(-1);
		if (last?.[1] === tone) last[0] += text;
		else this.spans.push([text, tone]);
	}
}

/** A row of memory at its address; one of zeros is dim. */
export function memoryRow(bytes: Uint8Array, address: number): Row {
	const shown = [...bytes].map(byte => byte.toString(16).padStart(2, '0')).join(' ');
	const empty = bytes.every(byte => byte === 0);
	return [
		[` ${hex(address)} `, 'dim'],
		[`${shown}  `, empty ? 'dim' : 'plain'],
		[[...bytes].map(charOf).join(''), 'dim'],
	];
}
