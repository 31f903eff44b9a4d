// Finds scenarios: shipped ones by name, others by path.

import {didYouMean} from '../../did-you-mean.js';
import {readRegular} from '../../files.js';
import {ShippedFolder} from '../../shipped.js';
import {errnoOf, messageOf, UserError} from '../../user-error.js';

const SHIPPED = new ShippedFolder('scenarios', new URL('scenarios/', import.meta.url));
/** Bytes of a file, more than any scenario needs. */
export const LONGEST = 2 ** 21;

/** The name for all shipped scenarios. */
export const ALL = 'all';

export const shippedScenarios = (): string[] =>
	SHIPPED.names()
		.filter(file => file.endsWith('.yaml'))
		.map(file => file.replace(/\.yaml$/, ''))
		.sort();

/** Where a scenario is: a file, or the name of one that ships. */
export const pathOf = (nameOrPath: string): string =>
	shippedScenarios().includes(nameOrPath) ? SHIPPED.pathOf(`${nameOrPath}.yaml`) : nameOrPath;

/** The text of a scenario, given by its path or its shipped name. @throws UserError */
export function findScenario(nameOrPath: string): {path: string; text: string} {
	const path = pathOf(nameOrPath);
	const shipped = shippedScenarios();
	const inside = shipped.includes(nameOrPath) ? SHIPPED.inside(`${nameOrPath}.yaml`) : undefined;
	if (inside !== undefined) return {path, text: inside};
	const known = `name a file or a shipped scenario: ${shipped.join(', ')}`;
	try {
		const bytes = readRegular(path, {limit: LONGEST, mend: known, pipes: true});
		return {path, text: bytes.toString('utf8').replace(/^\ufeff/, '')};
	} catch (error) {
		if (error instanceof UserError) throw error;
		const errno = errnoOf(error);
		if (errno !== 'ENOENT')
			throw new UserError(`Scenario ${nameOrPath} cannot be read: ${messageOf(error)}; ${known}.`);
		const near = didYouMean(nameOrPath, [...shipped, ALL]);
		throw new UserError(`Unknown scenario ${nameOrPath}; ${known}.${near}`);
	}
}
