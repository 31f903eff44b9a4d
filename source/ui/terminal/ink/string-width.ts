// Replaces string-width, which segments every text that is not ASCII into graphemes, and has no cache.

import stringWidth, {type Options} from 'string-width';
import {isNarrow} from '../../../text/narrow.js';
import {memoised} from './cache.js';

const ESC = '\x1b';
const SGR = new RegExp(`${ESC}\\[[\\d;]*m`, 'g');

const widthOf = memoised(text => {
	const bare = text.replaceAll(SGR, '');
	return isNarrow(bare) ? bare.length : stringWidth(text);
});

export default (text: string, options?: Options): number =>
	options === undefined && typeof text === 'string' ? widthOf(text) : stringWidth(text, options);
