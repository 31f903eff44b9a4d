// The words that make a line of a log worth reading. A few are whole families: any line with "iommu:" is read.

/** Of IOMMUs, in the messages of their drivers; and of what suppresses or repeats them. */
export const FAULT_WORDS: readonly string[] = [
	// VT-d: Linux, FreeBSD (DMAR0: …), Xen, jailhouse, OpenBSD and illumos
	...[
		'DMAR: ',
		'DMAR:[',
		'DMAR :',
		'DMAR:\u00a0',
		'DMAR-IR',
		'dmar: ',
		'dmar_f',
		'DRHD: ',
		'DRHD:\u00a0',
		'-REMAP',
	],
	...Array.from({length: 10}, (_, unit) => `DMAR${unit}:`),
	...['[VT-D]', 'VT-d det', 'VT-d fau', ' [DMA ', '[DMA R', '[DMA W', 'vtd_dm', 'vtd_io', 'immu: '],
	...['_vtd_entries'],
	// AMD-Vi
	...[
		'AMD-Vi',
		'_FAULT',
		'_HW_ER',
		'ILLEGAL_DEV',
		'on-Wait',
		'EVT: d',
		'R EVT]',
		'D EVT]',
		'V_DTE ',
		'V_TIME',
	],
	...['diommu', 'amdvi_', 'AMD IO', 'amd_io', 'INVALID_D'],
	// Arm, and the others of systems on a chip
	...[
		'SMMUv3',
		'SMMU(S',
		'DART(D',
		'DART D',
		'smmu: ',
		'smmu-v',
		'm-smmu',
		'ysmmu ',
		'ysmmu:',
		'ipmmu-',
		'_mmu: ',
	],
	...['iommu ', 'iommu:', 'iommu_', 'iommu-', 'IOMMU ', 'IOMMU:', 'IOMMUI', ' FAULT', 'ra-mc ', 'mc-err: ('],
	// Any
	...['fault ', 'fault:', 'fault\u00a0', '[fault', 'Fault ', 'ot recorded', ' suppressed'],
	// What stands beside them
	...['swiotlb', 'DMA-API', 'VFIO_MAP', 'VFIO_UNMAP', 'vfio_dma_', 'vfio_pin', "n't reserve", 'MEMLOCK'],
	...['IOVA mode', 'as IOVA', 'IOVA as', ' FLR; giv', 'set; giving', 'page leak'],
	...['MESSAGE":[', '"MESSAGE" : ['],
].filter(word => Buffer.byteLength(word) >= 6);

/** A kernel's first message. */
export const BOOT_WORD = 'Linux version';

/** Of what helps with faults: firmware's memory map, and functions in drivers' messages, of which there are many. */
export const CONTEXT_WORDS: readonly string[] = ['BIOS-e820', ' 0000:'];
