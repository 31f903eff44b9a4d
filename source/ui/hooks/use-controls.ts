import {createContext, useContext} from 'react';
import type {AppControls} from '../commands/command.js';

export const ControlsContext = createContext<AppControls | undefined>(undefined);

/** What only the running program can do, for components that run commands. */
export function useControlsOfApp(): AppControls {
	const controls = useContext(ControlsContext);
	if (controls === undefined) throw new Error('There are no controls above this component.');
	return controls;
}
