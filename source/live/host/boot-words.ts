// Words of the kernel's command line about IOMMUs: what each does, those that do nothing, and those that a later one
// overrides (Linux's arch/x86/kernel/pci-dma.c, drivers/iommu/iommu.c, intel/iommu.c and amd/init.c).

import type {Finding} from '../../machine/finding.js';
import type {HostGroup} from './groups.js';
import type {HostParts} from './host.js';

/** What an option sets; words of one kind override each other, the last one wins. */
type Setting = {kind: 'default domain' | 'intel_iommu'; value: string};
/** An option of a word, such as iommu=pt or the igfx_off of intel_iommu=on,igfx_off. */
type Option = {text: string; known: boolean; setting?: Setting};

/** The kernel compares beginnings. */
const KNOWN: Readonly<Record<string, readonly string[]>> = {
	// biome-ignore format: one list a line
	iommu: ['off', 'force', 'noforce', 'biomerge', 'panic', 'nopanic', 'merge', 'nomerge', 'forcesac', 'allowdac', 'nodac', 'usedac', 'soft', 'pt', 'nopt', 'memaper', 'noagp', 'noaperture', 'fullflush', 'nofullflush', 'leak', 'calgary'],
	// biome-ignore format: one list a line
	intel_iommu: ['on', 'off', 'igfx_off', 'forcedac', 'strict', 'sp_off', 'sm_on', 'sm_off', 'tboot_noforce'],
	// biome-ignore format: one list a line
	amd_iommu: ['fullflush', 'force_enable', 'off', 'force_isolation', 'pgtbl_v1', 'pgtbl_v2', 'irtcachedis', 'nohugepages', 'v2_pgsizes_only'],
};
const TRUE = /^(1|[yYtT]|[oO][nN])/;
const FALSE = /^(0|[nNfF]|[oO][fF])/;

function optionsOf(word: string): Option[] {
	const [, name = '', value] = /^([\w.]+)(?:=(.*))?$/.exec(word) ?? [];
	if (value === undefined) return [];
	if (name === 'iommu.passthrough') {
		const known = TRUE.test(value) || FALSE.test(value);
		const setting: Setting = {kind: 'default domain', value: TRUE.test(value) ? 'identity' : 'DMA'};
		return [{text: word, known, ...(known ? {setting} : {})}];
	}
	const list = KNOWN[name];
	if (list === undefined) return [];
	return value
		.split(',')
		.filter(Boolean)
		.map(option => {
			const known = list.some(each => option.startsWith(each));
			return {text: `${name}=${option}`, known, ...(known ? settingOf(name, option) : {})};
		});
}

function settingOf(name: string, option: string): {setting?: Setting} {
	if (name === 'iommu' && option.startsWith('pt'))
		return {setting: {kind: 'default domain', value: 'identity'}};
	if (name === 'iommu' && option.startsWith('nopt')) return {setting: {kind: 'default domain', value: 'DMA'}};
	const isSwitch = name === 'intel_iommu' && /^(on|off)/.test(option);
	return isSwitch ? {setting: {kind: 'intel_iommu', value: option.startsWith('on') ? 'on' : 'off'}} : {};
}

const lastOf = (options: readonly Option[], kind: Setting['kind']): Option | undefined =>
	options.findLast(({setting}) => setting?.kind === kind);

/** The word that has the kernel pass the host's own DMA through, where nothing after it takes that back. */
export function passThroughWord(words: readonly string[]): string | undefined {
	const last = lastOf(words.flatMap(optionsOf), 'default domain');
	return last?.setting?.value === 'identity' ? last.text : undefined;
}

export const isIdentity = ({type}: HostGroup): boolean => type === 'identity';

/**
 * Whether pass-through is the default. The groups' types are what the kernel did, and count more than what it was told.
 * A kernel that shows no types (before 5.11) is believed.
 */
