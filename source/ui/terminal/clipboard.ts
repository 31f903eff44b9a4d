// Copying by OSC 52: the terminal puts the text on its own clipboard, over ssh too. The sequence moves no cursor and
// changes no cell; written in one piece to the terminal itself, not through Ink, it leaves the frame as it is.

import {execFileSync} from 'node:child_process';
import {printable} from '../../printable.js';
import type {Environment} from '../../text/terminal.js';
import {grouped} from '../../words.js';

/** What hterm and others take: 100,000 bytes, of which base64 leaves three quarters. */
const MOST = 74_994;
/** GNU screen drops strings of more than 768 bytes, and joins those that follow each other. */
const SCREEN_PIECE = 512;

const ESC = '\x1b';
/** String terminator. */
const ST = `${ESC}\\`;

/** What to write to the terminal, or a sentence about why not. */
export type Copy = {sequence: string} | {refused: string};

export function copySequence(text: string, env: Environment): Copy {
	// A shell that it is pasted into would obey control characters.
	const bytes = Buffer.from(printable(text), 'utf8');
	if (bytes.length === 0) return {refused: 'There is nothing to copy here.'};
	if (bytes.length > MOST) {
		return {
			refused: `That is ${grouped(bytes.length)} bytes and a terminal takes ${grouped(MOST)}; choose less to copy.`,
		};
	}
	const plain = `${ESC}]52;c;${bytes.toString('base64')}\x07`;
	return {sequence: throughMultiplexer(plain, env)};
}

function throughMultiplexer(sequence: string, {TMUX, STY, TERM = ''}: Environment): string {
	// tmux takes the sequence itself with set-clipboard on, and hands on a wrapped one with allow-passthrough on.
	if (TMUX) return `${sequence}${ESC}Ptmux;${sequence.replaceAll(ESC, ESC + ESC)}${ST}`;
	if (STY || TERM.startsWith('screen')) {
		const pieces = sequence.match(new RegExp(`[^]{1,${SCREEN_PIECE}}`, 'g')) ?? [];
		return pieces.map(piece => `${ESC}P${piece}${ST}`).join('');
	}
	return sequence;
}

/** An option of the tmux that this runs in; undefined where it has none of that name. */
type TmuxOption = (...how: string[]) => string | undefined;

const askTmux: TmuxOption = (...how) => {
	try {
		return execFileSync('tmux', ['show-options', ...how], {
			encoding: 'utf8',
			stdio: ['ignore', 'pipe', 'ignore'],
			timeout: 500,
		}).trim();
	} catch {
		return undefined;
	}
};

/** No terminal answers OSC 52. @returns why this one may have dropped the text, as a sentence */
export function doubtOfCopy(env: Environment, tmux: TmuxOption = askTmux): string | undefined {
	const {TMUX, TERM = '', TERM_PROGRAM, VTE_VERSION} = env;
	if (TMUX) {
		// With external, its default, tmux ignores what programs copy. Before 3.3 it always handed wrapped sequences on.
		if (tmux('-sv', 'set-clipboard') === 'on' || tmux('-Apv', 'allow-passthrough') !== 'off')
			return undefined;
		return 'Not copied: tmux drops it. Run: tmux set -s set-clipboard on';
	}
	if (TERM === 'linux' || /^vt\d/.test(TERM)) return 'Not copied: this terminal has no clipboard.';
	if (TERM_PROGRAM === 'Apple_Terminal' || VTE_VERSION)
		return 'Sent, but this terminal ignores OSC 52 by default: the clipboard may be as it was.';
	return undefined;
}
