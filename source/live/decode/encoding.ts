// A log's bytes as UTF-8. PowerShell and some terminal programs save logs as UTF-16, with a mark of the byte order or
// without one.

const SAMPLE = 1024;

/** The encoding of a log that begins with these bytes; undefined for UTF-8 and what contains it. */
export function wideEncoding(bytes: Buffer): 'utf-16le' | 'utf-16be' | undefined {
	if (bytes[0] === 0xff && bytes[1] === 0xfe) return 'utf-16le';
	if (bytes[0] === 0xfe && bytes[1] === 0xff) return 'utf-16be';
	const sample = bytes.subarray(0, SAMPLE & ~1);
	const pairs = sample.length >> 1;
	if (pairs < 4) return undefined;
	const zeros = [0, 0];
	for (let i = 0; i < pairs * 2; i++) if (sample[i] === 0) zeros[i & 1]++;
	// Kernel messages are ASCII: of each pair of bytes one is zero, always the same one.
	if (zeros[1] > pairs * 0.8 && zeros[0] < pairs * 0.05) return 'utf-16le';
	if (zeros[0] > pairs * 0.8 && zeros[1] < pairs * 0.05) return 'utf-16be';
	return undefined;
}

/** Bytes looked at to tell text from other data. */
const TEXT_SAMPLE = 65_536;
/** The largest share of a text that is control characters or invalid. */
const MOST_STRANGE = 0.2;

/** The control characters of texts: bell, backspace, tabs, ends of lines and pages, escape. */
const OF_TEXTS: ReadonlySet<number> = new Set([7, 8, 9, 10, 11, 12, 13, 27]);
/** What stands for bytes that are no UTF-8. */
const REPLACEMENT = 0xfffd;

export class ToUtf8 {
	#sampled = 0;
	#strange = 0;
	#characters = 0;
	#decoder: InstanceType<typeof TextDecoder> | undefined;
	#isKnown = false;

	push(chunk: Buffer): Buffer {
		if (!this.#isKnown && chunk.length > 0) {
			this.#isKnown = true;
			const encoding = wideEncoding(chunk);
			if (encoding !== undefined) this.#decoder = new TextDecoder(encoding);
		}
		const bytes =
			this.#decoder === undefined ? chunk : Buffer.from(this.#decoder.decode(chunk, {stream: true}));
		if (this.#sampled < TEXT_SAMPLE) this.#sample(bytes.subarray(0, TEXT_SAMPLE - this.#sampled));
		return bytes;
	}

	/** Whether its beginning is text. Zeros say nothing: a crash leaves them in logs. */
	get isText(): boolean {
		return this.#strange <= this.#characters * MOST_STRANGE;
	}

	#sample(bytes: Buffer): void {
		this.#sampled += bytes.length;
		const text = bytes.toString('utf8');
		for (let i = 0; i < text.length; i++) {
			const code = text.charCodeAt(i);
			if (code === 0) continue;
			this.#characters++;
			const isControl = code < 32 ? !OF_TEXTS.has(code) : code >= 0x7f && code < 0xa0;
			if (isControl || code === REPLACEMENT) this.#strange++;
		}
	}
}
