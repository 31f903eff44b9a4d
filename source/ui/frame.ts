// The lines around the panels: what is looked at, and the views; what was said, or is typed; what keys do.

import type {Policy} from '../machine/command.js';
import {NEEDS_LAB} from './commands/command.js';
import {commands, isAvailable} from './commands/index.js';
import {keySign} from './glyphs.js';
import {fits} from './layout.js';
import {type Row, type Span, widthOf} from './rows.js';
import type {Ui} from './store.js';
import {travelText} from './travel.js';
import {VIEWS, viewIdsOf} from './views.js';

const POLICY_WORDS: Record<Policy, string> = {
	remove: 'before D34607',
	keep: 'D34607',
	bounce: 'D34535',
};
/** From here on the views have their names beside their numbers. */
const NAMED_VIEWS = 140;

const textOf = (span: Span): string => (typeof span === 'string' ? span : span[0]);
const widthOfRow = (row: Row): number => row.reduce((sum, span) => sum + widthOf(textOf(span)), 0);

export function header({state, view, kind, size}: Ui): Row {
	const {title, iommu, policy, disk, lost} = state;
	const left: Span[] = [
		[' dmascope ', 'title'],
		[size.columns >= 72 ? ` ${title} · ${iommu}` : iommu, 'plain'],
	];
	if (policy) left.push(' · policy ', [policy, policy === 'remove' ? 'bad' : 'good']);
	if (lost) left.push([` · last seen ${lost.seen}`, 'bad']);
	const named = size.columns >= NAMED_VIEWS;
	if (policy && size.columns >= 100) left.push([` (${POLICY_WORDS[policy]})`, 'dim']);
	const path = disk?.direct ? 'O_DIRECT' : 'page cache';
	if (disk && named)
		left.push([
			` · ${disk.name} ${path} ${disk.writable ? 'writable' : 'ro'}${disk.sample ? ' sample' : ''}`,
			'dim',
		]);
	const tabs = viewIdsOf({kind}).map((id): Span => {
		const number = VIEWS.indexOf(id) + 1;
		if (id === view) return [` ${number} ${id} `, 'chosen'];
		return [named ? ` ${number} ${id} ` : ` ${number}`, 'dim'];
	});
	const room = size.columns - widthOfRow(left) - widthOfRow(tabs) - 1;
	return [...left, ' '.repeat(Math.max(1, room)), ...tabs];
}

const ASKS = {
	filter: 'filter',
	address: 'go to address',
	palette: 'command',
	file: 'write to',
	expect: 'write a test to',
	undo: 'save what the disk held to',
} as const;

export function messageLine({prompt, message, travel}: Ui): Row {
	if (travel !== undefined) return [[` ${travelText(travel)}`, 'key']];
	if (prompt === undefined) return [[` ${message.text}`, message.tone]];
	return [[` ${ASKS[prompt.asks]}: `, 'key'], `${prompt.text}▏ `, [prompt.problem ?? '', 'warn']];
}

/** In the past, the ways through time matter most. */
const hintOf = ({hint = 0, group}: (typeof commands)[number], {timeline}: Ui): number =>
	timeline && group === 'Time' ? hint + 20 : hint;

/** The hints there is room for: those that matter most, in the order of the table. */
export function footer(ui: Ui): Row {
	const large = fits(ui.size);
	const can = commands.filter(
		command =>
			isAvailable(command, ui, large) &&
			!(ui.kind !== 'lab' && NEEDS_LAB.includes(command.group)) &&
			(hintOf(command, ui) > 0 || (ui.overlay === 'help' && command.label !== 'scroll')),
	);
	const spans = ({shown, label}: (typeof commands)[number]): Span[] => [
		' ',
		[keySign(shown), 'key'],
		` ${label} `,
	];
	const kept = new Set(can);
	for (const command of can.toSorted((a, b) => hintOf(a, ui) - hintOf(b, ui))) {
		if (widthOfRow([...kept].flatMap(spans)) <= ui.size.columns) break;
		kept.delete(command);
	}
	return [...kept].flatMap(spans);
}
