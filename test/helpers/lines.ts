import type {Line} from '../../source/ui/rows.js';

/** What a line says, without its colours. */
export const textOf = (line: Line): string => line.map(([text]) => text).join('');
