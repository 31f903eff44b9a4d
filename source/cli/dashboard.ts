// No command: the dashboard on a terminal, and a snapshot anywhere else.

import {type LabFlags, openLab} from '../lab/open.js';
import type {Print} from '../lab/run.js';
import type {LookFlags} from '../ui/look-flags.js';

/** @returns the exit code @throws UserError */
export async function open(lab: LabFlags, look: LookFlags, json: boolean, out: Print): Promise<number> {
	const terminal = process.stdin.isTTY && process.stdout.isTTY && process.env.TERM !== 'dumb';
	const interactive = terminal && !json;
	if (!interactive && (look.theme !== undefined || look.config !== undefined)) {
		const {readLook} = await import('../ui/look-flags.js');
		readLook(look, {});
	}
	const machine = openLab(lab);
	try {
		if (interactive) {
			const {dashboard} = await import('../ui/dashboard.js');
			return await dashboard(machine, look);
		}
		const {snapshotJson, snapshotText} = await import('../seam/snapshot.js');
		out(json ? JSON.stringify(snapshotJson(machine), undefined, 2) : snapshotText(machine).trimEnd());
		return 0;
	} finally {
		machine.close();
	}
}
