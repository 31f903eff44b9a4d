// Messages that are no refused access: of IOMMUs, and of what stands beside them. A table: how the message looks, and what
// to tell of it.

import type {Notice} from './fault.js';
import {loggedDevice} from './fault.js';

type Entry = {
	readonly of: Notice['of'];
	readonly id: string;
	/** The source of the message. */
	readonly source: string;
	readonly pattern: RegExp;
	readonly title: string;
	readonly says: readonly string[];
	readonly look?: readonly string[];
};

const PRQ =
	'This is no refused DMA: the device requested a page (PRI, for shared virtual addressing), and the request was refused.';

const IOMMU: readonly Entry[] = [
	{
		of: 'iommu',
		id: 'page request in privileged mode',
		source: 'prq_event_thread of drivers/iommu/intel/prq.c (svm.c before 6.13)',
		pattern: /[Pp]age request in Privilege Mode/,
		title: 'VT-d: a page request in privileged mode',
		says: [
			PRQ,
			'Linux serves no page requests for the kernel’s own addresses. After a process has ended they may be left over from its PASID (fixed by 8798d3641118).',
		],
	},
	{
		of: 'iommu',
		id: 'page request without PASID',
		source: 'prq_event_thread',
		pattern: /Page request without PASID|Page request for invalid PASID \d+/,
		title: 'VT-d: a page request without a valid PASID',
		says: [PRQ, 'The process has ended, or the device’s driver enabled page requests without a PASID.'],
	},
	{
		of: 'iommu',
		id: 'page request at a non-canonical address',
		source: 'prq_event_thread',
		pattern: /IOMMU: \w+: Address is not canonical/,
		title: 'VT-d: a page request at an address that is not canonical',
		says: [
			PRQ,
			'No process has such an address: the work that the device was given contains a wrong pointer.',
		],
	},
	{
		of: 'iommu',
		id: 'page request for execution',
		source: 'prq_event_thread',
		pattern: /Execution request not supported/,
		title: 'VT-d: a page request for execution',
		says: [PRQ, 'Linux does not let devices execute.'],
	},
	{
		of: 'iommu',
		id: 'invalid page request',
		source: 'handle_bad_prq_event',
		pattern: /Invalid page request: [0-9a-f]{8,16} [0-9a-f]{8,16}/,
		title: 'VT-d: an invalid page request',
		says: [
			PRQ,
			'The two numbers are the request as the device made it; the line before says what is wrong with it.',
		],
	},
	{
		of: 'iommu',
		id: 'page request overflow',
		source: 'prq_event_thread',
		pattern: /PRQ overflow (?:detected|cleared)/,
		title: 'VT-d: the queue of page requests was full',
		says: [
			'This is no refused DMA: devices requested more pages (PRI) than the kernel handled. Linux answers those that were lost; the devices ask again.',
		],
	},
	{
		of: 'iommu',
		id: 'PTE already set',
		source: '__domain_mapping of drivers/iommu/intel/iommu.c',
		pattern: /DMA PTE for vPFN 0x([0-9a-f]+) already set \(to ([0-9a-f]+) not ([0-9a-f]+)\)/,
		title: 'VT-d: a page was mapped that is mapped already',
		says: [
			'This is no refused DMA: the kernel mapped an address twice, over a mapping that overlaps it. That is a bug of the kernel or of a driver, not of the device.',
			'Seen with reserved regions (RMRR) that overlap a driver’s maps, with drivers that unmap less than they mapped, and in kdump kernels. The warning’s call trace names who mapped it.',
		],
		look: [
			'dmesg | grep -A 30 "already set"   # the call trace',
			'grep . /sys/kernel/iommu_groups/*/reserved_regions',
		],
	},
	{
		of: 'iommu',
		id: 'width not sufficient',
		source: 'intel_iommu_map, prepare_domain_attach_device',
		pattern: /iommu width \((\d+)\) is not sufficient for the mapped address \(([0-9a-f]+)\)/,
		title: 'VT-d: an address is wider than this IOMMU translates',
		says: [
			'The map was refused, so the device or the VM does not start. A VM’s memory or a device’s registers lie above what the IOMMU can address: give the VM less memory, keep its 64-bit registers lower (host-phys-bits-limit=39, or pci-hole64-size), or take the device from behind the narrow unit.',
		],
	},
	{
		of: 'iommu',
		id: 'firmware requires an identity mapping',
		source: 'iommu_group_do_attach_device of drivers/iommu/iommu.c, since 6.5',
		pattern: /Firmware has requested this device have a 1:1 IOMMU mapping/,
		title: 'firmware requires a one-to-one mapping for this device',
		says: [
			'The device cannot be passed through: firmware reserves memory for it (RMRR, IVMD) that must stay mapped. It is a rule of the kernel, not a fault. Turn off what uses it in the BIOS (USB legacy mode, shared graphics memory, the management controller’s functions), or ask the vendor for a firmware without it.',
		],
	},
	{
		of: 'iommu',
		id: 'ineligible because of an RMRR',
		source: 'intel_iommu_attach_device, until 6.4',
		pattern: /ineligible for IOMMU domain attach due to platform RMRR/,
		title: 'the device cannot be passed through because of an RMRR',
		says: [
			'Firmware reserves memory for this device (RMRR) that must stay mapped; Linux therefore refuses to give the device to a VM. HP’s and others’ BIOSes can turn it off for a slot (HP: conrep, “RMRR”); otherwise only another slot, or other firmware, helps.',
		],
	},
	{
		of: 'iommu',
		id: 'unknown option',
		source: 'parse_amd_iommu_options',
		pattern: /AMD-Vi: Unknown option/,
		title: 'AMD-Vi: an unknown word in amd_iommu=',
		says: [
			'The kernel’s command line has amd_iommu= with a word that it does not know; it is ignored. amd_iommu=on is not one: AMD’s IOMMU is on by itself.',
		],
		look: ['cat /proc/cmdline'],
	},
	{
		of: 'iommu',
		id: 'PPR or GA log restart',
		source: 'amd_iommu_restart_ppr_log, amd_iommu_restart_ga_log',
		pattern: /AMD-Vi: .*\b(?:PPR|GA) log restarting/i,
		title: 'AMD-Vi: a log of requests was full and was restarted',
		says: [
			'This is no refused DMA. PPR: devices requested more pages than the kernel handled. GA: interrupts for guests came faster than they were logged (AVIC).',
		],
	},
	{
		of: 'iommu',
		id: 'firmware bug',
		source: 'dmar.c, amd/init.c: FW_BUG',
		pattern: /(?:DMAR|AMD-Vi|DMAR-IR): \[Firmware (?:Bug|Warn)\]/,
		title: 'the firmware’s table of IOMMUs is wrong',
		says: [
			'The kernel works around it, or leaves a part of the IOMMU off (often interrupt remapping). A newer BIOS may correct it.',
		],
	},
	{
		of: 'iommu',
		id: 'interrupt remapping off',
		source: 'drivers/iommu/intel/irq_remapping.c',
		pattern: /DMAR-IR: (?:Failed to enable irq remapping|.*vulnerable to irq-injection)/,
		title: 'VT-d: interrupts are not remapped',
		says: [
			'Devices that are passed through could send any interrupt. vfio refuses them without allow_unsafe_interrupts=1.',
		],
	},
	{
		of: 'iommu',
		id: 'RMP entry',
		source: 'dump_rmpentry of arch/x86/virt/svm/sev.c',
		pattern: /SEV-SNP: (?:RMPEntry|PFN 0x[0-9a-f]+)/i,
		title: 'SEV-SNP: the owner of a page (RMP)',
		says: [
			'The kernel prints it beside a fault: assigned=0 is a page of the host, assigned=1 one of a guest.',
		],
	},
];

