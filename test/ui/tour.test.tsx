// What each step of the tour names is on the screen when the step is taken, at every size.

import assert from 'node:assert/strict';
import {test} from 'node:test';
import {openTestLab} from '../helpers/lab.js';
import {openDashboard} from '../helpers/terminal.js';

const SEEN: readonly RegExp[] = [
	/CONSOLE vm1[\s\S]*FreeBSD UFS/,
	/CONSOLE vm0[\s\S]*no bootable disk/,
	/IOMMU ═+✗[\s\S]*LOST {2}Every layer[\s\S]*▸(0x)?02670000.* -- vm0/,
	/em0 ─+▶ +IOMMU ─+▶ +memory[\s\S]*DELIVERED {2}512 of 512[\s\S]*▸(0x)?00000000.* rw kernel/,
	/ppt0 ─+▶ +IOMMU ─+▶ +memory[\s\S]*DELIVERED {2}4,096 of 4,096/,
	/IOMMU ─+▶ +copy ─+▶ +memory[\s\S]*▸.* rw bhyve vm0/,
	/‹keep›[\s\S]*HOST DOMAIN 1[\s\S]* rw vm0/,
	/IOMMU ─+▶ +memory[\s\S]*DELIVERED {2}4,096 of 4,096[\s\S]*▸.* rw vm0/,
	/CONSOLE vm0[\s\S]*FreeBSD UFS/,
	/‹bounce›[\s\S]*HOST DOMAIN 1[\s\S]* -- vm0/,
];

for (const [columns, rows] of [
	[80, 24],
	[120, 40],
	[200, 60],
] as const)
	test(`the tour at ${columns}×${rows} shows what it speaks of`, async t => {
		const {press, store} = openDashboard(t, openTestLab(t), columns, rows);
		await press('t');
		for (const [i, seen] of SEEN.entries()) {
			const screen = await press('.');
			assert.match(screen, seen, `step ${i + 1}`);
			assert.match(screen, new RegExp(`SCENARIO tour ─ ${i + 1} of 10`));
		}
		assert.ok(store.getState().changed.size > 0, 'rows are lit');
	});
