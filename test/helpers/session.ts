// Sessions as somebody who tries everything would have them: random commands, of every kind.

import type {Random} from '../../source/lab/build/random.js';
import type {Lab} from '../../source/lab/lab.js';
import {type Command, FAMILIES, MODELS, POLICIES} from '../../source/machine/command.js';
import type {Entry, History} from '../../source/machine/history.js';
import {UserError} from '../../source/user-error.js';

const KINDS = [
	...Array.from({length: 12}, () => 'read' as const),
	...Array.from({length: 5}, () => 'write' as const),
	...Array.from({length: 5}, () => 'dma' as const),
	...Array.from({length: 4}, () => 'work' as const),
	...([
		'policy',
		'policy',
		'delete',
		'boot',
		'map',
		'unmap',
		'unmap',
		'invalidate',
		'bind',
		'unbind',
	] as const),
	...(['attach', 'detach', 'create', 'destroy', 'reinit', 'unload', 'plug', 'unplug'] as const),
];

/** A command that may make sense on the lab as it is now. */
export function randomCommand(random: Random, lab: Lab): Command {
	const upTo = (n: number) => Math.floor(random() * n);
	const one = <T>(of: readonly T[]): T => of[upTo(of.length)];
	const vm = one(lab.state().vms)?.name ?? 'vm0';
	const device = one(lab.state().devices)?.name ?? 'em0';
	const gpa = lab.defaultGpa + upTo(64) * 4096 + (upTo(4) === 0 ? upTo(8) * 512 : 0);
	// A refused bind ends a guest's bhyve; somebody starts it again.
	const ended = lab.state().vms.find(({exited}) => exited !== undefined);
	if (ended && upTo(2) === 0) return {do: 'reinit', vm: ended.name};
	if (upTo(150) === 0) return {do: 'start', machine: {...lab.spec, iommu: one(FAMILIES.slice(0, 2))}};
	const kind = one(KINDS);
	switch (kind) {
		case 'read':
		case 'write':
		case 'delete': {
			const segments = 1 + upTo(4);
			return {
				do: kind,
				vm,
				lba: upTo(9000),
				sectors: segments + upTo(24),
				segments,
				requests: 1 + upTo(2),
				gpa,
			};
		}
		case 'dma':
			return {do: kind, device, access: one(['read', 'write']), gpa, bytes: 1 + upTo(9000)};
		case 'work':
			return {do: kind, count: 1 + upTo(5), writes: upTo(2) * 30};
		case 'policy':
			return {do: kind, policy: one(POLICIES)};
		case 'boot':
		case 'destroy':
		case 'reinit':
			return {do: kind, vm};
		case 'map':
		case 'unmap':
			return {
				do: kind,
				from: one(['host', 'guest']),
				vm,
				gpa: gpa - (gpa % 4096),
				pages: 1 + upTo(8),
				invalidate: upTo(2) === 0,
			};
		case 'bind':
		case 'unbind':
			return {do: kind, vm, device};
		case 'attach':
		case 'detach':
		case 'unplug':
			return {do: kind, device};
		case 'plug':
			return {do: kind, device: `nic${upTo(5)}`, rid: `${5 + upTo(3)}:${upTo(3)}:0`};
		case 'create':
			return {
				do: kind,
				name: `vm${upTo(4)}`,
				memory: 8 * 2 ** 20,
				wired: upTo(3) > 0,
				model: one(MODELS),
				disk: one(['ada0', 'ada0p1', 'da0', 'file']),
				passthru: [],
			};
		default:
			return {do: kind};
	}
}

/** The steps of a session that are not forgotten. */
export const stepsOf = (history: History): Entry[] =>
	Array.from({length: history.length - history.first}, (_, i) => history.step(history.first + i + 1)).filter(
		step => step !== undefined,
	);

/** Does `count` such commands, past those that are refused. */
export function play(lab: Lab, random: Random, count: number): void {
	for (let done = 0; done < count; ) {
		try {
			lab.dispatch(randomCommand(random, lab));
			done++;
		} catch (error) {
			if (!(error instanceof UserError)) throw error;
		}
	}
}