/** A map of VFIO's that fails leaves a device with less than it needs; nothing has been refused to it yet. */
const NEIGHBOURS: readonly Entry[] = [
	{
		of: 'neighbour',
		id: 'swiotlb full',
		source: 'swiotlb_tbl_map_single of kernel/dma/swiotlb.c',
		pattern:
			/swiotlb buffer is full|Out of SW-IOMMU space|swiotlb: (?:coherent allocation failed|No low mem)/,
		title: 'the bounce buffer (swiotlb) is full',
		says: [
			'DMA of devices that cannot reach all memory, or of a confidential VM, goes through this buffer. Transfers fail while it is full. Boot with a larger one: swiotlb=131072 is 256 MiB.',
		],
		look: [
			'dmesg | grep -i -e swiotlb -e "software IO TLB"',
			'cat /sys/kernel/debug/swiotlb/io_tlb_{used,nslabs}',
		],
	},
	{
		of: 'neighbour',
		id: 'DMA-API',
		source: 'kernel/dma/debug.c',
		pattern: /DMA-API: (?!preallocated|debugging (?:enabled|disabled)|nr_(?:used|free|prealloc)|disable)\S+/,
		title: 'the kernel’s check of drivers’ maps (DMA-API debug) found an error',
		says: [
			'A driver uses the DMA API wrongly: this is often the cause of the faults themselves. The text says which rule was broken, the call trace where.',
		],
	},
	{
		of: 'neighbour',
		id: 'VFIO map',
		source: 'QEMU’s hw/vfio/container.c; drivers/vfio/vfio_iommu_type1.c',
		pattern: /VFIO_(?:MAP_DMA|UNMAP_DMA) ?(?:failed)?|vfio_dma_(?:un)?map\(.*\) = -\d+/,
		title: 'VFIO could not map memory for a VM',
		says: [
			'“Cannot allocate memory”: the limit of locked memory is too low (memlock). “Invalid argument” or “Bad address”: the region is a device’s registers, or lies above what the IOMMU translates. Registers of other devices only matter for DMA between devices.',
		],
		look: ['ulimit -l', 'grep . /sys/kernel/iommu_groups/*/reserved_regions'],
	},
	{
		of: 'neighbour',
		id: 'group not viable',
		source: 'QEMU’s hw/vfio/container.c',
		pattern: /group \d+ is not viable|ensure all devices within the iommu_group are bound/,
		title: 'a group is not VFIO’s as a whole',
		says: [
			'All functions of the device’s IOMMU group must have vfio-pci or no driver: they could reach each other’s memory past the IOMMU. Bind the others too, or move the card to another slot.',
		],
		look: ['dmascope host   # the groups, and which device is in the way'],
	},
	{
		of: 'neighbour',
		id: 'memlock',
		source: 'vfio_pin_pages_remote, vfio_lock_acct',
		pattern: /RLIMIT_MEMLOCK \(\d+\) exceeded|RLIMIT_MEMLOCK/,
		title: 'a VM may not lock as much memory as it needs',
		says: [
			'With a device passed through, all of a VM’s memory is locked. Raise the limit: LimitMEMLOCK=infinity in the service, or <hard_limit> in libvirt.',
		],
		look: ['ulimit -l', 'systemctl show -p LimitMEMLOCK libvirtd'],
	},
	{
		of: 'neighbour',
		id: 'BAR reservation',
		source: 'pci_request_region of drivers/pci/pci.c',
		pattern: /BAR \d:? (?:\[.*\]: )?can['’]t reserve/,
		title: 'a device’s registers are taken by something else',
		says: [
			'Another driver has them: often the console’s framebuffer (efifb, simplefb, vesafb) on a graphics card that is to be passed through. Boot with video=efifb:off, or unbind the console before.',
		],
		look: ['sudo grep -B 2 -A 2 -i -e efifb -e BOOTFB -e simplefb /proc/iomem'],
	},
	{
		of: 'neighbour',
		id: 'reset failed',
		source: 'pci_dev_wait of drivers/pci/pci.c',
		pattern:
			/not ready \d+ms after [\w ]+; giving up|timed out waiting for pending transaction|\b(?:vfio-pci|pci|pciback) .*(?:failed to reset|reset failed)/i,
		title: 'a device did not come back from a reset',
		says: [
			'It answers nothing until the machine is powered off and on. Faults and invalidation errors nearby come from it.',
		],
	},
	{
		of: 'neighbour',
		id: 'EAL IOVA mode',
		source: 'DPDK’s lib/eal and drivers; SPDK prints the same',
		pattern:
			/EAL: .*(?:IOVA|iova).*(?:mode|not|cannot)|EAL: .*(?:Expecting|Cannot use) .*IOVA|EAL: .*VFIO .*(?:fail|error)/i,
		title: 'DPDK’s addresses (IOVA mode) do not fit the device or the IOMMU',
		says: [
			'PA needs physical addresses, and so root and no IOMMU translation; VA needs an IOMMU and vfio-pci. Bind the devices to vfio-pci, or choose with --iova-mode.',
		],
	},
	{
		of: 'neighbour',
		id: 'page leak',
		source: 'drivers/iommu/iommu-debug-pagealloc.c',
		pattern: /iommu: Detected page leak!/,
		title: 'memory was freed that a device can still reach',
		says: [
			'iommu.debug_pagealloc found it: a driver frees pages that it has not unmapped. What the device writes there then corrupts something else. The lines after it say who allocated the page.',
		],
	},
];

const ENTRIES = [...IOMMU, ...NEIGHBOURS];
/** Quick check. */
const RELEVANT =
	/SW-IOMMU|not viable|ensure all devices|age request|canonical|Execution req|PRQ|vPFN|iommu width|1:1|ineligible|Unknown opt|log rest|Firmware|DMAR-IR|RMPEntry|swiotlb|DMA-API|VFIO|vfio_dma|MEMLOCK|reserve|after |reset|pending tr|EAL:|page leak|SEV-SNP/;
const DEVICE = /(?:^|[^0-9a-f])([0-9a-f]{4}):([0-9a-f]{2}):([0-9a-f]{2})\.([0-7])(?![0-9a-f])/;

/** What a message says, if it is one of these. */
export function noticeOf(text: string, time?: number): Notice | undefined {
	if (!RELEVANT.test(text)) return undefined;
	const entry = ENTRIES.find(({pattern}) => pattern.test(text));
	if (entry === undefined) return undefined;
	const {of, id, title, says, look} = entry;
	const named = DEVICE.exec(text);
	const device = named === null ? undefined : loggedDevice(named[1], named[2], named[3], named[4]);
	return {of, id, title, says, look, device, line: text.trim(), time};
}

/** Drivers of IOMMUs, as they begin their messages. */
const DRIVER =
	/(?:^|[\s\](>])(?:DMAR(?:-IR)?\d*|dmar\d*|DRHD|AMD-Vi|ivhd\d*|acpidmar\d*|amd_iommu\w*|amdiommu\d*|\[VT-D\]|VT-d|INTR-REMAP|(?:arm-smmu(?:-v3)?|SMMUv3|smmu|virtio_iommu|rk_iommu|mtk-iommu|exynos-sysmmu|apple-dart|sun50i-iommu|omap-iommu|ipmmu-vmsa|qcom-iommu|riscv,iommu|riscv_iommu\w*|tegra-mc|msm_iommu|sprd-iommu|fsl-pamu)(?: [\w.,@/-]+)?|iommu(?: ivhd\d+)?|IOMMU|immu)\s?:|Event logged \[|\[DMA (?:Read|Write)|Request device \[|\bfault addr (?:0x)?[0-9a-f]/;
/** Words of trouble, as words of their own: "default" is none. */
const TROUBLE =
	/\bfault(?:s|ed)?\b|\berrors?\b|violation|\babort(?:ed)?\b|timed? ?out\b|\bunhandled\b|\billegal\b|\bblocked\b|\boverflow|\bunexpected\b|\bexception\b/i;
/** Trouble that is none, or that something else tells. */
const HARMLESS =
	/handling fault status|error (?:handling|reporting|interrupt)|fault (?:handling|report|queue|event|interrupt)s?\b.*(?:enabled|initial|registered|support)|\bsupport(?:s|ed)?\b|callbacks suppressed|messages suppressed|ITE\) cleared|(?:IQE|ICE|ITE)\) cleared|Overflow\) cleared|fault (?:reporting|logging) enabled/i;

/** Whether an IOMMU's driver printed this about trouble. */
export const looksLikeTrouble = (text: string): boolean =>
	DRIVER.test(text) && TROUBLE.test(text) && !HARMLESS.test(text);
