// A command of the dashboard: it carries its own keys, words and conditions.

import type {GridHandle, ListHandle} from '../hooks/use-screen.js';
import {type Overlay, type Store, say, type Ui} from '../state/store.js';
import type {PanelId} from '../state/views.js';

export const GROUPS = ['Views', 'Display', 'Lab', 'Form', 'Scenario', 'Time', 'dmascope'] as const;

/** What a machine without a lab has no use for. */
export const NEEDS_LAB: readonly string[] = ['Lab', 'Form', 'Scenario', 'Time'];

export type UiCommand = {
	id: string;
	keys: readonly string[];
	/** As footer, help and palette show the keys. */
	shown: string;
	label: string;
	description: string;
	group: (typeof GROUPS)[number];
	/** Whether the footer has room for it: the lower, the sooner it is left out. */
	hint?: number;
	/** Where the same keys do different things, by a name; undefined: everywhere. */
	place?: 'form' | 'list' | 'map' | 'compare' | 'talk' | 'travel';
	/** Whether it means anything now; `opens`: Enter opens something in the focused list. */
	when?: (ui: Ui, opens: boolean) => boolean;
	/** Why it cannot be done now, as a sentence. */
	why?: (ui: Ui) => string | undefined;
	/** It concerns the terminal alone: a number that is being typed stays as it is. */
	terminal?: true;
	run: (store: Store, app: AppControls) => void;
};

/** What only the running program can do. */
export type AppControls = {
	exit: () => void;
	suspend: () => void;
	/** Draws the whole screen again. */
	redraw: () => void;
	/** Puts text on the clipboard of whoever sits at the terminal. @returns why it may not be there, if so */
	copy: (text: string) => string | undefined;
	/** Writes a picture of the screen, or a diagram of what is shown, to a new file. @throws UserError */
	picture: (file: string, what: 'screen' | 'diagram') => Promise<void>;
	/** The list that arrows move in now, by its name. */
	list: () => {name: PanelId | Overlay; handle: ListHandle} | undefined;
	grid: () => GridHandle | undefined;
	/** Whether the terminal is large enough for the dashboard. */
	fits: () => boolean;
};

export const withLab = ({machine}: Ui): string | undefined =>
	machine.lab === undefined ? 'This machine is read-only.' : undefined;

/** Runs a command, or says why it cannot be run. */
export function runCommand(command: UiCommand, store: Store, app: AppControls): void {
	const why = command.why?.(store.getState());
	if (why === undefined) command.run(store, app);
	else say(store, why, 'warn');
}
