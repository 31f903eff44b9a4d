// The lines that a serial console has shown: what a terminal would make of its bytes, as far as lines go. Colours are
// left out, and a line that is written over shows what was written last.

/** Lines that are kept, and characters of one. */
const MOST_LINES = 500;
const LONGEST = 1000;

/** A sequence that moves the cursor, or is to be left out (ECMA-48; charset designations are ESC ( B and the like). */
const ESC = '\x1b';
const SEQUENCE = new RegExp(`^${ESC}(?:\\[([0-9;?]*)[ -/]*([@-~])|[()][A-Z0-9]|[=>78cDEHMNOZ])`);
const BEGUN = new RegExp(`^${ESC}(?:\\[[0-9;?]*[ -/]*|[()])?$`);

export class ConsoleText {
	private readonly done: string[] = [];
	private line = '';
	private column = 0;
	private row = 0;
	private readonly decoder = new TextDecoder();
	private begun = '';

	/** All lines, the last of which may not have ended. */
	get lines(): string[] {
		const last = this.line.trimEnd();
		return last === '' ? [...this.done] : [...this.done, last];
	}

	push(bytes: Uint8Array): void {
		const text = this.begun + this.decoder.decode(bytes, {stream: true});
		this.begun = '';
		for (let at = 0; at < text.length; ) {
			if (text[at] !== ESC) {
				this.character(text[at]);
				at++;
				continue;
			}
			const rest = text.slice(at, at + 32);
			const [whole, parameters = '', final] = SEQUENCE.exec(rest) ?? [];
			if (whole !== undefined) {
				this.sequence(parameters, final);
				at += whole.length;
			} else if (BEGUN.test(rest) && rest.length < 32) {
				this.begun = rest;
				return;
			} else at++;
		}
	}

	private character(char: string): void {
		if (char === '\n') this.end();
		else if (char === '\r') this.column = 0;
		else if (char === '\b') this.column = Math.max(0, this.column - 1);
		else if (char === '\t') this.column = Math.min(LONGEST, (Math.floor(this.column / 8) + 1) * 8);
		else if (char >= ' ' && this.column < LONGEST) {
			const before = this.line.slice(0, this.column).padEnd(this.column);
			this.line = before + char + this.line.slice(this.column + 1);
			this.column++;
		}
	}

	private end(): void {
		this.done.push(this.line.trimEnd());
		if (this.done.length > MOST_LINES) this.done.shift();
		this.line = '';
		this.column = 0;
	}

	private sequence(parameters: string, final: string | undefined): void {
		const [first = 1, second = 1] = parameters.split(';').map(digits => Number(digits) || 1);
		switch (final) {
			case 'C':
				this.column = Math.min(LONGEST, this.column + first);
				break;
			case 'D':
				this.column = Math.max(0, this.column - first);
				break;
			case 'G':
				this.column = Math.min(LONGEST, first - 1);
				break;
			case 'K':
				if (!/^[12]/.test(parameters)) this.line = this.line.slice(0, this.column);
				break;
			case 'H':
			case 'f':
				// Another row is another line here.
				if (first !== this.row && this.line.trim() !== '') this.end();
				this.row = first;
				this.column = Math.min(LONGEST, second - 1);
				break;
			case 'J':
				if (this.line.trim() !== '') this.end();
				break;
		}
	}
}
