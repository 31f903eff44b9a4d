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

export class ToUtf8 {
	#decoder: InstanceType<typeof TextDecoder> | undefined;
	#isKnown = false;

	push(chunk: Buffer): Buffer {
		if (!this.#isKnown && chunk.length > 0) {
			this.#isKnown = true;
			const encoding = wideEncoding(chunk);
			if (encoding !== undefined) this.#decoder = new TextDecoder(encoding);
		}
		return this.#decoder === undefined ? chunk : Buffer.from(this.#decoder.decode(chunk, {stream: true}));
	}
}
