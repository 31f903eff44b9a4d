import {lineText} from '../../source/text/print.js';
import type {Line} from '../../source/text/rows.js';

/** A report as it comes out of a pipe. */
export const linesText = (lines: readonly Line[]): string => lines.map(line => lineText(line)).join('\n');