export function isPassThrough({settings, groups}: HostParts): boolean {
	const typed = groups.filter(({type}) => type !== undefined);
	const told = passThroughWord(settings.words) !== undefined;
	if (typed.length === 0) return told && groups.length > 0;
	const identity = typed.filter(isIdentity).length;
	// Some devices are translated all the same, such as those behind a Thunderbolt port.
	return identity === typed.length || (told && 2 * identity > typed.length);
}

/** Words that do nothing here, and words that contradict each other or what the kernel did. */
export function bootWordFindings(found: HostParts): Finding[] {
	const options = found.settings.words.flatMap(optionsOf);
	return [...unknownOptions(options), ...otherVendor(found), ...overridden(options), ...notDone(found)];
}

const note = (id: string, title: string, cause: string, cure: string): Finding => ({
	id: `boot-words:${id}`,
	severity: 'note',
	title,
	cause,
	cure,
	about: [],
});

const PASS_THROUGH = /^\w+=pt$/;

function unknownOptions(options: readonly Option[]): Finding[] {
	const unknown = options.filter(({known}) => !known);
	return [...new Set(unknown.map(({text}) => text))].map(text =>
		note(
			text,
			`${text} does nothing`,
			`Linux has no such option, and ignores it${text.startsWith('iommu') ? '' : ' (dmesg: “Unknown option”)'}.`,
			PASS_THROUGH.test(text)
				? `Remove it. For pass-through of the host’s own devices, boot with iommu=pt.`
				: text === 'amd_iommu=on'
					? 'Remove it: Linux uses AMD-Vi wherever firmware enables it.'
					: 'Remove it.',
		),
	);
}

/** intel_iommu= on a machine whose units are AMD's, and the other way round. */
function otherVendor({settings, units}: HostParts): Finding[] {
	const formats = new Set(units.map(({format}) => format));
	const [used, name] = formats.has('vt-d')
		? ['VT-d', 'amd_iommu']
		: formats.has('amd-vi')
			? ['AMD-Vi', 'intel_iommu']
			: [];
	if (used === undefined) return [];
	return settings.words
		.filter(word => word.startsWith(`${name}=`))
		.filter(word => optionsOf(word).some(({known}) => known))
		.map(word =>
			note(word, `${word} does nothing`, `This machine’s IOMMU is ${used}, which ignores it.`, 'Remove it.'),
		);
}

function overridden(options: readonly Option[]): Finding[] {
	return (['default domain', 'intel_iommu'] as const).flatMap(kind => {
		const last = lastOf(options, kind);
		const earlier = options.filter(
			({setting}) => setting?.kind === kind && setting.value !== last?.setting?.value,
		);
		if (last === undefined || earlier.length === 0) return [];
		const texts = [...new Set(earlier.map(({text}) => text))].join(' and ');
		return [
			note(
				`${texts}, ${last.text}`,
				`${texts} is overridden by ${last.text}`,
				'Both are on the kernel’s command line; the last one counts.',
				`Remove ${texts}, or ${last.text}.`,
			),
		];
	});
}

/** The kernel was told to pass DMA through, or to translate it, and the groups are otherwise. */
function notDone(found: HostParts): Finding[] {
	const typed = found.groups.filter(({type}) => type !== undefined);
	const last = lastOf(found.settings.words.flatMap(optionsOf), 'default domain');
	if (typed.length === 0 || last === undefined) return [];
	const identity = typed.filter(isIdentity).length;
	const [wanted, done] =
		last.setting?.value === 'identity'
			? [identity > 0, 'all groups are translated']
			: [identity < typed.length, 'all groups are in identity domains'];
	if (wanted) return [];
	return [
		note(
			'not done',
			`${last.text} had no effect: ${done}`,
			'The types of the groups, which are what the kernel did, say so: /sys/kernel/iommu_groups/*/type. A type can be changed while the system runs.',
			'Check that this is the command line that the machine boots with, and that nothing sets the types later.',
		),
	];
}
