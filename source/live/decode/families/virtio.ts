// virtio-iommu, as Linux prints it (drivers/iommu/virtio-iommu.c, viommu_fault_handler):
//
//   virtio_iommu virtio0: page fault from EP 32 at 0x103231000 [R]
//   virtio_iommu virtio0: domain fault from EP 8
//
// Reasons and flags: the virtio specification, 5.13.6.9.

import type {ReasonClass} from '../../../formats/vtd-reasons.js';
import {accessOf, address, asRequester, done, type Format, unitOf} from './format.js';

const REASONS: Readonly<Record<string, {words: string; cause?: ReasonClass}>> = {
	domain: {words: 'the endpoint is in no domain', cause: 'no entry'},
	page: {words: 'nothing is mapped at that address, or not for this kind of access', cause: 'not mapped'},
	unknown: {words: 'the hypervisor does not say why'},
};

export const VIRTIO: readonly Format[] = [
	{
		of: 'viommu_fault_handler',
		word: 'fault from EP',
		pattern: /(domain|page|unknown) fault from EP (\d{1,10})(?: at (0x[0-9a-f]{1,16}) \[([RWX]*)\]|\s*$)/,
		read: ([, reason, endpoint, at, rights = ''], {before, time}) => {
			const id = Number(endpoint);
			const {words, cause} = REASONS[reason];
			return done({
				family: 'virtio-iommu',
				by: 'Linux',
				kind: 'access',
				name: `${reason} fault`,
				unit: unitOf(before),
				endpoint: `endpoint ${endpoint}`,
				stream: id,
				access: rights === '' ? undefined : accessOf(rights.includes('W')),
				address: address(at),
				words,
				cause,
				meaning: [
					`${words.charAt(0).toUpperCase()}${words.slice(1)}.`,
					...(at !== undefined && rights === ''
						? ['The hypervisor does not say whether it was a read or a write.']
						: []),
					'QEMU’s endpoint of a PCI function is its requester ID' +
						(id <= 0xffff ? `: ${asRequester(id)}.` : '.'),
				],
				time,
			});
		},
	},
];
