// In the place of string-width, which looks at each grapheme of a text that is not ASCII, and remembers nothing.

import stringWidth, {type Options} from 'string-width';
import {isPlain} from './plain.js';
import {memoised} from './recent.js';

const ESC = '\x1b';
const SGR = new RegExp(`${ESC}\\[[\\d;]*m`, 'g');

const widthOf = memoised(text => {
	const bare = text.replaceAll(SGR, '');
	return isPlain(bare) ? bare.length : stringWidth(text);
});

export default (text: string, options?: Options): number =>
	options === undefined && typeof text === 'string' ? widthOf(text) : stringWidth(text, options);
