import {createContext, useContext} from 'react';
import {type Theme, themeWith} from '../theme.js';

/** What the terminal can show: the theme in its colours, and whether it has no more than ASCII. */
export type Appearance = {theme: Theme; ascii: boolean};

export const AppearanceContext = createContext<Appearance>({theme: themeWith('plain', 1), ascii: false});

export const useTheme = (): Theme => useContext(AppearanceContext).theme;

const KEYS: Readonly<Record<string, string>> = {
	'⏎': 'Enter',
	'↑': 'Up',
	'↓': 'Down',
	'←': 'Left',
	'→': 'Right',
	'⌫': 'BkSp',
};
const KEY = new RegExp(`[${Object.keys(KEYS).join('')}]`, 'g');

/** Names keys in a text by their signs, or by words where the terminal has no signs for them. */
export function useKeySign(): (text: string) => string {
	const {ascii} = useContext(AppearanceContext);
	return ascii ? text => text.replace(KEY, key => KEYS[key]) : text => text;
}
