// dmascope decode: what a kernel log says of the IOMMU's faults, in words.

import type {Readable} from 'node:stream';
import {Decoder, type Lookup} from '../live/decode/decoder.js';
import type {FaultReading} from '../live/decode/fault.js';
import {eventJson, groupJson, noticeJson, summaryJson} from '../live/decode/fault-json.js';
import {closing, noticeParagraph, paragraph, toldNotices} from '../live/decode/report.js';
import type {Group} from '../live/decode/storm.js';
import {deviceLookup} from '../live/host/device-lookup.js';
import {isListingFile, printListing} from '../live/host/open.js';
import {type LogInput, openLog} from '../live/log-input.js';
import type {DecodeLine} from '../outputs.js';
import {type Print, versioned} from '../text/print.js';
import {wrapped} from '../text/width.js';
import {UserError} from '../user-error.js';
import {grouped} from '../words.js';

/** `all`: also what stands beside the IOMMU. */
export type DecodeFlags = {readonly json: boolean; readonly follow: boolean; readonly all?: boolean};
export type DecodeStreams = {
	readonly stdin: Readable & {readonly isTTY?: boolean};
	readonly print: Print;
	/** Milliseconds, of any clock that only goes forward. */
	readonly clock: () => number;
	/** Ends the following, and has the rest reported. */
	readonly stop: AbortSignal;
};

/** Followed faults, as text: so many paragraphs at once and a second, and so long between two lines about more. */
const BURST = 20;
const A_SECOND = 2;
const AGAIN_MS = 5000;

/** On this process's own input; and ^C ends the following, not the report. */
export async function runDecode(words: readonly string[], flags: DecodeFlags, print: Print): Promise<0> {
	const stop = new AbortController();
	if (flags.follow) process.once('SIGINT', () => stop.abort());
	return decode(words, flags, {
		stdin: process.stdin,
		print,
		clock: () => performance.now(),
		stop: stop.signal,
	});
}

/** @returns the exit code: 0, faults or none. @throws UserError if there is no such log */
export async function decode(
	words: readonly string[],
	flags: DecodeFlags,
	streams: DecodeStreams,
): Promise<0> {
	if (words.length > 1) throw new UserError('decode takes one log: a file, or a pipe into it.');
	const [file] = words;
	if (file !== undefined && !flags.follow && isListingFile(file)) {
		await printListing(file, flags.json, streams.print);
		return 0;
	}
	const input = openLog(words[0], {...flags, stop: streams.stop, stdin: streams.stdin});
	const lookup = deviceLookup(input.isOwn);
	await (flags.json ? toPrograms(input, lookup, flags, streams) : toPeople(input, lookup, flags, streams));
	return 0;
}

async function toPrograms(
	input: LogInput,
	lookup: Lookup,
	{follow, all = false}: DecodeFlags,
	{print}: DecodeStreams,
): Promise<void> {
	const line = (value: DecodeLine) => print(JSON.stringify(versioned(value)));
	const decoder: Decoder = new Decoder((reading, group) => {
		if (!follow || group === undefined) return;
		if (reading.is === 'repeat')
			line({type: 'repeat', title: decoder.explain(group, lookup).title, times: reading.times});
		if (reading.is === 'fault')
			line(eventJson(reading.fault, reading.times, decoder.explain(alone(group, reading), lookup)));
	});
	for await (const piece of input.pieces) if (piece !== 'pause') decoder.push(piece);
	decoder.end();
	refuseData(decoder);
	if (!follow)
		for (const group of decoder.storm.groups)
			line(groupJson(group, decoder.around(group, lookup), decoder.explain(group, lookup)));
	for (const notice of toldNotices(decoder.storm, all)) line(noticeJson(notice));
	line(summaryJson(decoder.storm, decoder.bytes));
}

/** @throws UserError if it was no log: no text, and nothing of an IOMMU in it */
function refuseData({isText, storm}: Decoder): void {
	if (!isText && !storm.hasAnything) throw new UserError('This is not a log: it is not text.');
}

/** One fault of a group, as a group of its own. */
function alone(group: Group, {fault, times}: FaultReading): Group {
	const {address, detail} = fault;
	const details = new Set(detail === undefined ? [] : [detail]);
	return {...group, fault, count: times, lowest: address, highest: address, places: new Map(), details};
}

async function toPeople(
	input: LogInput,
	lookup: Lookup,
	{follow, all = false}: DecodeFlags,
	streams: DecodeStreams,
): Promise<void> {
	const {print, clock} = streams;
	const decoder = new Decoder();
	const logged = new Map<Group, {count: number; at: number}>();
	const tell = (group: Group) => {
		print([...paragraph(group, decoder.explain(group, lookup)), '']);
		logged.set(group, {count: group.count, at: clock()});
	};
	let budget = Number.POSITIVE_INFINITY;
	let looked = clock();
	for await (const piece of input.pieces) {
		if (piece !== 'pause') {
			decoder.push(piece);
			continue;
		}
		const untold = decoder.storm.groups.filter(group => !logged.has(group)).slice(0, budget);
		untold.forEach(tell);
		// What was there already is told at once, what comes then as it comes.
		const now = clock();
		budget = Math.min(BURST, budget - untold.length + ((now - looked) / 1000) * A_SECOND);
		looked = now;
		for (const [group, {count, at}] of logged) {
			if (group.count === count || clock() - at < AGAIN_MS) continue;
			const {title} = decoder.explain(group, lookup);
			print(`${title}: ${grouped(group.count - count)} more, ${grouped(group.count)} in all`);
			logged.set(group, {count: group.count, at: clock()});
		}
	}
	decoder.end();
	refuseData(decoder);
	if (follow) for (const group of decoder.storm.groups.filter(each => !logged.has(each))) tell(group);
	else decoder.storm.groups.forEach(tell);
	for (const notice of toldNotices(decoder.storm, all)) print([...noticeParagraph(notice), '']);
	const lines = decoder.bytes === 0 ? ['This log is empty.'] : closing(decoder.storm, all);
	print(lines.flatMap(line => wrapped(line)));
}
