// The path of a transfer as a row of stations.

import type {Stage, Transfer} from '../machine/transfer.js';
import {sizeText} from '../words.js';

export type Station = {name: string; saw: string; trouble: boolean};

/** The stations of a transfer in order. A bounced one has a copy before the guest's memory. */
export function stationsOf({chain, path, copied}: Transfer): Station[] {
	const stations = chain.map(({place, brief, trouble}: Stage) => ({name: place, saw: brief, trouble}));
	if (path === 'bounced')
		stations.splice(-1, 0, {
			name: 'copy',
			saw: copied > 0 ? sizeText(copied) : 'none',
			trouble: copied === 0,
		});
	return stations;
}

/** Where the packet stops: the station that refused it, or the last. */
export const endOf = (stations: readonly Station[]): number => {
	const iommu = stations.findIndex(({name, trouble}) => name === 'IOMMU' && trouble);
	return iommu < 0 ? stations.length - 1 : iommu;
};
